"""A page to its article: nothing raises, nothing visible is lost, and the scoring hook is the same text."""

from __future__ import annotations

import gzip
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import html5lib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleaners.clean import article_text, clean
from cleaners.decode import decode
from cleaners.record import Cleaned, Page, PageType
from crawler.demo.render import Resource, render

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus" / "wcxb" / "html"
SAMPLE = 60
LOST = 0.005  # share of words that white space may glue or part

UNSEEN = frozenset(
    "head script style template noscript noframes noembed iframe object embed audio video canvas textarea title"
    " datalist applet map desc metadata annotation annotation-xml".split()
)
INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr output q ruby rt s samp small"
    " span strike strong sub sup time tt u var wbr".split()
)
_SOFT = re.compile("[\u00ad\u200b\u2060\ufeff\u180e]")
_WORD = re.compile(r"\w+")


def visible_words(markup: str) -> Counter[str]:
    """The words that a reader sees, found with another parser and another walk than ours."""
    root = html5lib.parse(markup, treebuilder="etree", namespaceHTMLElements=False)
    text = unicodedata.normalize("NFC", _SOFT.sub("", "".join(_shown(root))))
    return Counter(_WORD.findall(text))


def _shown(element: object, depth: int = 0) -> Iterator[str]:
    tag, attributes = element.tag, element.attrib  # type: ignore[attr-defined]
    if not isinstance(tag, str) or depth > 300:
        return
    tag = tag.rpartition("}")[2]  # html5lib puts a namespace before the names of SVG and MathML
    seen = tag not in UNSEEN and not _says_hidden(attributes)
    gap = "" if tag in INLINE else "\n"
    if seen:
        yield gap + (element.text or "")  # type: ignore[attr-defined]
        for child in element:  # type: ignore[attr-defined]
            yield from _shown(child, depth + 1)
            yield child.tail or ""
    yield gap


def _says_hidden(attributes: dict[str, str]) -> bool:
    style = attributes.get("style", "").replace(" ", "").lower()
    return (
        ("hidden" in attributes and attributes["hidden"] != "until-found")
        or attributes.get("aria-hidden") == "true"
        or "display:none" in style
        or "visibility:hidden" in style
    )


def told_words(cleaned: Cleaned) -> Counter[str]:
    return Counter(word for block in cleaned.blocks for word in _WORD.findall(block.text))


def unaccounted(page: Page) -> tuple[float, list[tuple[str, int]]]:
    """Share of the visible words that no block has, or that no reader sees, and the commonest of them."""
    seen = visible_words(decode(page.body, page.content_type).text)
    told = told_words(clean(page))
    difference = (seen - told) + (told - seen)
    return difference.total() / max(1, seen.total()), difference.most_common(8)


def check_shape(cleaned: Cleaned) -> None:
    """What holds for any page: a verdict a block, the text is the kept blocks, every removal is explained."""
    assert len(cleaned.blocks) == len(cleaned.verdicts)
    assert [block.position for block in cleaned.blocks] == list(range(len(cleaned.blocks)))
    kept = [block.text for block, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True) if verdict.kept]
    assert cleaned.text == "\n".join(kept)
    assert all(verdict.reason and verdict.rule for verdict in cleaned.verdicts)
    assert all(block.text.strip() for block in cleaned.blocks)
    assert "\0" not in cleaned.text
    cleaned.text.encode()


def demo_pages() -> list[tuple[str, Resource]]:
    site = render()
    return [(path, page) for path, page in site.items() if page.headers["Content-Type"].startswith("text/html") and page.body]


@pytest.mark.parametrize(("path", "resource"), demo_pages(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_visible_word_of_the_sample_site_is_kept_or_removed(path: str, resource: Resource) -> None:
    page = Page("http://lantern.example.org" + path, resource.body, resource.headers["Content-Type"])
    share, words = unaccounted(page)
    assert share <= LOST, words
    check_shape(clean(page))


def corpus_pages() -> list[Path]:
    return random.Random(2).sample(sorted(CORPUS.iterdir()), SAMPLE) if CORPUS.is_dir() else []


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus beside the repository (shared/corpus/wcxb)")
@pytest.mark.parametrize("file", corpus_pages(), ids=lambda path: path.name)
def test_every_visible_word_of_a_real_page_is_kept_or_removed(file: Path) -> None:
    body = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    page = Page("https://corpus.example/" + file.stem, body)
    share, words = unaccounted(page)
    assert share <= LOST, words
    check_shape(clean(page))


def test_the_scoring_hook_is_the_text_of_the_same_page() -> None:
    for path, resource in demo_pages()[::7]:
        url = "http://lantern.example.org" + path
        assert article_text(resource.body, url) == clean(Page(url, resource.body)).text
    assert article_text(b"") == article_text(b"", None) == ""


def test_an_empty_body_is_an_empty_page() -> None:
    for body in (b"", b" \n", b"<!-- nothing -->"):
        assert clean(Page("https://a.example/", body)).verdict.page_type is PageType.EMPTY


def test_cleaning_twice_gives_the_same() -> None:
    path, resource = demo_pages()[3]
    page = Page("http://lantern.example.org" + path, resource.body, resource.headers["Content-Type"])
    assert clean(page) == clean(page)


PIECES = st.sampled_from(
    "<p> </p> <div> </div> <table> <tr> <td> </table> <ul> <li> <a href='x'> </a> <br> <b> <em> </em> <pre> <h1> </h1> <article>"
    " <script> </script> <style> <!-- --> <title> <svg> <math> <template> <noscript> <figure> <blockquote> <p&nbsp;hidden>"
    " <div&nbsp;style='display:none'> <base&nbsp;href='http://['> <meta&nbsp;charset=utf-7> <html&nbsp;lang=es> &amp; &#0; &#xD800;"
    " <![CDATA[ ]]> <?php".split()
).map(lambda piece: piece.replace("&nbsp;", " "))
MARKUP = st.lists(PIECES | st.text(max_size=12), max_size=40).map("".join)
URLS = st.sampled_from(["https://a.example/x", "", "not a url", "http://[", "https://a.example/?p=1"])
TYPES = st.sampled_from(["", "text/html", "text/html; charset=utf-16", "text/html; charset=nonsense", "image/png"])
LEISURE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@given(URLS, st.binary(max_size=600), TYPES)
@LEISURE
def test_any_bytes_give_a_result(url: str, body: bytes, content_type: str) -> None:
    check_shape(clean(Page(url, body, content_type)))


@given(URLS, MARKUP, st.sampled_from(["utf-8", "utf-16", "cp1252"]))
@LEISURE
def test_any_markup_gives_a_result(url: str, markup: str, encoding: str) -> None:
    check_shape(clean(Page(url, markup.encode(encoding, "replace"))))


@pytest.mark.slow
@given(URLS, MARKUP | st.binary(max_size=3000).map(lambda raw: raw.decode("latin-1")))
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_markup_gives_a_result_at_length(url: str, markup: str) -> None:
    check_shape(clean(Page(url, markup.encode("utf-8", "replace"))))


@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 100_000 + b"deep",
        b"<p>" + b"x\0" * 5000,
        b"<a>" * 5000 + b"text",
        b"<table><tr><td>" * 2000 + b"cell",
        b"<ul><li>" * 3000 + b"item",
        b"<b><i>" * 3000 + b"bold",
        b"<p>" + b"word " * 200_000,
    ],
    ids=["nested", "nul", "links", "tables", "lists", "marks", "long"],
)
def test_a_page_made_to_hurt_is_read(body: bytes) -> None:
    cleaned = clean(Page("https://a.example/x", body))
    check_shape(cleaned)
    assert cleaned.blocks
