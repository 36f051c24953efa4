"""What operators do with the files of an archive: copies beside and elsewhere, backups put back, renamed halves.

Each story is told with real commands, and each ends with every raw response still where it was.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from broadsheet.output.raw.warc_reader import iter_records
from tests.crawler import raws
from tests.crawler.crawls import Serve
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import command, rows

pytestmark = pytest.mark.slow
NAMES = tuple(f"/p{number}" for number in range(8))
TEXTS = "SELECT url, title, text FROM articles ORDER BY url"


@pytest.fixture
def site(serve: Serve) -> ScriptedSite:
    return serve({"/": page("home", *NAMES), **{name: page(name[1:], words=90) for name in NAMES}})


def crawl(site: ScriptedSite, db: Path, *options: object) -> tuple[int, str, str]:
    quick = ("--allow-private", "--delay", 0, "--no-sitemaps", "--no-feeds", "--concurrency", 1)
    return command("crawl", f"{site.url}/", "--db", db, *quick, *options)


def test_an_archive_is_handed_on_asked_corrected_and_given_back(site, half, tmp_path):
    """The receiver of a copy opens it, asks it in SQL and Parquet, mends a title and a kind, and the giver merges."""
    copy = tmp_path / "theirs" / "news.db"
    copy.parent.mkdir()
    before, kept = rows(half, TEXTS), contents(half)
    (wrong, *_), *_, (no_article, *_) = before
    assert command("backup", half, copy)[0] == 0
    assert command("show", copy, wrong)[0] == 0
    query = "/news.json?_shape=array&sql=select+url,title,text+from+articles+order+by+url"
    code, said, errors = command("datasette", copy, "--", "--get", query)
    assert code == 0, errors
    assert [tuple(row.values()) for row in json.loads(said)] == before
    assert command("export", copy, "--format", "parquet", "-o", tmp_path / "tables")[0] == 0
    titles = pq.read_table(tmp_path / "tables" / "articles", columns=["url", "title"]).sort_by("url").to_pylist()
    assert [tuple(row.values()) for row in titles] == [row[:2] for row in before]

    assert command("correct", copy, wrong, "--title", "As printed", "--note", "page 3")[0] == 0
    assert command("correct", copy, no_article, "--not-article")[0] == 0
    assert rows(half, TEXTS) == before
    assert command("merge", half, copy)[0] == 0
    mended = [row if row[0] != wrong else (wrong, "As printed", row[2]) for row in before if row[0] != no_article]
    for db in (half, copy):
        assert rows(db, TEXTS) == mended
        assert command("verify", db)[0] == 0
    made = map(json.loads, command("correct", half, "--json")[1].splitlines())
    assert {(one["url"], one["field"], one["note"]) for one in made} == {
        (wrong, "title", "page 3"), (no_article, "kind", ""),
    }  # fmt: skip
    assert f"title by correction; the page says {before[0][1]}" in command("explain", half, wrong)[1]
    assert keeps(half, kept)
    assert crawl(site, half)[0] == 0, "the giver's archive goes on"
    assert [row for row in rows(half, TEXTS) if row[0] in (wrong, no_article)] == [(wrong, "As printed", mended[0][2])]


def contents(db: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in raws.files(db)}


def keeps(db: Path, before: dict[str, bytes]) -> bool:
    """Whether each WARC file still begins with the bytes that it had."""
    now = contents(db)
    return all(now.get(name, b"").startswith(data) for name, data in before.items())


def assert_one_line(result: tuple[int, str, str], said: str, code: int = 1) -> None:
    found, _, errors = result
    assert found == code
    assert errors.count("\n") == 1, errors
    assert said in errors
    assert "Traceback" not in errors


@pytest.fixture
def half(site: ScriptedSite, tmp_path: Path) -> Path:
    """An archive of some of the pages."""
    db = tmp_path / "news.db"
    assert crawl(site, db, "--max-pages", 4)[0] == 0
    return db


WRITING_VERBS = {
    "reclean": lambda copy: ("reclean", copy, "--all"),
    "crawl": lambda copy: ("crawl", "--db", copy, "--allow-private", "--delay", 0),
    "update": lambda copy: ("update", copy, "--all", "--allow-private", "--delay", 0),
    "import": lambda copy: ("import", copy.parent / "other.warc.gz", "--db", copy),
    "merge": lambda copy: ("merge", copy, copy.parent / "other.db"),
    "forget": lambda copy: ("forget", copy, "http://*", "--yes"),
    "import --own": lambda copy: ("import", "--own", "--db", copy),
}


def test_no_verb_into_a_copy_takes_a_byte_from_the_original(site, half):
    copy = half.with_name("copy.db")
    shutil.copy(half, copy)
    assert crawl(site, half)[0] == 0
    assert crawl(site, half.with_name("other.db"))[0] == 0
    shutil.copy(raws.files(half)[0], half.with_name("other.warc.gz"))
    before, copied = contents(half), rows(copy, TEXTS)
    for name, arguments in WRITING_VERBS.items():
        assert_one_line(command(*arguments(copy)), "cp -r")
        assert contents(half) == before, name
    assert command("search", copy, "home")[0] in (0, 1)
    assert rows(copy, TEXTS) == copied
    raws.checked(half)

    shutil.copytree(f"{half}.warc", f"{copy}.warc")  # which is newer than the copied rows
    assert command("import", "--own", "--db", copy, "--quiet") == (0, "", "")
    assert command("reclean", copy, "--all")[0] == 0
    assert crawl(site, copy)[0] == 0
    assert contents(half) == before
    assert rows(copy, TEXTS) == rows(half, TEXTS)
    raws.checked(copy)
    for archive in (half, copy):
        assert command("verify", archive)[0] == 0
    assert crawl(site, half, "--max-pages", 1)[0] == 0, "the original goes on as before"


def bodies_in(wacz: Path) -> dict[str, bytes]:
    """The bodies of all responses in a WACZ, by URL."""
    with zipfile.ZipFile(wacz) as file:
        data = b"".join(file.read(name) for name in file.namelist() if name.startswith("archive/"))
    records = [record for _, record in iter_records(data, str(wacz))]
    return {record.url: record.head_and_body[1] for record in records if record.kind == "response"}


def test_an_export_never_has_another_archive_s_bytes(site, half, tmp_path):
    """Both halves renamed, a backup of both put back under the old name, and that one updated."""
    backup = Path(shutil.copytree(half.parent, tmp_path / "backup", ignore=shutil.ignore_patterns("backup")))
    assert command("export", half, "-o", tmp_path / "before.wacz")[0] == 0
    renamed = half.rename(half.with_name("z.db"))
    half.with_name("news.db.warc").rename(half.with_name("z.db.warc"))
    for name in ("news.db", "news.db.warc"):
        shutil.move(backup / name, half.with_name(name))
    site.routes |= {name: page(f"new {name[1:]}", words=120) for name in NAMES}
    assert command("update", half, "--all", "--allow-private", "--delay", 0)[0] == 0
    assert command("forget", half, f"{site.url}/p0", "--yes")[0] == 0
    code, _, errors = command("export", renamed, "-o", tmp_path / "after.wacz")
    assert (code, "written to" in errors) == (0, True), errors
    assert bodies_in(tmp_path / "after.wacz") == bodies_in(tmp_path / "before.wacz")
    assert command("merge", tmp_path / "merged.db", renamed)[0] == 0
    assert command("export", tmp_path / "merged.db", "-o", tmp_path / "merged.wacz")[0] == 0
    assert bodies_in(tmp_path / "merged.wacz") == bodies_in(tmp_path / "before.wacz")

    shutil.rmtree(half.with_name("z.db.warc"))
    assert_one_line(command("export", renamed, "-o", tmp_path / "none.wacz"), "z.db.warc/", code=2)
    assert not (tmp_path / "none.wacz").exists()


def test_a_copy_elsewhere_goes_on_without_its_folder_and_is_whole_when_that_arrives(site, half, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    copy = Path(shutil.copy(half, elsewhere))
    original = contents(half)
    assert command("search", copy, "p0")[0] in (0, 1)
    code, out, _ = command("verify", copy)
    assert (code, "news.db.warc is not there" in out) == (1, True)
    code, _, errors = crawl(site, copy)
    assert code == 0
    assert "Raw responses are missing from" in errors
    written = contents(copy)
    assert written
    assert not written.keys() & original.keys(), "the name of a file that may still come is not taken"
    assert contents(half) == original

    for path in half.with_name("news.db.warc").iterdir():
        shutil.copy(
            path, elsewhere / "news.db.warc"
        )  # over what says the same of the folder, as a tool for copies does
    assert command("verify", copy)[0] == 0
    assert crawl(site, copy)[0] == 0
    assert command("reclean", copy, "--all")[0] == 0
    assert contents(copy).items() >= (original | written).items()
    raws.checked(copy)


def test_a_file_that_has_arrived_in_part_is_left_alone_until_it_is_whole(site, half):
    [file] = raws.files(half)
    whole = file.read_bytes()
    os.truncate(file, len(whole) // 2)
    part = contents(half)
    code, out, _ = command("verify", half)
    assert (code, "the file ends before the record does" in out) == (1, True)
    code, _, errors = crawl(site, half)
    assert (code, "Raw responses are missing from" in errors) == (0, True)
    assert contents(half).items() >= part.items(), "nothing is appended to half a file"
    texts = rows(half, TEXTS)
    code, _, errors = command("reclean", half, "--all", "--quiet")
    assert (code, errors.count("; left as it is")) == (0, errors.count("\n") - 1), errors
    assert [url for url, _, _ in rows(half, TEXTS)] == [url for url, _, _ in texts]
    file.write_bytes(whole)
    assert command("verify", half)[0] == 0
    assert command("reclean", half, "--all")[0] == 0
    assert rows(half, TEXTS) == texts
    raws.checked(half)


def test_conflicted_copies_change_nothing_and_a_takedown_names_them(site, half):
    conflicted = Path(shutil.copy(half, half.with_name("news (conflicted copy).db")))
    [file] = raws.files(half)
    doubled = [
        Path(shutil.copy(path, path.with_name(f"{path.stem} 2{path.suffix}")))
        for path in (file, file.with_name("committed.jsonl"), file.with_name("folder.json"))
    ]
    before = contents(half)
    assert command("verify", half)[0] == 0
    assert crawl(site, half)[0] == 0
    code, out, _ = command("import", "--own", "--db", half)
    assert (code, "Nothing to take in" in out) == (0, True), "a doubled file is taken in twice"
    assert_one_line(crawl(site, conflicted, "--quiet"), "cp -r ")
    assert command("verify", conflicted)[0] in (0, 1)
    assert keeps(half, before)
    [(url,)] = rows(half, "SELECT url FROM articles ORDER BY url LIMIT 1")
    code, out, _ = command("forget", half, url, "--yes")
    assert code == 0
    assert all(f"stays: what {path} may hold" in out for path in doubled), out
    assert command("verify", half)[0] == 0


READING_VERBS = (
    ("verify", "news.db"), ("search", "news.db", "p1"), ("report", "news.db"), ("changes", "news.db"),
    ("datasette", "news.db", "--print"), ("correct", "news.db"),
)  # fmt: skip


def test_a_newer_version_of_the_program_has_its_archive_to_itself(site, half):
    """Of two versions at work in one folder, the older one refuses what the newer one has upgraded."""
    assert crawl(site, half.with_name("own.db"))[0] == 0
    with closing(sqlite3.connect(half)) as connection, connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
        connection.execute("PRAGMA user_version = 99")
    data, before = half.read_bytes(), contents(half)
    reading = [(verb, half, *rest) for verb, _, *rest in READING_VERBS]
    for arguments in (*reading, *(arguments(half) for name, arguments in WRITING_VERBS.items() if name != "import")):
        if arguments[0] == "merge":
            arguments = ("merge", half, half.with_name("own.db"))
        assert_one_line(command(*arguments), "schema 99, newer than")
    assert (half.read_bytes(), contents(half)) == (data, before)
    assert sorted(path.name for path in half.parent.iterdir()) == ["news.db", "news.db.warc", "own.db", "own.db.warc"]
    assert command("verify", half.with_name("own.db"))[0] == 0


@contextmanager
def read_only(folder: Path, mounted: Path) -> Iterator[Path]:
    """A folder mounted elsewhere, where nobody can write, not even root."""
    mounted.mkdir()
    mount = ["mount", "--bind", "-o", "ro", str(folder), str(mounted)]
    if sys.platform != "linux" or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a folder read-only")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(mounted)], check=False, capture_output=True)
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "-l", str(mounted)], check=True)


def test_read_only_media_are_read_and_every_writer_says_so_in_a_line(half, tmp_path):
    other = half.with_name("other.db")
    shutil.copy(half, other)
    folder = tmp_path / "media"
    folder.mkdir()
    half.rename(folder / "news.db")
    half.with_name("news.db.warc").rename(folder / "news.db.warc")
    with read_only(folder, tmp_path / "mounted") as mounted:
        db = mounted / "news.db"
        for verb, _, *rest in READING_VERBS:
            code, _, errors = command(verb, db, *rest)
            assert (code in (0, 1), "Traceback" in errors, "cannot" in errors) == (True, False, False), (verb, errors)
        assert command("export", db, "--format", "csv", "-o", tmp_path / "out.csv")[0] == 0
        assert command("merge", tmp_path / "target.db", db)[0] == 0
        [warc] = raws.files(db)
        assert command("import", warc, "--db", tmp_path / "imported.db", "--quiet")[0] == 0
        for name, arguments in WRITING_VERBS.items():
            if name == "import":
                result = command("import", warc, "--db", db)
            elif name == "merge":
                result = command("merge", db, other)
            else:
                result = command(*arguments(db))
            assert_one_line(result, "cannot be written")
    assert command("verify", folder / "news.db")[0] == 0
