"""`broadsheet export --format parquet`: archives as a folder of Parquet files."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from broadsheet.output.collections import parquet_export
from broadsheet.output.collections.parquet_files import parquet_tables
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import verb
from tests.internal_tables import BLOCK_TEXTS, PAGE_BLOCKS, REASONS
from tests.output.conftest import Maker
from tests.output.filled_rows import Row, put, rows
from tests.output.settle.stories import prose

RIVER, TOWER = "https://river.example", "https://tower.example"


def fill(folder: Path, name: str, make: Maker, *articles: tuple[str, str]) -> Path:
    with Archive.open(folder / f"{name}.db", make.clock) as archive:
        outcomes = [make.outcome(url, f"{words} " * 50, removed=(f"Share {words}",)) for url, words in articles]
        archive.save(outcomes)
    return folder / f"{name}.db"


@pytest.fixture
def archives(tmp_path, make):
    """Two sites; the second archive has a page of the first as well, seen later, with other words."""
    return (
        fill(tmp_path, "river", make, (f"{RIVER}/own", "river"), (f"{RIVER}/shared", "early")),
        fill(tmp_path, "tower", make, (f"{TOWER}/own", "tower"), (f"{RIVER}/shared", "late")),
    )


def export(folder: Path, *arguments: object) -> dict[str, list[Row]]:
    code, _, errors = verb("export", *arguments, "--format", "parquet", "-o", folder)
    assert code == 0, errors
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    return {name: pq.read_table(folder / name).to_pylist() for name in ("articles", "removed", "urls")}


def urls(found: list[Row]) -> list[str]:
    return sorted(row["url"] for row in found)


@pytest.mark.parametrize("order", [1, -1])
def test_each_article_is_there_once_as_it_was_last_seen(archives, tmp_path, order):
    found = export(tmp_path / "out", *archives[::order])
    every = [f"{RIVER}/own", f"{RIVER}/shared", f"{TOWER}/own"]
    assert urls(found["articles"]) == urls(found["urls"]) == urls(found["removed"]) == every
    assert {row["text"].split()[0] for row in found["articles"]} == {"river", "late", "tower"}
    assert {row["text"] for row in found["removed"]} == {"Share river", "Share late", "Share tower"}
    assert {row["host"] for row in found["articles"]} == {"river.example", "tower.example"}


def test_a_few_files_replace_those_of_the_run_before(archives, tmp_path):
    code, _, errors = verb("export", *archives, "--format", "parquet", "-o", tmp_path / "out")
    assert (code, errors) == (0, f"3 articles, 3 removed blocks, 3 URLs written to {tmp_path / 'out'}\n")
    assert urls(export(tmp_path / "out", archives[0])["articles"]) == [f"{RIVER}/own", f"{RIVER}/shared"]
    assert len(list((tmp_path / "out").rglob("*.parquet"))) == 3


def test_what_a_killed_export_left_goes_with_the_next_one_and_a_new_folder_is_whole_or_absent(
    archives, tmp_path, monkeypatch
):
    out, last = tmp_path / "out", parquet_export.write_parts

    def write(table, *words):
        if table.name == "urls":
            raise OSError(28, "No space left on device")
        return last(table, *words)

    with monkeypatch.context() as patch:
        patch.setattr(parquet_export, "write_parts", write)
        code, _, errors = verb("export", archives[0], "--format", "parquet", "-o", out)
    assert (code, errors) == (1, f"broadsheet: cannot write {out}: No space left on device\n")
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []
    (tmp_path / ".out.part" / "articles").mkdir(parents=True)
    assert len(export(out, archives[0])["articles"]) == 2
    assert not (tmp_path / ".out.part").exists()
    (out / ".writing-killed" / "articles").mkdir(parents=True)
    assert len(export(out, *archives)["articles"]) == 3


@pytest.mark.parametrize("pattern", [f"{RIVER}/shared", f"{RIVER}/s*"])
def test_what_was_taken_down_in_one_archive_comes_from_none(archives, tmp_path, pattern):
    with closing(sqlite3.connect(archives[1])) as db, db:
        db.execute(
            "UPDATE urls SET found_on = ?, location = ? WHERE url = ?", [*[f"{RIVER}/shared"] * 2, f"{TOWER}/own"]
        )
    assert verb("forget", archives[0], pattern, "--yes")[0] == 0
    found = export(tmp_path / "out", *archives)
    left = [f"{RIVER}/own", f"{TOWER}/own"]
    assert urls(found["articles"]) == urls(found["removed"]) == urls(found["urls"]) == left
    assert {(row["found_on"], row["location"]) for row in found["urls"]} == {(None, None)}


def test_a_filter_chooses_articles_and_what_is_about_them(archives, tmp_path, make):
    for arguments, url in ((("--query", "tower"), f"{TOWER}/own"), (("--host", "tower.example"), f"{TOWER}/own")):
        found = export(tmp_path / "out", *archives, *arguments)
        assert urls(found["articles"]) == urls(found["removed"]) == urls(found["urls"]) == [url]
    words = " ".join(prose(1, 90))
    copies = fill(tmp_path, "copies", make, (f"{RIVER}/own", words), (f"{TOWER}/again", f"{words} Reprinted"))
    assert urls(export(tmp_path / "out", copies, "--one-per-cluster")["articles"]) == [f"{TOWER}/again"]


def test_each_value_is_read_from_its_column(tmp_path, make):
    with Archive.open(tmp_path / "a.db", make.clock) as archive:
        db = archive.db
        db.execute("PRAGMA foreign_keys = OFF")
        page = put(db, "urls", 1, url="http://a.test/1", host="a.test", kind="page", state="done",
                   first_seen="2024-01-01", fetched_at="2024-01-02", held_at="2024-01-03")  # fmt: skip
        put(db, "captures", 3, id=333, usage='["search=y"]', usage_stated="[]", directives="[]")
        put(db, "articles", 4, url=page["url"], page_id=page["id"], capture_id=333, authors='["A"]', tags='["T"]',
            keywords='["K"]', published="2024-02-01T00:00:00Z", published_day="2024-02-01", first_seen="2024-02-02",
            modified="2024-02-03T00:00:00Z", modified_day="2024-02-03", last_seen="2024-02-04")  # fmt: skip
        put(db, BLOCK_TEXTS, 5)
        put(db, REASONS, 5)
        put(db, PAGE_BLOCKS, 5, page_id=page["id"], kept=0, block_id=5000, reason_id=5000)
        stored = {"articles": rows(db, "articles")[0] | {"usage": ["search=y"]}, "urls": rows(db, "urls")[0]}
    found = export(tmp_path / "out", tmp_path / "a.db")
    for table, row in stored.items():
        values = {name: row[name] for name in parquet_tables()[table].column_names}
        (read,) = found[table]
        same = {name for name in values if str(read[name])[:10] == str(values[name])[:10]}
        assert values.keys() - same == ({"authors", "tags", "keywords"} if table == "articles" else set())
    assert [found["articles"][0][name] for name in ("authors", "tags", "keywords")] == [["A"], ["T"], ["K"]]
    assert found["removed"] == [
        {"article_id": 4000, "url": page["url"], "position": 5001, "block_id": 5000, "text": "text 5",
         "reason": "reason 5", "rule": "rule 5"}
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{river}", "{tower}", "--format", "csv", "-o", "a.csv"], 2, "DB needs --format parquet"),
        (["{river}", "--format", "parquet"], 2, "parquet writes a folder: name it with -o"),
        (["{river}", "none.db", "--format", "parquet", "-o", "{out}"], 1, "none.db does not exist"),
        (["{river}", "--format", "parquet", "-o", "{river}"], 2, "cannot make the folder"),
        (["{river}", "--format", "parquet", "-o", "{full}"], 2, "articles holds other files"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(archives, tmp_path, arguments, code, message):
    (tmp_path / "full/articles").mkdir(parents=True)
    (tmp_path / "full/articles/mine.txt").touch()
    names = sorted(path.name for path in tmp_path.rglob("*"))
    places = {"river": archives[0], "tower": archives[1], "out": tmp_path / "out", "full": tmp_path / "full"}
    found, _, errors = verb("export", *(argument.format(**places) for argument in arguments))
    assert (found, len(errors.splitlines())) == (code, 1)
    assert message in errors
    assert sorted(path.name for path in tmp_path.rglob("*")) == names


@pytest.mark.parametrize(("table", "column"), [("articles", "authors"), (BLOCK_TEXTS, "text"), ("urls", "host")])
def test_a_damaged_value_is_told_with_its_archive_and_what_was_written_stays(archives, tmp_path, table, column):
    before = export(tmp_path / "out", *archives)
    with closing(sqlite3.connect(archives[1])) as db, db:
        db.create_function("fold_case", 1, str.casefold, deterministic=True)
        db.execute(f"UPDATE {table} SET {column} = x'ff'")
    code, _, errors = verb("export", *archives, "--format", "parquet", "-o", tmp_path / "out")
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "tower.db is damaged" in errors
    assert f"{table}/{column}" in errors
    assert {name: pq.read_table(tmp_path / "out" / name).to_pylist() for name in before} == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["articles", "removed", "urls"]
