"""The verb that takes an article down."""

from __future__ import annotations

import os
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
        (0, "0.0 MB, some 1 s;"), (290_000_000, "290.0 MB, some 1 s;"), (310_000_000, "310.0 MB, some 2 s;"),
        (11_880_000_000, "11,880.0 MB, some 59 s;"), (11_920_000_000, "11,920.0 MB, some 1 min;"),
        (18_400_000_000, "18,400.0 MB, some 2 min;"),
    ],
)  # fmt: skip
def test_the_time_to_read_a_file_is_said_in_seconds_up_to_a_minute(tmp_path, size, text):
    file = tmp_path / "large.db"
    file.touch()
    os.truncate(file, size)
    assert describe_erasing(file).startswith(text)
