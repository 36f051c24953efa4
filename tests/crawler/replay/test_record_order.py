"""Order of the records of many files, what is left out of it, and where a revisit's body is looked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from broadsheet.crawler.replay.record_index import IndexedRecord
from broadsheet.crawler.replay.record_order import LostBytes, RecordOrder, ReplayJob
from broadsheet.output.raw.raw_exchange import RecordLocation
from tests.crawler.warcs import answer, record, write

SITE = "https://a.example"


@pytest.fixture
def order() -> Iterator[RecordOrder]:
    record_order = RecordOrder()
    yield record_order
    record_order.close()


def at(minute: int) -> str:
    return f"2024-03-01T10:{minute:02}:00Z"


def paths(order: RecordOrder) -> list[str]:
    return [job.url.removeprefix(SITE) for job in order.jobs()]


def test_what_names_others_comes_first_then_time_decides_across_files(tmp_path, order):
    first = [
        record(f"{SITE}/late", answer("<p>"), at(30)),
        record(f"{SITE}/map", answer("<urlset/>", content_type="text/xml"), at(40)),
        record(f"{SITE}/x.html", answer("<p>", content_type="application/xhtml+xml"), at(41)),
        record(f"{SITE}/robots.txt", answer("", content_type="text/plain"), at(50)),
    ]
    second = [record(f"{SITE}/early", answer("<p>"), at(10)), record(f"{SITE}/map.xml.gz", answer("x"), at(45))]
    order.add_file("a", write(tmp_path / "a", first))
    order.add_file("b", write(tmp_path / "b", second))
    order.sort()
    assert paths(order) == ["/robots.txt", "/map", "/map.xml.gz", "/early", "/late", "/x.html"]
    assert [job.lists_urls for job in order.jobs()] == [True] * 3 + [False] * 3
    assert (len(order), order.hosts()) == (6, ["a.example"])


def test_records_are_counted_and_what_stands_for_no_answer_is_left_out(tmp_path, order):
    records = [
        record(f"{SITE}/", answer("<p>")),
        record("https://www.a.example/", answer("<p>")),
        record("https://b.example/", answer("<p>")),
        record("urn:x", b"<p>", kind="resource"),
        record(f"{SITE}/", b"GET", kind="request"),
    ]
    counts = order.add_file("a", write(tmp_path / "a", records), frozenset({"a.example"}))
    order.sort()
    assert counts == {"response": 3, "resource": 1, "request": 1, "no_url": 1, "other_host": 1}
    assert [job.url for job in order.jobs()] == [f"{SITE}/", "https://www.a.example/"]


def test_stored_records_are_left_out(tmp_path, order):
    order.add_file("a", write(tmp_path / "a", [record(f"{SITE}/{name}", answer("<p>")) for name in "xyz"]))
    order.skip_locations([("a", 0), ("b", 1)])
    order.sort()
    assert paths(order) == ["/y", "/z"]


def test_a_revisit_s_body_is_looked_for_by_name_then_payload_then_what_came_before(tmp_path, order):
    records = [
        record(f"{SITE}/x", answer("<p>one"), at(1), WARC_Payload_Digest="sha1:ONE"),
        record(f"{SITE}/x", answer("<p>two"), at(2), WARC_Payload_Digest="sha1:TWO"),
        record(f"{SITE}/y", answer("<p>two"), at(3), WARC_Payload_Digest="sha1:THREE"),
    ]
    order.add_file("a", write(tmp_path / "a", records))
    order.sort()
    places = [RecordLocation(job.file, job.record.offset, job.record.length) for job in order.jobs()]

    def body_locations(**fields: str) -> list[RecordLocation]:
        revisit = IndexedRecord(0, 0, "revisit", f"{SITE}/x", "2024-03-01T10:09:00Z", **fields)
        return [body.location for body in order.body_records(revisit)]

    by_name = body_locations(refers_to=f"{SITE}/x", refers_at="2024-03-01T10:01:00Z", digest="sha1:THREE")
    assert by_name == [places[0], places[2], places[1]]
    assert body_locations() == [places[1]]
    assert isinstance(next(order.jobs()), ReplayJob)


def test_where_the_next_answer_begins_and_what_is_lost_between(tmp_path, order):
    records = [record(f"{SITE}/{name}", answer("<p>")) for name in "xyz"]
    lengths = [len(data) for data in records]
    damaged = records[1].replace(b"WARC-Target-URI", b"WARC-Target-UR1")
    order.add_file("a", write(tmp_path / "a", [records[0], damaged, records[2]], packed=False))
    order.add_file("b", write(tmp_path / "b", [records[1]], packed=False))
    order.sort()
    second, third = lengths[0], lengths[0] + lengths[1]
    assert [order.next_offset("a", place) for place in (-1, 0, second, third)] == [0, third, third, None]
    assert [order.next_offset("b", place) for place in (-1, 0)] == [0, None]
    assert order.lost == [LostBytes("a", second, lengths[1])]
    assert order.counts == {"response": 4, "damaged": 1}


def test_of_bodies_those_of_answers_before_the_revisit_count(tmp_path, order):
    """Neither another URL's nor a later one, nor one that is no 200; a digest that is none is no digest."""
    records = [
        record(f"{SITE}/x", answer("<p>"), at(1)),
        record(f"{SITE}/x", answer("<p>", "404 Gone"), at(4)),
        record(f"{SITE}/y", answer("<p>"), at(4)),
        record(f"{SITE}/x", answer("<p>"), at(9)),
        record(f"{SITE}/x", answer("<p>"), at(10)),
        record(f"{SITE}/x", b"<p>", at(5), kind="revisit", WARC_Payload_Digest="sha1:X"),
    ]
    order.add_file("a", write(tmp_path / "a", records, packed=False))
    order.sort()

    def minutes(minute: int, **fields: str) -> list[str]:
        revisit = IndexedRecord(0, 0, "revisit", f"{SITE}/x", f"2024-03-01T10:{minute:02}:00Z", **fields)
        return [body.at[14:16] for body in order.body_records(revisit)]

    assert [minutes(minute) for minute in (0, 1, 8, 9, 11)] == [[], ["01"], ["01"], ["09"], ["10"]]
    assert minutes(8, digest="sha1:X") == ["01"], "a revisit has no body itself"
    assert minutes(8, refers_to=f"{SITE}/y", refers_at="2024-03-01T10:04:00Z") == ["04", "01"]
    assert minutes(8, refers_to=f"{SITE}/y", refers_at="2024-03-01T10:05:00Z") == ["01"]


def test_a_page_as_it_was_received_comes_before_the_same_one_rendered(tmp_path, order):
    records = [
        record(f"urn:text:{SITE}/x", b"text", at(1), "resource", Content_Type="text/plain"),
        record(f"{SITE}/x", answer("<p>"), at(1)),
        record(f"{SITE}/feed", answer("<p>", content_type="application/rss+xml"), at(3)),
        record(f"{SITE}/x?robots.txt", answer("<p>"), at(2)),
        record(f"{SITE}/robots.txt?x", answer("<p>"), at(4)),
        record(f"{SITE}/FEED.ATOM", answer("<p>"), at(5)),
        record("https://user:word@a.example/own", answer("<p>"), at(6)),
    ]
    order.add_file("a", write(tmp_path / "a", records))
    order.sort()
    assert [(job.url.removeprefix(SITE), job.record.kind) for job in order.jobs()] == [
        ("/feed", "response"), ("/FEED.ATOM", "response"), ("/x", "response"), ("/x", "rendered"),
        ("/x?robots.txt", "response"), ("/robots.txt?x", "response"), ("/own", "response"),
    ]  # fmt: skip
