"""The record of a document that a browser made."""

from broadsheet.crawler.replay.recorded_response import read_record
from broadsheet.output.raw.raw_exchange import RawExchange, warc_digest
from broadsheet.output.raw.warc_reader import parse_record
from broadsheet.output.raw.warc_writer import RecordMaker

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
    assert response.page("2026-01-01T00:00:00+00:00").directives == ("bot: noindex", "noarchive")
    assert response.header("content-usage") == "train-ai=n"
    assert response.header("content-type") == "text/html; charset=utf-8"
