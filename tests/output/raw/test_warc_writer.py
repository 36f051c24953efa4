"""Whole records as they are written, of documents too, and the capture that a revisit refers to: a row a clause."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.replay.recorded_response import read_record
from broadsheet.output.raw.raw_exchange import RawExchange, warc_digest
from broadsheet.output.raw.warc_reader import parse_record
from broadsheet.output.raw.warc_writer import OriginalRecord, RecordMaker
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.output.told import expected, sections, told
from tests.output.wires import fetched

EXPECTED = Path(__file__).with_name("whole_records.txt")
PAGE, AT = "https://a.example/1", "2026-01-01T00:00:00Z"
PAGE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
EXCHANGE = RawExchange(b"GET /1 HTTP/1.1\r\nCookie: (redacted)\r\n\r\n", PAGE_HEAD, b"<p>Tides</p>")
RICH = replace(
    EXCHANGE, ip_address="192.0.2.1", truncated="length", redacted_headers=("cookie", "authorization"),
    interim_responses=b"HTTP/1.1 103 Early Hints\r\n\r\n",
)  # fmt: skip
PERMITTED = replace(EXCHANGE, head=b"content-signal: search=yes\r\nX-Robots-Tag: noai\r\n")
ORIGINAL = OriginalRecord("https://a.example/0", "2025-12-31T00:00:00Z")


def exchange(made: RawExchange, original_of: OriginalRecord | None = None, rendered_for: str = "") -> list[bytes]:
    records = maker().exchange_records(PAGE, AT, made, "sha1:X", original_of, rendered_for=rendered_for)
    return [records.id.encode() + b"\n", records.response, records.companions]


def maker() -> RecordMaker:
    numbers = iter(range(1, 9))
    return RecordMaker(new_id=lambda: f"urn:uuid:{next(numbers)}")


RECORDS: dict[str, Callable[[], list[bytes]]] = {
    "a response": lambda: exchange(EXCHANGE),
    "a response with all that can be known": lambda: exchange(RICH, rendered_for="https://a.example/"),
    "a revisit": lambda: exchange(RICH, ORIGINAL),
    "a revisit of what is not modified": lambda: exchange(EXCHANGE, ORIGINAL._replace(is_not_modified=True)),
    "a revisit of an unreadable head": lambda: exchange(replace(EXCHANGE, head=b"\x00"), ORIGINAL),
    "a response of an unreadable head": lambda: exchange(replace(EXCHANGE, head=b"\x00")),
    "a document": lambda: [maker().document_record(PAGE, AT, PERMITTED, "urn:uuid:0")],
    "a document of an unknown response": lambda: [maker().document_record(PAGE, AT, RICH, "")],
    "what is said of a file": lambda: [
        maker().warcinfo_record("x.warc.gz", AT, {"software": "Broadsheet\r\nX: y", "operator": "", "robots": "obey"})
    ],
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_written_like_this(name):
    """Run with BROADSHEET_EXPECT=1 to write what is expected anew."""
    data = b"".join(part if part.startswith(b"urn") else gzip.decompress(part) for part in RECORDS[name]())
    text = told(data.decode("utf-8", "backslashreplace").replace("\r\n", "\n").replace("\0", "NUL").split("\n"))
    assert text == expected(EXPECTED, name, text)


def test_nothing_else_is_expected():
    assert sorted(sections(EXPECTED)) == sorted(RECORDS)


@pytest.mark.parametrize(
    ("head", "is_readable"),
    [
        (b"x" * 32_763 + b"\r\n\r\n", True),
        (b"x" * 32_764 + b"\r\n\r\n", False),
        (b"one\r\n\r\ntwo\r\n\r\n", False),
        (b"one\r\n", False),
    ],
)
def test_a_head_that_some_tools_do_not_read_has_no_payload_digest(head, is_readable):
    _, response, _ = exchange(replace(EXCHANGE, head=head))
    assert (b"WARC-Payload-Digest: sha1:X" in gzip.decompress(response)) is is_readable


DOCUMENT = b"<!DOCTYPE html>\n<html>\n\n<p>One.</p>\r\n\r\n<p>Two.</p></html>"
"""With empty lines, at which an HTTP head would end."""


def test_a_document_is_read_as_it_was_written_with_what_its_response_permits():
    exchange = RawExchange(b"", b"X-Robots-Tag: noarchive, bot: noindex\r\nContent-Usage: train-ai=n", DOCUMENT)
    data = RecordMaker().document_record("https://a.example/", "2026-01-01T00:00:00Z", exchange, "urn:uuid:1")
    record = parse_record(data, "here")
    assert (record.kind, record.fields["warc-refers-to"]) == ("resource", "<urn:uuid:1>")
    assert record.head_and_body == (b"", DOCUMENT)
    response = read_record(data)
    assert (response.body, response.digest, response.faults) == (DOCUMENT, warc_digest(DOCUMENT), ())
    assert response.page("2026-01-01T00:00:00Z").directives == ("bot: noindex", "noarchive")
    assert response.header("content-usage") == "train-ai=n"
    assert response.header("content-type") == "text/html; charset=utf-8"


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
