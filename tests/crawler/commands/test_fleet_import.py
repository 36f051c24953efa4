"""Many WARC files side by side: the same as one import after the other, and no file costs another anything."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from broadsheet.crawler.commands.fleet_import import option_words
from broadsheet.output.write.archive import Archive
from tests.bench.archives.differences import differences
from tests.crawler.scripted_site import page
from tests.crawler.shell import command, rows
from tests.crawler.warcs import answer, record, write

HOSTS = ("a.example", "b.example")
_PROGRESS = re.compile(r"^\d+ of \d+ files; .*\n", re.MULTILINE)
OTHERWISE = ("meta", "runs", "url_patterns")  # how an archive was made, not what is in it
QUEUE_COLUMNS = ("attempts", "revisit_seconds", "found_via", "found_on", "depth", "priority")  # of `urls`: its way here


def host_records(host: str, day: int, *names: str) -> list[bytes]:
    """Pages of a host on a day; `/front` is there each day, with other links."""
    site, links = f"https://{host}", [f"/{name}" for name in names]
    pages = {"front": page("front", *links)} | {name: page(name) for name in names}
    moved = record(f"{site}/old-{names[0]}", answer("", "301 Moved", location=links[0]), f"2024-03-0{day}T12:00:00Z")
    return [record(f"{site}/{name}", answer(text), f"2024-03-0{day}T10:00:00Z") for name, text in pages.items()] + [
        moved
    ]


def fleet_import(*arguments: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error, without the progress lines that a slow machine shows."""
    code, out, errors = command("fleet", "import", *arguments)
    return code, out, _PROGRESS.sub("", errors)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return [
        write(tmp_path / "one.warc.gz", host_records(HOSTS[0], 1, "river", "mill")),
        write(tmp_path / "two.warc.gz", host_records(HOSTS[1], 1, "tower", "river")),
        write(tmp_path / "three.warc.gz", host_records(HOSTS[0], 2, "mill", "harbour")),
    ]


@pytest.mark.slow
def test_it_gives_what_one_import_after_the_other_gives_and_again_nothing(tmp_path: Path, files: list[Path]) -> None:
    one_by_one, side_by_side = tmp_path / "each.db", tmp_path / "all.db"
    for file in files:
        assert command("import", file, "--db", one_by_one, "-q")[0] == 0
    code, out, errors = fleet_import(*files, "--db", side_by_side)
    assert (code, errors) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == [*(file.name for file in files), "all.db"]
    differing = [
        d
        for d in differences(one_by_one, side_by_side)
        if d.relation not in OTHERWISE and not (d.relation == "urls" and d.column in QUEUE_COLUMNS)
    ]
    assert [(d.relation, d.row, d.column, d.old, d.new) for d in differing][:9] == []
    assert command("verify", side_by_side)[0] == 0
    assert not (tmp_path / "all.db.import").exists()
    before = Path(shutil.copy(side_by_side, tmp_path / "before.db"))
    assert fleet_import(*files, "--db", side_by_side)[1] == ("Nothing to do: 3 files are in the archive already.\n")
    assert command("import", *files, "--db", side_by_side)[1].startswith("Nothing to do: 3 files")
    assert differences(before, side_by_side) == []


@pytest.mark.slow
def test_a_file_that_fails_is_a_line_and_the_next_command_reads_what_is_new(tmp_path: Path, files: list[Path]) -> None:
    db, listing = tmp_path / "all.db", tmp_path / "files.txt"
    (tmp_path / "text.warc.gz").write_text("no records")
    listing.write_text(f"one.warc.gz\nmissing.warc.gz\ntext.warc.gz\n{files[1]}\n")
    code, out, errors = fleet_import(listing, "--db", db, "--host", "b.example")
    assert code == 1
    assert [line.split(": ")[0] for line in errors.splitlines()] == ["broadsheet", "broadsheet"]
    assert "missing.warc.gz: No such file" in errors
    assert "text.warc.gz" in errors.splitlines()[1]
    assert out.splitlines()[0] == "one.warc.gz: nothing new"
    assert {url.split("/")[2] for (url,) in rows(db, "SELECT url FROM urls")} == {"b.example"}
    os.replace(files[2], tmp_path / "missing.warc.gz")
    write(tmp_path / "text.warc.gz", host_records("b.example", 3, "bridge"))
    code, out, errors = fleet_import(listing, "--db", db, "--host", "b.example")
    assert (code, errors) == (0, "")
    assert [line.split(":")[0] for line in out.splitlines()] == ["missing.warc.gz", "text.warc.gz", "all.db"]
    assert len(rows(db, "SELECT url FROM articles")) == 4


@pytest.mark.slow
def test_nothing_that_can_be_read_leaves_no_archive(tmp_path: Path) -> None:
    code, out, errors = fleet_import(tmp_path / "no.warc.gz", "--db", tmp_path / "all.db")
    assert (code, out) == (1, "")
    assert errors == f"broadsheet: {tmp_path}/no.warc.gz: No such file or directory\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_an_archive_in_use_is_left_alone(tmp_path: Path, files: list[Path]) -> None:
    with Archive.open(tmp_path / "all.db"):
        code, out, errors = fleet_import(*files, "--db", tmp_path / "all.db")
    assert (code, out, len(errors.splitlines())) == (75, "", 1)
    assert not (tmp_path / "all.db.import").exists()


def test_options_are_passed_on_as_they_are_typed() -> None:
    options = {
        "hosts": ("a.example",), "include": ("-x", "y"), "exclude": (), "language": ("en",), "since": "2024-01-31",
        "site_rules": None, "obey_directives": True,
    }  # fmt: skip
    assert option_words(options) == (
        "--host=a.example", "--include=-x", "--include=y", "--language=en", "--since=2024-01-31", "--obey-directives",
    )  # fmt: skip
