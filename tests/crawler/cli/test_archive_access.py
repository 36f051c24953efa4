"""What commands say of an archive that is none, or damaged."""

from __future__ import annotations

import sqlite3

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.cli.archive_access import damage_behind, open_read_only, told_faults
from broadsheet.output.archive.archive_errors import ArchiveError, NotReachable
from tests.internal_tables import PAGE_BLOCKS, PAGE_LAYOUT


@pytest.mark.parametrize("verb", [["search", "x"], ["report"], ["export", "--format", "csv"], ["verify"]])
def test_no_archive_is_one_line_and_1(tmp_path, capsys, verb):
    file = tmp_path / "text.db"
    file.write_text("no database, but a text of some length")
    name, *rest = verb
    for path in (file, tmp_path / "missing.db"):
        assert run([name, str(path), *rest]) == 1
        shown = capsys.readouterr()
        assert (shown.out, shown.err.count("\n")) == ("", 1)


def test_damage_met_while_reading_is_one_line(db, capsys):
    whole = db.read_bytes()
    db.write_bytes(whole[: len(whole) // 8 // 4096 * 4096])
    for verb in (["report"], ["export", "--format", "jsonl"], ["search", "river"]):
        assert run([verb[0], str(db), *verb[1:]]) == 1
        assert capsys.readouterr().err.count("\n") == 1


DAMAGES = {
    "UPDATE pages SET evidence = '[' WHERE id = 1": "pages/evidence row 1",
    "UPDATE articles SET published = x'ff', authors = 7": "articles/authors row ",
    "UPDATE articles SET title = CAST(x'ff' AS TEXT)": "articles/title row ",
    f"UPDATE {PAGE_LAYOUT} SET layout = x'00'": f"{PAGE_LAYOUT}/layout row 1",
    f"UPDATE {PAGE_BLOCKS} SET kind = 77 WHERE page_id = 1": f"{PAGE_BLOCKS}/kind row 1",
    f"DROP TABLE {PAGE_BLOCKS}": PAGE_BLOCKS,
}
VERBS = {
    "pages": ["explain", "https://a.example/river"],
    "articles": ["export", "--format", "jsonl"],
    PAGE_LAYOUT: ["diff", "https://a.example/river", "--from", "1", "--to", "1"],
    PAGE_BLOCKS: ["diff", "https://a.example/river", "--from", "1", "--to", "1"],
}
"""A verb that meets damage of each table."""


@pytest.mark.parametrize(("damage", "location"), DAMAGES.items())
def test_damage_is_named_in_one_line_by_whatever_verb_meets_it(db, capsys, damage, location):
    with sqlite3.connect(db) as connection:
        connection.execute(damage)
    connection.close()
    name, *rest = VERBS[location.split("/")[0].split(" ")[0]]
    assert run([name, str(db), *rest]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"broadsheet: {db} is damaged at {location}")
    assert line.endswith("; run broadsheet verify")


@pytest.mark.parametrize(
    "error",
    [ArchiveError("in use"), OSError("no room"), TypeError("ours"), sqlite3.OperationalError("locked")],
)
def test_an_error_on_a_sound_archive_is_not_put_down_to_damage(db, error):
    assert damage_behind(str(db), error) is None


def test_a_full_disk_or_a_lock_is_no_damage_even_of_a_damaged_archive(db):
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE pages SET evidence = '['")
    connection.close()
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    assert damage_behind(str(db), busy) is None
    assert damage_behind(str(db), OSError("no room")) is None
    assert "pages/evidence row 1" in str(damage_behind(str(db), TypeError("of a reader")))


def test_an_error_of_ours_stays_one(db, monkeypatch):
    def broken(*_: object, **__: object) -> int:
        raise TypeError("ours")

    monkeypatch.setattr("broadsheet.output.read.report_figures.gather_report", broken)
    with pytest.raises(TypeError, match="ours"):
        run(["report", str(db)])


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), OSError("no room")])
def test_what_a_disk_refuses_names_the_file_and_what_to_do(error):
    with pytest.raises(NotReachable) as caught, told_faults("a.db"):
        raise error
    assert str(caught.value) == f"a.db cannot be written: {error}; the same command goes on from here"


def test_what_is_read_is_neither_made_nor_written(db, tmp_path):
    with pytest.raises(ArchiveError), open_read_only(str(tmp_path / "no.db")):
        pass
    assert not (tmp_path / "no.db").exists()
    with open_read_only(str(db)) as archive, pytest.raises(sqlite3.OperationalError, match="readonly"):
        archive.execute("DELETE FROM urls")
