"""The verb that takes an article down."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.forget import describe_erasing
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import rows
from tests.internal_tables import WARC_ERASURES

RIVER = "https://a.example/river"


def urls(db: Path) -> set[str]:
    return {url for (url,) in rows(db, "SELECT url FROM articles")}


def test_an_article_is_taken_down(db, capsys):
    assert run(["forget", str(db), RIVER, "--yes", "--note", "asked by letter"]) == 0
    output = capsys.readouterr().out
    assert "https://a.example/river: The story of river and the harbour" in output
    assert "forgotten: 1 article, 1 URL" in output
    assert urls(db) == {"https://a.example/Evil"}
    assert rows(db, "SELECT pattern, note FROM takedowns") == [(RIVER, "asked by letter")]
    assert rows(db, f"SELECT state, reason FROM urls WHERE url = '{RIVER}'") == [("skipped", "forgotten")]
    assert b"river0word1" not in db.read_bytes()
    assert run(["search", str(db), "river"]) == 1
    assert run(["verify", str(db)]) == 0


def test_it_names_a_file_that_is_to_be_erased_and_not_there(db, capsys):
    with Archive.open(db) as archive:
        archive.db.execute(f"INSERT INTO {WARC_ERASURES} (file, offset, following) VALUES ('.warc/a.warc.gz', 0, 9)")
        archive.db.conn.commit()
    assert run(["forget", str(db), RIVER, "--yes"]) == 0
    assert (
        "  waits: made.db.warc/a.warc.gz is not there as a whole, or not this archive's; it is erased when it may be"
        in capsys.readouterr().out
    )


def test_what_an_interrupted_write_left_is_named(db, capsys):
    folder = Path(f"{db}.warc")
    folder.mkdir(exist_ok=True)
    (folder / "a.warc.gz.tail-1").touch()
    assert run(["forget", str(db), RIVER, "--dry-run"]) == 0
    assert "a.warc.gz.tail-1 has of an interrupted write" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "code", "left"), [(True, 0, 1), (False, 1, 2)])
def test_a_person_is_asked(db, answer, code, left, monkeypatch, capsys):
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("click.confirm", lambda question: asked.append(question) or answer)
    assert run(["forget", str(db), RIVER]) == code
    assert asked == ["Remove all this for good?"]
    assert len(urls(db)) == left
    assert ("forgotten: " in capsys.readouterr().out) is answer


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.0 MB, some 1 s;"), (145_000_000, "145.0 MB, some 1 s;"), (155_000_000, "155.0 MB, some 2 s;"),
        (5_940_000_000, "5,940.0 MB, some 59 s;"), (5_960_000_000, "5,960.0 MB, some 1 min;"),
        (9_200_000_000, "9,200.0 MB, some 2 min;"),
    ],
)  # fmt: skip
def test_the_time_to_write_a_file_anew_is_said_in_seconds_up_to_a_minute(tmp_path, size, text):
    file = tmp_path / "large.db"
    file.touch()
    os.truncate(file, size)
    assert describe_erasing(file).startswith(text)


def stored_bytes(db: Path) -> bytes:
    """The bytes of the database and of what SQLite keeps beside it."""
    return b"".join(path.read_bytes() for path in db.parent.glob(f"{db.name}*") if path.is_file())


def test_a_takedown_waits_for_a_crawl_which_does_it_in_the_end(db, capsys):
    with Archive.open(db):
        assert run(["forget", str(db), RIVER, "--yes", "--note", "a letter"]) == 75
        errors = capsys.readouterr().err
        assert errors.startswith("broadsheet: the takedown is noted, and not finished: ")
        assert errors.endswith("is in use by another command; the next command that can finishes it\n")
        assert RIVER in urls(db)
    assert urls(db) == {"https://a.example/Evil"}
    assert rows(db, "SELECT pattern, note FROM takedowns") == [(RIVER, "a letter")]
    assert b"river0word1" not in stored_bytes(db)
    assert run(["verify", str(db)]) == 0


@pytest.mark.slow
def test_while_somebody_reads_the_articles_go_and_their_bytes_when_a_command_can(db, capsys):
    with closing(sqlite3.connect(db)) as reader:
        reader.execute("PRAGMA journal_mode = WAL")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM urls").fetchone()
        assert run(["forget", str(db), RIVER, "--yes"]) == 75
        assert "not finished: another program reads " in capsys.readouterr().err
        assert urls(db) == {"https://a.example/Evil"}
        assert b"river0word1" in stored_bytes(db)
    assert run(["correct", str(db), "https://a.example/Evil", "--title", "Good"]) == 0
    assert b"river0word1" not in stored_bytes(db)


def test_on_a_full_disk_the_takedown_is_finished_when_there_is_room(db, capsys, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage)
        assert run(["forget", str(db), RIVER, "--yes"]) == 75
        assert "not finished: " in (errors := capsys.readouterr().err)
        assert " has 0.0 MB of room, and a takedown needs " in errors
        assert run(["forget", str(db), RIVER, "--yes"]) == 75
        assert "A takedown is not finished: " in capsys.readouterr().err
    assert run(["forget", str(db), RIVER, "--yes"]) == 0
    assert b"river0word1" not in stored_bytes(db)


def test_it_names_what_it_cannot_reach_and_certifies_what_it_did(db, tmp_path, capsys):
    """Beside the archive: a backup, a merged archive, an export; a database of others and another's backup are not."""
    merged, backup, exported = tmp_path / "all.db", tmp_path / "monday.db", tmp_path / "out"
    assert run(["backup", str(db), str(backup), "-q"]) == run(["merge", str(merged), str(db), "-q"]) == 0
    assert run(["export", str(db), "-o", f"{exported}/"]) == run(["export", str(db), "-o", f"{exported}.db"]) == 0
    shutil.copy(db, tmp_path / "made.db.backup-v1")
    (tmp_path / "backups").mkdir()
    assert run(["backup", str(db), str(tmp_path / "backups" / "tuesday.db"), "-q"]) == 0
    Archive.open(tmp_path / "other.db").close()
    (tmp_path / "no.db").write_bytes(b"SQLite format 3\0 but nothing else")
    capsys.readouterr()
    certificate = tmp_path / "certificate.json"
    assert run(["forget", str(db), RIVER, "--yes", "--certificate", str(certificate)]) == 0
    told = capsys.readouterr().out
    assert f"stays: what the backup {tmp_path}/made.db.backup-v1 holds" in told
    assert f"stays: what the archive {tmp_path}/backups/tuesday.db holds" in told
    assert f"stays: what the archive {merged} holds" in told
    assert f"stays: what was exported to {exported}; the same export again removes it" in told
    assert f"stays: what was exported to {exported}.db; the same export again removes it" in told
    assert "other.db" not in told
    assert "no.db" not in told
    values = json.loads(certificate.read_text())
    assert (values["archive"], values["pattern"], values["erased"]["urls"]) == ("made.db", RIVER, [RIVER])
    (article,) = values["erased"]["articles"]
    assert (article["url"], len(article["text_digest"]) > 9) == (RIVER, True)
    assert values["begun_at"] <= values["finished_at"]
    places = {one["place"]: one["kind"] for one in values["remains"]}
    assert places[str(exported)] == "export"
    assert places[str(merged)] == "other archive"
    assert "story" not in certificate.read_text()
    assert "river0word1" not in certificate.read_text()


def test_a_certificate_that_cannot_be_written_is_told_before_anything_is_done(db, tmp_path, capsys):
    for target in (str(db), f"{tmp_path}/none/x.json", str(tmp_path)):
        assert run(["forget", str(db), RIVER, "--yes", "--certificate", target]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert run(["forget", str(db), RIVER, "--dry-run", "--certificate", f"{tmp_path}/x"]) == 2
    assert RIVER in urls(db)
