"""Capture that a record refers to in place of holding the payload again: a row a clause."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.wires import fetched

URL, OTHER = "http://a.test/1", "http://a.test/2"
NOT_MODIFIED = fetched(URL, 9, b"", 304)


def rendered(outcome: Outcome) -> Outcome:
    """Give a capture to a browser's visit of the page."""
    assert outcome.capture is not None
    return replace(outcome, capture=replace(outcome.capture, rendered_for=URL))


def original(file: Path, earlier: Sequence[Outcome], outcome: Outcome, change: str = "") -> int | None:
    """Second of the capture that the outcome's refers to."""
    with Archive.open(file) as archive:
        archive.keep_raw({"software": "test"}, 10**9)
        archive.save(list(earlier))
        if change:
            archive.db.execute(f"UPDATE captures SET {change}")
            archive.db.conn.commit()
        archive.save([outcome])
        assert outcome.capture is not None
        row = archive.db.execute(
            """SELECT substr(o.fetched_at, 18, 2) FROM captures c JOIN captures o ON o.id = c.refers_to
            WHERE c.fetched_at = ?""",
            [outcome.capture.fetched_at],
        ).fetchone()
    return int(row[0]) if row else None


@pytest.mark.parametrize(
    ("earlier", "second"),
    [
        ([fetched(URL, 1)], 1),
        ([fetched(URL, 1, b"old"), fetched(URL, 2, b"new")], 2),
        ([fetched(URL, 2, b"new"), fetched(URL, 1, b"old")], 2),
        ([fetched(URL, 1, b"old"), fetched(OTHER, 2, b"new")], 1),
        ([fetched(OTHER, 1), fetched(URL, 2)], 1),  # whose record holds the payload
        ([fetched(URL, 1, b"old"), fetched(URL, 2, b"gone", 404)], 1),
        ([fetched(URL, 1, b"old"), rendered(fetched(URL, 2, b"drawn"))], 1),
        ([fetched(URL, 1, b"old"), fetched(URL, 2, b"half", truncated="time")], 1),
        ([fetched(OTHER, 1)], None),
        ([], None),
    ],
)
def test_what_was_not_modified(tmp_path, earlier, second):
    assert original(tmp_path / "a.db", earlier, NOT_MODIFIED) == second


@pytest.mark.parametrize(
    ("earlier", "outcome", "second"),
    [
        (fetched(OTHER, 1), fetched(URL, 2), 1),
        (fetched(OTHER, 1, b"other"), fetched(URL, 2), None),
        (fetched(OTHER, 1, b""), fetched(URL, 2, b""), None),
        (fetched(OTHER, 1, truncated="time"), fetched(URL, 2), None),
        (fetched(OTHER, 1), fetched(URL, 2, truncated="time"), None),
    ],
)
def test_what_has_the_same_payload(tmp_path, earlier, outcome, second):
    assert original(tmp_path / "a.db", [earlier], outcome) == second


@pytest.mark.parametrize("outcome", [NOT_MODIFIED, fetched(OTHER, 2)])
@pytest.mark.parametrize("change", ["warc_file = 'imported.warc.gz'", "warc_file = NULL", "truncated = 'length'"])
def test_a_record_that_may_go_away_or_is_cut_is_no_original(tmp_path, outcome, change):
    assert original(tmp_path / "a.db", [fetched(URL, 1)], outcome, change) is None
    assert original(tmp_path / "b.db", [fetched(URL, 1)], outcome, "warc_length = warc_length") == 1
