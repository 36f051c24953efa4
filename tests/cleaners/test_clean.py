"""A page to its article: nothing raises, nothing visible is lost, and lists, figures, notes stay in the text."""

from __future__ import annotations

import gzip
import os
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

from broadsheet.cleaners.clean import article_text, clean
from broadsheet.cleaners.document import CleanedPage, ExtractorUse, KeepReason, Page, PageType, RemovalReason, UrlSource
from broadsheet.cleaners.judge.block_features import judge_page
from broadsheet.cleaners.page.parsed_page import decode
from broadsheet.crawler.demo.server import Resource, render
from tests.budget_pages import budget_pages
from tests.cleaners.building import PROSE, STORY

SHARED = os.environ.get("BROADSHEET_SHARED") or Path(__file__).resolve().parents[3] / "shared"
CORPUS = Path(SHARED) / "corpus" / "wcxb" / "html"
SAMPLE = 60
LOST = 0.005  # share of words that white space may glue or part
_UNSEEN = (
    "head script style template noscript noframes noembed iframe object embed audio video canvas textarea title"
    " datalist applet map desc metadata annotation annotation-xml"
)
_INLINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr output q ruby rt s samp"
    " small span strike strong sub sup time tt u var wbr"
)
UNSEEN, INLINE = frozenset(_UNSEEN.split()), frozenset(_INLINE.split())
_SOFT = re.compile("[\u00ad\u200b\u2060\ufeff\u180e]")
_WORD = re.compile(r"\w+")


def words_of(markup: str, *, hidden: bool = False) -> Counter[str]:
    """The words that a reader sees, or also hidden ones, found with another parser and another walk than ours."""
    root = html5lib.parse(markup, treebuilder="etree", namespaceHTMLElements=False)
    text = unicodedata.normalize("NFC", _SOFT.sub("", "".join(_visible_texts(root, hidden))))
    return Counter(_WORD.findall(text))


def _visible_texts(element: object, hidden: bool, depth: int = 0) -> Iterator[str]:
    tag, attributes = element.tag, element.attrib  # type: ignore[attr-defined]
    if not isinstance(tag, str) or depth > 300:
        return
    tag = tag.rpartition("}")[2]  # html5lib puts a namespace before the names of SVG and MathML
    is_visible = tag not in UNSEEN and (hidden or not _says_hidden(attributes))
    gap = "" if tag in INLINE else "\n"
    if is_visible:
        yield gap + (element.text or "")  # type: ignore[attr-defined]
        for child in element:  # type: ignore[attr-defined]
            yield from _visible_texts(child, hidden, depth + 1)
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


def block_words(cleaned: CleanedPage) -> Counter[str]:
    return Counter(word for block in cleaned.blocks for word in _WORD.findall(block.text))


def unaccounted(page: Page) -> tuple[float, list[tuple[str, int]]]:
    """Share of words that a reader sees and no block has, or that a block has and the page has not; the commonest.

    A page that hides nearly all its text until a script shows it is read with that text: so hidden words may be told.
    """
    markup, extracted_words = decode(page.body, page.content_type).text, block_words(clean(page))
    visible_words = words_of(markup)
    difference = (visible_words - extracted_words) + (extracted_words - (visible_words | words_of(markup, hidden=True)))
    return difference.total() / max(1, visible_words.total()), difference.most_common(8)


def hidden_words_in_blocks(page: Page) -> Counter[str]:
    """Words of blocks that no reader sees."""
    return block_words(clean(page)) - words_of(decode(page.body, page.content_type).text)


def check_invariants(cleaned: CleanedPage) -> None:
    """What holds for any page: a verdict a block, the text is the kept blocks, every removal is explained."""
    assert len(cleaned.blocks) == len(cleaned.verdicts)
    assert [block.position for block in cleaned.blocks] == list(range(len(cleaned.blocks)))
    kept_texts = [block.text for block, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True) if verdict.kept]
    assert cleaned.text == "\n".join(kept_texts)
    assert all(verdict.reason and verdict.rule for verdict in cleaned.verdicts)
    assert all(
        isinstance(verdict.reason, KeepReason if verdict.kept else RemovalReason) for verdict in cleaned.verdicts
    )
    assert all(isinstance(link.via, UrlSource) for link in cleaned.outlinks)
    assert all(block.text.strip() for block in cleaned.blocks)
    assert "\0" not in cleaned.text
    cleaned.text.encode()


def demo_pages() -> list[tuple[str, Resource]]:
    pages = render().items()
    return [(path, page) for path, page in pages if page.headers["Content-Type"].startswith("text/html") and page.body]


@pytest.mark.slow
@pytest.mark.parametrize(("path", "resource"), demo_pages(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_visible_word_of_the_sample_site_is_kept_or_removed(path, resource):
    page = Page("http://lantern.example.org" + path, resource.body, resource.headers["Content-Type"])
    share, words = unaccounted(page)
    assert share <= LOST, words
    assert hidden_words_in_blocks(page).total() <= 2
    check_invariants(clean(page))


def corpus_pages() -> list[Path]:
    return random.Random(2).sample(sorted(CORPUS.iterdir()), SAMPLE) if CORPUS.is_dir() else []


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus beside the repository (shared/corpus/wcxb)")
@pytest.mark.nightly
def test_every_visible_word_of_real_pages_is_kept_or_removed():
    over = []
    for file in corpus_pages():
        page = Page("https://corpus.example/" + file.stem, gzip.decompress(file.read_bytes()))
        check_invariants(clean(page))
        share, words = unaccounted(page)
        if share > LOST:
            over.append((file.name, share, words))
    assert over == []


def test_the_scoring_hook_is_the_text_of_the_same_page():
    for path, resource in demo_pages()[::7]:
        url = "http://lantern.example.org" + path
        assert article_text(resource.body, url) == clean(Page(url, resource.body)).text
    assert article_text(b"") == article_text(b"", None) == ""


def test_an_empty_body_is_an_empty_page():
    for body in (b"", b" \n", b"<!-- nothing -->"):
        assert clean(Page("https://a.example/", body)).verdict.page_type is PageType.EMPTY


@pytest.mark.parametrize("url", ["http://[", "http://[bad/2024/the-mill", "//[x"])
def test_a_page_whose_url_cannot_be_parsed_is_read_beside_a_canonical_home_page(url):
    page = clean(Page(url, b"<link rel=canonical href='https://a.example/'><title>Mill burns</title><p>It is gone."))
    assert (page.metadata.title, page.text, page.metadata.canonical_url) == (
        "Mill burns", "It is gone.", "https://a.example/",
    )  # fmt: skip


_PIECES = (
    "<p> </p> <div> </div> <table> <tr> <td> </table> <ul> <li> <a href='x'> </a> <br> <b> <em> </em> <pre> <h1> </h1>"
    " <article> <script> </script> <style> <!-- --> <title> <svg> <math> <template> <noscript> <figure> <blockquote>"
    " <p~hidden> <div~style='display:none'> <base~href='http://['> <meta~charset=utf-7> <html~lang=es> <link~rel=canonical~href=https://a.example/>"
    " &amp; &#0; &#xD800; <![CDATA[ ]]> <?php </body> </html>"
)
PIECES = st.sampled_from([piece.replace("~", " ") for piece in _PIECES.split()])
MARKUP = st.lists(PIECES | st.text(max_size=12), max_size=40).map("".join)
URLS = st.sampled_from(["https://a.example/x", "", "not a url", "http://[", "https://a.example/?p=1"])
TYPES = st.sampled_from(["", "text/html", "text/html; charset=utf-16", "text/html; charset=nonsense", "image/png"])
LEISURE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@given(URLS, st.binary(max_size=600), TYPES)
@LEISURE
def test_any_bytes_give_a_result(url, body, content_type):
    check_invariants(clean(Page(url, body, content_type)))


@given(URLS, MARKUP, st.sampled_from(["utf-8", "utf-16", "cp1252"]))
@LEISURE
def test_any_markup_gives_a_result(url, markup, encoding):
    check_invariants(clean(Page(url, markup.encode(encoding, "replace"))))


@pytest.mark.nightly
@given(URLS, MARKUP | st.binary(max_size=3000).map(lambda raw: raw.decode("latin-1")))
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_markup_gives_a_result_at_length(url, markup):
    check_invariants(clean(Page(url, markup.encode("utf-8", "replace"))))


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        b"<div>" * 100_000 + b"deep",
        b"<p>" + b"x\0" * 5000,
        b"<a>" * 5000 + b"text",
        b"<table><tr><td>" * 300 + b"cell",
        b"<ul><li>" * 3000 + b"item",
        b"<b><i>" * 3000 + b"bold",
        b"<p>" + b"word " * 200_000,
    ],
    ids=["nested", "nul", "links", "tables", "lists", "marks", "long"],
)
def test_a_page_made_to_hurt_is_read(body):
    cleaned = clean(Page("https://a.example/x", body))
    check_invariants(cleaned)
    assert cleaned.blocks


GIVING = (
    "Every winter the blood bank runs short, and its director writes the same letter to all who have given before.",
    "“Please consider making a small donation,” the letter says, and most of those who read it put on their coats.",
    "Donate blood, not advice",
    "Donations by text message have grown fastest, a study found; those who give five euros so rarely give again.",
    "Subscribers of the newsletter that the bank sends give twice as often, and share its appeals on Facebook.",
)


def test_an_article_about_donations_keeps_its_words_and_loses_the_prompts():
    story = "".join(f"<h2>{text}</h2>" if len(text) < 40 else f"<p>{text}</p>" for text in GIVING)
    prompts = "<p>Donate now</p><p>Support our journalism with a monthly gift.</p>"
    html = (
        f"<html lang=en><title>Who gives | The Post</title><article><h1>Who gives</h1>{story}{prompts}</article></html>"
    )
    cleaned = clean(Page("https://post.example/giving", html.encode()))
    assert cleaned.text.splitlines() == list(GIVING)
    removed = [verdict.reason for verdict in cleaned.verdicts if not verdict.kept]
    assert removed == ["repeats the title", "donation", "donation"]


@pytest.mark.parametrize(
    "markup",
    [
        '<link rel="license" href="http://[x">',
        '<a rel="license" href="http://[x">Licence</a>',
        '<link rel="canonical" href="http://[x"><link rel="next" href="http://[x"><base href="http://[x">',
        '<h2><a href="/other">one [four](http://[z) five six seven</a></h2>',
        '<meta property="og:url" content="http://[x"><meta property="og:image" content="http://[x">',
        '<script type="application/ld+json">{"@type": "NewsArticle", "license": "http://[z", "url": "http://[z"}</script>',
    ],
)
@pytest.mark.parametrize("url", ["https://a.example/story", "https://a.example/x["])
def test_an_address_with_a_host_in_broken_brackets_costs_nothing_else(markup, url):
    text = "Water reaches the upper villages by three pumps, of which one was out of order all winter."
    page = f"<html><body><article><h1>Three pumps</h1>{markup}{f'<p>{text}</p>' * 3}</article></body></html>"
    assert text in clean(Page(url, page.encode())).text


def test_trafilatura_is_not_asked_for_a_list_of_which_the_judge_is_in_doubt():
    page = next(page for page in budget_pages() if page.url.endswith("/author/callum-thrane/"))
    cleaned = clean(page)
    assert not judge_page(cleaned.blocks, cleaned.metadata).is_sure
    assert (cleaned.verdict.page_type, cleaned.asked_extractor) == (PageType.LIST, False)
    assert clean(page, extractor_use=ExtractorUse.ALWAYS).asked_extractor


@pytest.mark.parametrize(("path", "evidence"), [("/tag/courts/", ("url=list",)),
                                                ("/index", ("url=home", "but:states=article"))])  # fmt: skip
def test_trafilatura_is_asked_for_a_list_by_its_address_alone_and_for_one_that_states_an_article(path, evidence):
    cleaned = clean(next(page for page in budget_pages() if page.url.endswith(path)))
    assert (cleaned.verdict.page_type, cleaned.verdict.evidence) == (PageType.LIST, evidence)
    assert cleaned.asked_extractor


TITLE = "Six readings about mills"
URL = "https://paper.test/six-readings-about-mills"
TOPICS = (
    ("A guide to soil and water", "why some fields drain slowly"),
    ("Mills of the north", "a survey of wheels that still turn"),
    ("Flour and time", "how the grain was ground before steam"),
    ("The river in numbers", "gauge readings of forty years"),
    ("Water law for millers", "who may dam what, and since when"),
    ("Stones of the district", "a catalogue of the museum"),
)
NAVIGATION = "<nav><ul><li><a href=/news>News</a><li><a href=/sport>Sport</a></ul></nav>"
BESIDE = "<aside><h2>Most read</h2><ul><li><a href=/a>River floods the meadow again</a></ul></aside>"
LINKS = "".join(f"<li><a href='https://readings{n}.org/x'>{name}</a>" for n, (name, _) in enumerate(TOPICS))
DEFINITIONS = "".join(f"<dt>{name}<dd>{text.capitalize()}." for name, text in TOPICS)
ROWS = "".join(f"<tr><td>{2001 + n}<td>{1_200 + 37 * n:,}<td>{900 + 21 * n:,}" for n in range(5))
FIGURES = f"<table><tr><th>Year<th>Grain<th>Flour{ROWS}</table>"
NOTES = "<li id=fn1>Minutes of the council, May, page 12. <a href=#r1>↩</a><li>The flood of 1987 is told at length."


def cleaned_article(body: str) -> CleanedPage:
    article = f"<main><article><h1>{TITLE}</h1><p class=byline>By Ann Lee</p>{body}</article></main>"
    html = f"<html lang=en><title>{TITLE} | The Paper</title><body>{NAVIGATION}{article}{BESIDE}"
    return clean(Page(URL, html.encode()))


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


@pytest.mark.parametrize("intro", ["", PROSE], ids=["alone", "below a paragraph"])
def test_a_list_of_links_to_other_sites_that_is_the_article_is_its_text(intro):
    page = cleaned_article(paragraphs(*[intro] * bool(intro)) + f"<ul>{LINKS}</ul>")
    assert page.is_article
    assert page.text.split("\n") == [*[intro] * bool(intro), *(name for name, _ in TOPICS)]


def test_a_list_of_the_site_s_own_pages_is_none():
    own = LINKS.replace("https://readings", "https://paper.test/")
    assert not cleaned_article(f"<ul>{own}</ul>").text


def test_a_list_of_links_within_the_text_stays_whole():
    page = cleaned_article(paragraphs(*STORY[:3]) + f"<ul>{LINKS}</ul>" + paragraphs(*STORY[3:]))
    assert page.text.split("\n") == [*STORY[:3], *(name for name, _ in TOPICS), *STORY[3:]]


@pytest.mark.parametrize("above", [1, 4], ids=["below a paragraph", "below a story"])
@pytest.mark.parametrize(
    ("markup", "texts"),
    [
        (f"<dl>{DEFINITIONS}</dl>", [text for name, rest in TOPICS for text in (name, f"{rest.capitalize()}.")]),
        (FIGURES, ["Year | Grain | Flour", "2001 | 1,200 | 900", "2005 | 1,348 | 984"]),
        (f"<h2>Notes</h2><ol>{NOTES}</ol>", ["page 12", "The flood of 1987 is told at length."]),
    ],
    ids=["definitions", "figures", "footnotes"],
)
def test_definitions_figures_and_footnotes_stay(markup, texts, above):
    text = cleaned_article(paragraphs(*STORY[:above]) + markup).text
    assert all(words in text for words in (*STORY[:above], *texts))
    assert "Most read" not in text
