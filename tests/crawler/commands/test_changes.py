"""`broadsheet changes`, `diff` and the mistakes that `update` tells: what they print, and their exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadsheet.crawler.commands.changes import parse_since
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.crawls import REPOSITORY
from tests.crawler.shell import ACTIVE, HOSTILE, verb
from tests.internal_tables import REVISION_BLOCKS
from tests.output.conftest import Maker

STORY, GONE, EVIL = (f"http://a.test/{name}" for name in ("story", "gone", "evil"))
ONE = "The council of the harbour town voted on Tuesday to keep the second dredger in service until spring."
TWO = "Its harbour master had told the members that the first one would be in the yard for eleven weeks."
THREE = "The ferry to the outer island ends its service after ninety years, as the company wrote to its riders."
FOUR = "Nobody spoke against the new fence, and the chair closed the sitting after a quarter of an hour at most."
NOTICE = "Correction: An earlier version of this article said that the vote was on Tuesday."


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A story corrected and then given another title, one that went, and one with a hostile title."""
    file, make = tmp_path_factory.mktemp("watched") / "a.db", Maker()
    with Archive.open(file, make.clock) as archive:
        texts = ((STORY, "Dredger stays", ONE, TWO), (GONE, "Ferry ends", THREE), (EVIL, HOSTILE, FOUR))
        archive.save([make.outcome(url, *paragraphs, title=title) for url, title, *paragraphs in texts])
        settle(archive.db, make.clock)
        monday = ONE.replace("Tuesday", "Monday")
        archive.save([
            make.outcome(STORY, monday, TWO, NOTICE, title="Dredger stays"),
            make.failure(GONE, "http_410"),
        ])  # fmt: skip
        settle(archive.db, make.clock)
        archive.save([
            make.outcome(STORY, monday, TWO, NOTICE, title="Second dredger stays"),
            make.outcome(EVIL, f"{FOUR} {HOSTILE}", title="Evil \x1b[2J other"),
        ])  # fmt: skip
        settle(archive.db, make.clock)
    return file


def test_edits_are_listed_in_order_with_what_they_did(db: Path) -> None:
    code, out, errors = verb("changes", db)
    assert (code, errors) == (0, "")
    lines = out.splitlines()
    assert [line.split()[3] for line in lines[::3][:2]] == ["correction,", "withdrawn"]
    assert "blocks: 1 rewritten, 1 added; “Correction: An earlier version" in lines[1]
    assert lines[2].strip() == STORY
    assert lines[4].strip() == "HTTP 410 Gone"
    assert "was “Dredger stays”" in out
    assert not set(out) & ACTIVE
    assert max(map(len, lines)) <= 100


def test_since_a_number_and_by_kind_and_as_json(db: Path) -> None:
    _, out, _ = verb("changes", db, "--json")
    edits = [json.loads(line) for line in out.splitlines()]
    assert [edit["kind"] for edit in edits] == ["correction", "withdrawn", "headline", "headline"]
    assert edits[0]["kinds"] == ["correction", "lead"]
    _, out, _ = verb("changes", db, "--json", "--since", edits[1]["seq"])
    assert [json.loads(line)["seq"] for line in out.splitlines()] == [edits[2]["seq"], edits[3]["seq"]]
    _, out, _ = verb("changes", db, "--json", "--kind", "lead", "--kind", "withdrawn")
    assert [json.loads(line)["url"] for line in out.splitlines()] == [STORY, GONE, EVIL]
    _, out, _ = verb("changes", db, "--json", "--kind", "new")
    assert [json.loads(line)["url"] for line in out.splitlines()] == [STORY, GONE, EVIL]


@pytest.mark.slow
def test_on_a_terminal_it_is_in_colour_and_nothing_acts(db: Path) -> None:
    reading, writing = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    subprocess.run(
        [sys.executable, "-m", "broadsheet.crawler.cli", "diff", str(db), EVIL],
        stdout=writing,
        env=environment,
        check=True,
    )
    os.close(writing)
    shown = b""
    try:
        while part := os.read(reading, 65_536):
            shown += part
    except OSError:
        pass
    os.close(reading)
    assert b"\x1b[1;32m" in shown
    assert b"\x1b[2J" not in shown
    assert "\u202e" not in shown.decode()


def test_a_text_that_was_not_kept_is_one_line(tmp_path: Path) -> None:
    make = Maker()
    with Archive.open(tmp_path / "a.db", make.clock) as archive:
        for text in (ONE, TWO):
            archive.save([make.outcome(STORY, text)])
            settle(archive.db, make.clock)
        archive.db.execute(f"DELETE FROM {REVISION_BLOCKS}")
    code, out, errors = verb("diff", tmp_path / "a.db", STORY)
    assert (code, out) == (1, "")
    assert "the text of revision 1" in errors
    assert errors.count("\n") == 1


def test_a_duration_goes_back_from_now_in_utc_and_a_time_without_zone_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        for text, seconds in (("90", None), ("2h", 7_200), ("7d", 604_800), ("30m", 1_800)):
            number, moment = parse_since(text)
            if seconds is None:
                assert (number, moment) == (90, "")
            else:
                expected = datetime.now(UTC) - timedelta(seconds=seconds)
                assert abs((datetime.fromisoformat(moment) - expected).total_seconds()) < 60
                assert moment.endswith("+00:00")
        assert parse_since("2026-03-01T12:00") == (0, "2026-03-01T03:00:00+00:00")
        assert parse_since(" 2026-03-01T12:00+02:00 ") == (0, "2026-03-01T10:00:00+00:00")
        assert parse_since("2026-03-01") == (0, "2026-02-28T15:00:00+00:00")
    finally:
        monkeypatch.undo()
        time.tzset()
