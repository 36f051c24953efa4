"""Broken, lying and pathological pages through the worker: no crash, no hang, one recorded outcome a page.

Real pages are read from the corpus and mutated by a seeded generator; pathological ones are made here. Each page goes
through `Outcomes.of_answer`, as in a crawl, with the workers' bounds on time and memory. An outcome `failed` by a
worker's bound would be a recorded outcome too, so the tests also say which pages must be read.
"""

import asyncio
import gzip
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scrapy.http import Response

from broadsheet.cleaners.page.canonical_urls import MAX_URL_CHARS, canonicalise, host_of
from broadsheet.cleaners.page.parsed_page import decode, parse
from broadsheet.crawler.crawl.outcomes import Answer, OutcomeBuilder
from broadsheet.crawler.discovery.feed_reader import read_feed
from broadsheet.crawler.discovery.scope import Scope
from broadsheet.crawler.discovery.sitemaps import read_sitemap
from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.workers.pool import WorkerPool
from broadsheet.output.read.verify import verify
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.url_queue import QueuedUrl
from tests.bench.corpus import SHARED
from tests.sampling import sampled

PAGES = SHARED / "corpus/wcxb/html"
HOME = "https://a.example/"
needs_corpus = pytest.mark.skipif(not PAGES.is_dir(), reason="needs the evaluation data in ../shared")


@pytest.fixture(scope="module")
def workers() -> Iterator[WorkerPool]:
    pool = WorkerPool(2, page_seconds=180)  # seconds by the clock: a busy machine takes several times as many
    yield pool
    pool.close()


def outcomes_of(workers: WorkerPool, bodies: list[bytes], kind: str = "page", content_type: str = "") -> list[Outcome]:
    """The outcome of each body, as a crawl would have it."""
    makes = OutcomeBuilder(CrawlOptions((HOME,)), Scope.from_seeds([HOME]), workers)

    async def one(number: int, body: bytes) -> Outcome:
        url = f"{HOME}{kind}/{number}"
        response = Response(url, body=body, headers={"Content-Type": content_type or _type_of(kind)})
        queued = QueuedUrl(number, url, "a.example", kind, 1, 0, 0, "link", HOME, "")
        return await makes.from_answer(Answer(queued, response, datetime.now(UTC)))

    async def every() -> list[Outcome]:
        return await asyncio.gather(*(one(number, body) for number, body in enumerate(bodies)))

    return asyncio.run(every())


def _type_of(kind: str) -> str:
    return "text/html; charset=utf-8" if kind == "page" else "application/xml"


def check(outcomes: list[Outcome], folder: Path) -> None:
    """Every outcome is told and can be stored, and what was stored is whole."""
    states = ("done", "skipped", "failed", "queued")  # queued: a mutant that reads as a wall is asked for again
    assert all(outcome.state in states and outcome.reason for outcome in outcomes)
    with Archive.open(folder / "fuzz.db") as archive:
        for outcome in outcomes:
            archive.save([outcome])
        told = archive.db.execute("SELECT count(*) FROM urls WHERE fetched_at IS NOT NULL AND reason <> ''").fetchone()
        assert told == (len(outcomes),)
        assert verify(archive.db) == []


# --- Mutants of real pages ---------------------------------------------------------------------------------------
def flipped(chance: random.Random, page: bytes) -> bytes:
    """Some bytes are others."""
    body = bytearray(page)
    for _ in range(1 + len(body) // 500):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(body)


def truncated(chance: random.Random, page: bytes) -> bytes:
    return page[: chance.randrange(len(page))]


def retagged(chance: random.Random, page: bytes) -> bytes:
    """Tags are doubled, left out, or moved elsewhere."""
    parts = page.split(b"<")
    for _ in range(1 + len(parts) // 10):
        at, to = chance.randrange(len(parts)), chance.randrange(len(parts))
        parts[at] = chance.choice((b"", parts[at] + b"<" + parts[at], parts[to], parts[at].replace(b">", b"")))
    return b"<".join(parts)


def nested(chance: random.Random, page: bytes) -> bytes:
    tag = chance.choice((b"<div>", b"<b>", b"<table><tr><td>", b"<ul><li>", b"<blockquote>", b"<font>"))
    at = chance.randrange(len(page))
    return page[:at] + tag * 5000 + page[at:]


def lying(chance: random.Random, page: bytes) -> bytes:
    """The page says that it is in another encoding than it is."""
    name = chance.choice((b"utf-16", b"utf-7", b"shift_jis", b"iso-2022-jp", b"utf-32", b"koi8-r", b"no-such", b"hz"))
    mark = chance.choice((b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xff\xfe\0\0"))
    return mark + b'<meta charset="' + name + b'">' + page


def huge_attributes(chance: random.Random, page: bytes) -> bytes:
    value = chance.choice((b"x", b" a", b"&amp;", b"\xc3")) * 200_000
    return page.replace(b"<p", b'<p class="' + value + b'"', 2).replace(b"<body", b'<body title="' + value + b'"', 1)


def with_nulls(chance: random.Random, page: bytes) -> bytes:
    parts = [page[at : at + 97] for at in range(0, len(page), 97)]
    return b"".join(part + chance.choice((b"", b"\0", b"\xff\xff", b"\xed\xa0\x80", b"\x1b\x1a")) for part in parts)


def repeated(chance: random.Random, page: bytes) -> bytes:
    at = chance.randrange(len(page))
    piece = page[at : at + chance.randrange(1, 4000)]
    return page[:at] + piece * (50_000 // len(piece)) + page[at:]


MUTATIONS = (flipped, truncated, retagged, nested, lying, huge_attributes, with_nulls, repeated)


def mutants(count: int, seed: int, size: int) -> list[bytes]:
    """So many mutants of corpus pages, always the same for a seed; a third of them are mutated twice.

    A page is cut to `size` bytes before it is mutated.
    """
    chance = random.Random(seed)
    files = sorted(PAGES.rglob("*.html*"))
    made = []
    for number in range(count):
        file = chance.choice(files)
        page = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        for mutate in (MUTATIONS[number % len(MUTATIONS)], *chance.choices(MUTATIONS, k=number % 3 == 0)):
            page = mutate(chance, page[:size] or b"<p>x</p>")
        made.append(page)
    return made


def check_mutants(workers: WorkerPool, folder: Path, count: int, seed: int, size: int) -> None:
    """All are read; of large ones a few may run into the bound on time, which is an outcome too."""
    outcomes = outcomes_of(workers, mutants(count, seed, size))
    check(outcomes, folder)
    failed = [outcome.reason for outcome in outcomes if outcome.state == "failed"]
    assert set(failed) <= {"worker_timeout"}
    assert len(failed) <= count // 200


@pytest.mark.slow
@needs_corpus
def test_mutants_of_real_pages(workers, tmp_path):
    check_mutants(workers, tmp_path, 64, 7, 15_000)


@needs_corpus
@pytest.mark.nightly
def test_many_mutants_of_real_pages(workers, tmp_path):
    check_mutants(workers, tmp_path, 1000, 20240, 400_000)


# --- Pathological pages ------------------------------------------------------------------------------------------
def page(inner: str | bytes) -> bytes:
    body = inner.encode() if isinstance(inner, str) else inner
    return b"<!DOCTYPE html><html><head><title>A page</title></head><body>" + body + b"</body></html>"


SLOW = frozenset(("attributes", "tables_in_tables", "wide_table"))  # libxml2 and trafilatura: may meet the time bound

AT_LENGTH = frozenset(
    ("addresses", "breaks", "headings", "lines", "links", "lists", "same_ids", "siblings", "tables_in_tables",
     "wide_table")
)  # fmt: skip
"""What takes seconds at its full size, and so is read in full at night alone."""

FEW_WORDS = "The council met on Monday evening and spoke about the old mill"

PATHOLOGICAL: dict[str, Callable[[], bytes]] = {
    "nested": lambda: page("<div>" * 100_000 + "text"),
    "nested_inline": lambda: page("<b><i>" * 50_000 + "text"),
    "one_text": lambda: page("word " * 200_000),
    "one_word": lambda: page("x" * 1_000_000),
    "one_sentence_a_paragraph": lambda: page("<p>" + "A sentence of some words. " * 40_000 + "</p>"),
    "siblings": lambda: page("<p>a</p>" * 200_000),
    "breaks": lambda: page("<br>" * 200_000),
    "lines": lambda: page("a<br>" * 100_000),
    "links": lambda: page("".join(f'<a href="/{number}">a</a> ' for number in range(50_000))),
    "one_link_again": lambda: page('<a href="/x">a</a>' * 100_000),
    "attributes": lambda: page("<p " + " ".join(f"a{number}=1" for number in range(50_000)) + ">text</p>"),
    "one_attribute_again": lambda: page("<p " + "class=x " * 50_000 + ">text</p>"),
    "table": lambda: page("<table>" + "<tr>" + "<td>1" * 300 + "</tr>" * 300),
    "wide_table": lambda: page("<table><tr>" + "<td>1" * 50_000),
    "tables_in_tables": lambda: page("<table><tr><td>" * 10_000),
    "unclosed_cells": lambda: page("<table>" + "<tr><td>a<td>b" * 30_000),
    "comments": lambda: page("<!-- a -->" * 100_000),
    "open_comments": lambda: page("<!--" * 200_000),
    "almost_comments": lambda: page("<!-" * 200_000),
    "cdata": lambda: page("<![CDATA[ a ]]>" * 50_000),
    "open_cdata": lambda: page("<![CDATA[" * 100_000),
    "entities": lambda: page("&amp;" * 300_000),
    "half_entities": lambda: page("&amp" * 300_000 + "&#" * 100_000),
    "numbers_of_no_character": lambda: page("&#xffffffff;&#0;&#55296;&#1114112;" * 20_000),
    "open_tags": lambda: page("<a" * 200_000),
    "open_quotes": lambda: page('<a href="' * 50_000),
    "less_than": lambda: page("<" * 500_000),
    "end_tags": lambda: page("</div>" * 200_000),
    "scripts": lambda: page("<script>" * 50_000),
    "open_titles": lambda: b"<title>" * 100_000,
    "forms": lambda: page("<form><select><option>" * 20_000),
    "meta": lambda: b"<html><head>" + b'<meta property="og:title" content="t">' * 50_000,
    "json_ld": lambda: page('<script type="application/ld+json">' + "[" * 100_000 + "</script>"),
    "json_ld_objects": lambda: page('<script type="application/ld+json">' + '{"a":' * 100_000 + "</script>"),
    "json_ld_numbers": lambda: page('<script type="application/ld+json">{"wordCount":' + "9" * 100_000 + "}</script>"),
    "spaces": lambda: page(" \n\t" * 300_000 + "end"),
    "line_ends": lambda: page("\r\n" * 400_000),
    "combining": lambda: page("e" + "\u0301" * 200_000),
    "dashes": lambda: page("<p>" + "- " * 200_000 + "</p>"),
    "digits": lambda: page("<p>" + "1" * 200_000 + "</p><time>" + "2" * 100_000 + "</time>"),
    "at_signs": lambda: page("<p>by " + "A. " * 100_000 + "</p>"),
    "commas": lambda: page("<p class='byline'>" + "Ann Lee, " * 50_000 + "</p>"),
    "headings": lambda: page("<h1>a</h1>" * 50_000),
    "lists": lambda: page("<ul>" + "<li>a" * 100_000),
    "pre": lambda: page("<pre>" + "a  b\n" * 100_000 + "</pre>"),
    "quotes": lambda: page("<blockquote><p>a</p></blockquote>" * 20_000),
    "quotes_of_the_text": lambda: page(
        "".join(f"<p>{FEW_WORDS} {n}</p><blockquote>{FEW_WORDS} {n}</blockquote>" for n in range(5_000))
    ),
    "addresses": lambda: page("<p>word</p>" + "<p>https://a.example/x</p>" * 30_000),
    "same_ids": lambda: page('<p id="x">a</p>' * 50_000),
    "long_class": lambda: page('<div class="' + "a-b_c " * 100_000 + '"><p>text</p></div>'),
    "svg": lambda: page("<svg>" + "<path d='M0 0'/>" * 50_000 + "</svg>"),
    "frames": lambda: b"<frameset>" + b"<frame src=x>" * 50_000,
    "plaintext": lambda: page("<plaintext>" + "<p>a" * 100_000),
    "base": lambda: b"<base href='//[::'>" + page("<a href='x'>a</a>" * 1000),
    "urls": lambda: page("".join(f'<a href="{"../" * 2000}{"%" * number}">a</a>' for number in range(300))),
    "nul": lambda: b"\0" * 500_000 + page("text"),
    "utf_16": lambda: "<p>".encode("utf-16") + b"\xd8" * 200_001,
    "invalid_utf_8": lambda: page(b"\xc3\x28\xa0\xff" * 100_000),
    "escape_sequences": lambda: page(b"\x1b$B" * 100_000),
    "entity_declarations": lambda: laughs().encode() + page("<p>&i;</p>"),
}


def laughs() -> str:
    entities = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    return f'<!DOCTYPE x [<!ENTITY a "ha">{entities}]>'


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *sampled(sorted(PATHOLOGICAL.keys() - AT_LENGTH), 12),
        *(pytest.param(name, marks=pytest.mark.nightly) for name in sorted(AT_LENGTH)),
    ],
)
def test_a_pathological_page(workers, tmp_path, name):
    outcomes = outcomes_of(workers, [PATHOLOGICAL[name]()])
    check(outcomes, tmp_path)
    assert outcomes[0].state in ("done", "skipped") or (name in SLOW and outcomes[0].reason == "worker_timeout")


@pytest.mark.slow
@pytest.mark.parametrize("size", [10_000, 50_000])
def test_pathological_pages_cut_short(workers, tmp_path, size):
    bodies = [make()[:size] for make in PATHOLOGICAL.values()]
    outcomes = outcomes_of(workers, bodies)
    check(outcomes, tmp_path)
    assert [outcome.reason for outcome in outcomes if outcome.state == "failed"] == []


XML: dict[str, Callable[[], bytes]] = {
    "laughs": lambda: f"{laughs()}<urlset><url><loc>&i;</loc></url></urlset>".encode(),
    "laughs_feed": lambda: f"{laughs()}<rss version='2.0'><channel><title>&i;</title></channel></rss>".encode(),
    "external": lambda: b'<!DOCTYPE x [<!ENTITY i SYSTEM "file:///etc/hostname">]><urlset><url><loc>&i;</loc></url>',
    "deep": lambda: b"<urlset>" + b"<url>" * 100_000,
    "deep_feed": lambda: b"<rss version='2.0'><channel>" + b"<item>" * 20_000,
    "wide": lambda: b"<urlset>" + b"<url><loc>https://a.example/x</loc></url>" * 100_000,
    "wide_feed": lambda: b"<rss version='2.0'><channel>" + b"<item><link>https://a.example/x</link></item>" * 5_000,
    "attributes": lambda: b"<urlset " + b" ".join(b"a%d='1'" % number for number in range(50_000)) + b">",
    "ampersands": lambda: b"<urlset><url><loc>" + b"&" * 500_000,
    "comments": lambda: b"<!--" * 200_000 + b"<urlset>",
    "cdata": lambda: b"<rss version='2.0'><channel><title>" + b"<![CDATA[" * 100_000,
    "text": lambda: b"<urlset><url><loc>" + b"x" * 5_000_000,
    "lines": lambda: b"https://a.example/x\n" * 200_000,
    "doctype": lambda: b"<!DOCTYPE " + b"[" * 200_000,
    "gzip_in_gzip": lambda: gzip.compress(gzip.compress(gzip.compress(b"<urlset/>" * 1000))),
    "bomb": lambda: gzip.compress(b"<urlset>" + b" " * 100_000_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sitemap", "feed"])
@pytest.mark.parametrize("name", sampled(XML, 8))
def test_a_pathological_sitemap_or_feed(workers, tmp_path, name, kind):
    outcomes = outcomes_of(workers, [XML[name]()], kind)
    check(outcomes, tmp_path)
    assert not outcomes[0].reason.startswith("worker"), outcomes[0].reason
    assert "ha" * 1000 not in repr(outcomes[0].discovered_urls)


# --- Any input ---------------------------------------------------------------------------------------------------
_PIECES = ("http://", "HTTPS:\\\\", "\0", "é", " ", *"// a.example [::1] :80 @ / .. ? # &a=1 %2e %".split())
_URL_PIECES = st.sampled_from(_PIECES)
_URLS = st.one_of(st.text(max_size=80), st.lists(st.one_of(_URL_PIECES, st.text(max_size=5)), max_size=12).map("".join))


@pytest.mark.slow
@given(_URLS, st.one_of(st.none(), st.just(HOME + "x/y?z"), _URLS))
@example("http://a.example/" + "../" * 5000, None)
@example("http://" + "a" * 300 + ".example/", None)
@example("http://[::1", HOME)
@example("http://\ud800.example/", HOME)
def test_a_canonical_url_is_one_spelling_of_a_host_s_page(url, base):
    made = canonicalise(url, base)
    if made is not None:
        assert canonicalise(made) == made
        assert made.startswith(("http://", "https://"))
        assert made.isascii()
        assert len(made) <= MAX_URL_CHARS
        assert host_of(made)


_LABELS = st.sampled_from(["", "\0", *"utf-8 utf-16 utf-7 shift_jis iso-2022-jp x-user-defined hz rot13".split()])


@given(
    st.binary(max_size=400), _LABELS, st.sampled_from([b"", b"\xff\xfe", b"\xef\xbb\xbf", b'<meta charset="utf-16">'])
)
def test_any_bytes_are_text(body, label, head):
    made = decode(head + body, f"text/html; charset={label}")
    assert "\0" not in made.text
    assert made.encoding
    made.text.encode("utf-8", "strict")
    parse(made.text)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"<urlset><url><loc>", b"<rss version='2.0'><channel><item>", b"\x1f\x8b"]),
)
def test_any_bytes_are_a_sitemap_and_a_feed_or_none(body, head):
    assert read_sitemap(head + body, HOME).kind
    assert read_feed(head + body, HOME).reason is not None
