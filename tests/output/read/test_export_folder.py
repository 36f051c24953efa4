"""Folders of exported files: whole when they appear, in step with the archive, and nothing of the user's is touched."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.output.archive.article_filter import ArticleBounds, article_scope
from broadsheet.output.read import export_folder
from broadsheet.output.read.article_files import export_markdown, export_reader_pages
from broadsheet.output.read.export_folder import LIST_NAME, listed_articles
from broadsheet.output.read.export_target import TargetRefused
from broadsheet.output.read.tei import export_tei
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.output.conftest import Maker
from tests.windows import KilledError

EXPORTS = (export_markdown, export_reader_pages, export_tei)
HOSTS = ("http://a.test", "http://b.test")


@pytest.fixture
def town(file: Path, make: Maker) -> Iterator[Archive]:
    """Two articles on each of two hosts."""
    with Archive.open(file, make.clock) as archive:
        for url in (f"{host}/{name}" for host in HOSTS for name in ("ferry", "mill")):
            archive.save([make.outcome(url, f"The story of {url} is told here.", title=f"Title of {url}")])
        yield archive


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder) - {LIST_NAME}}


@pytest.mark.parametrize("export", EXPORTS)
def test_a_folder_follows_its_archive(town, tmp_path, make, export):
    folder, kept = tmp_path / "out", list[str]()
    export(town.db, folder)
    (folder / "notes.md").write_text("mine")
    take_down(town.db, f"{HOSTS[0]}/ferry", "", make.clock)
    town.save([make.outcome(f"{HOSTS[1]}/mill", "The story has another end.", title="Renamed")])
    export(town.db, folder, on_kept=kept.append)
    export(town.db, tmp_path / "anew")
    assert contents(folder) == contents(tmp_path / "anew") | {"notes.md": b"mine"}
    assert "a-test-ferry" not in (folder / LIST_NAME).read_text()
    assert kept == []


@pytest.mark.parametrize("export", EXPORTS)
def test_a_narrower_selection_deletes_nothing_but_what_is_gone(town, tmp_path, make, export):
    folder = tmp_path / "out"
    export(town.db, folder)
    before = names(folder)
    with article_scope(town.db, ArticleBounds(host="a.test")):
        assert export(town.db, folder) == 2
    assert names(folder) == before
    take_down(town.db, f"{HOSTS[1]}/ferry", "", make.clock)
    with article_scope(town.db, ArticleBounds(host="a.test")):
        export(town.db, folder)
    gone = {Path(name).name for name in before - names(folder)}
    assert len({name for name in gone if "b-test-ferry" in name}) == len([name for name in gone if "test" in name]) == 1
    assert not [name for name, data in contents(folder).items() if b"b.test/ferry" in data]


def test_what_somebody_edited_or_made_is_left_and_named(town, tmp_path, make):
    folder, kept = tmp_path / "out", list[str]()
    export_markdown(town.db, folder)
    ferry, mill = (next(folder.glob(f"*a-test-{name}*")) for name in ("ferry", "mill"))
    for path in (ferry, mill):
        path.write_text("edited")
    town.save([make.outcome(f"{HOSTS[0]}/new", "A new story.", title="New")])
    export_markdown(town.db, tmp_path / "anew")
    own = folder / next((tmp_path / "anew").glob("new-*")).name
    own.write_text("made")
    take_down(town.db, f"{HOSTS[0]}/ferry", "", make.clock)
    for _ in range(2):
        kept.clear()
        export_markdown(town.db, folder, on_kept=kept.append)
        assert sorted(kept) == sorted(path.name for path in (ferry, mill, own))
    assert [path.read_text() for path in (ferry, mill, own)] == ["edited", "edited", "made"]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_an_export_that_is_killed_is_gone_on_with(town, tmp_path, monkeypatch, make, number):
    """Killed between two files, in a new folder and in one that is brought up to date."""
    write, chance, left = export_folder.write_file, random.Random(number), [number]

    def write_some(*words):
        left[0] -= 1
        if not left[0]:
            if chance.random() < 0.5:
                write(*words)
            raise KilledError
        write(*words)

    def killed(folder):
        left[0] = number
        with monkeypatch.context() as patch:
            patch.setattr(export_folder, "write_file", write_some)
            with pytest.raises(KilledError) if number < 6 else pytest.MonkeyPatch.context():
                export_markdown(town.db, folder)

    killed(tmp_path / "out")
    assert (tmp_path / "out").exists() is (number == 6)
    export_markdown(town.db, tmp_path / "out")
    for name in ("ferry", "mill"):
        town.save([make.outcome(f"{HOSTS[1]}/{name}", f"Another story of {name}.", title="Another")])
    kept: list[str] = []
    killed(tmp_path / "out")
    export_markdown(town.db, tmp_path / "out", on_kept=kept.append)
    export_markdown(town.db, tmp_path / "anew")
    assert (contents(tmp_path / "out"), kept) == (contents(tmp_path / "anew"), [])


def test_a_list_leads_nowhere_else_and_a_damaged_line_counts_nothing(town, tmp_path):
    outside = tmp_path / "outside.md"
    outside.write_text("x")
    folder = tmp_path / "out"
    export_markdown(town.db, folder)
    before = contents(folder)
    (folder / "link").symlink_to(tmp_path)
    digest = export_folder._digest(b"x")
    with (folder / LIST_NAME).open("a") as stream:
        for name in ("../outside.md", str(outside), "link/outside.md"):
            stream.write(json.dumps({"file": name, "sha256": [digest], "articles": [1]}) + "\n")
        stream.write('{"file": "x", "sha256": 5}\n[]\n{"fi')
    export_markdown(town.db, folder)
    assert outside.read_text() == "x"
    assert {name: (folder / name).read_bytes() for name in before} == before
    (folder / LIST_NAME).unlink()
    os.symlink(outside, folder / LIST_NAME)
    with pytest.raises(TargetRefused, match="not an ordinary file"):
        export_markdown(town.db, folder)
    assert listed_articles(tmp_path) == frozenset()
