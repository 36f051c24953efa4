"""Pages of extreme shapes: each is read, and takes at most eight times as long where it is four times as large.

A shape is a document of parts that are nested in one another or stand in a row; their words differ, so that no part is
taken for a repetition of another.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from tests.sampling import sampled

SIZE, GROWTH, MOST_GROWTH = 2_000, 4, 8.0  # parts of the smaller page; growth; what it may take: 16 is quadratic, and
# a processor whose caches hold the smaller page alone takes up to 6
NOTHING_SECONDS = 0.02  # below which a time says nothing
SENTENCE = "the council of harbour town {0} had asked for bridge {0} in the spring of {0}, and it was built."


def nested(opening: str, closing: str, text_every: int = 1) -> Callable[[int], str]:
    """Parts inside one another, each with a sentence, or only every so many."""
    parts = ("", SENTENCE)
    return lambda size: "".join(opening + parts[n % text_every == 0].format(n) for n in range(size)) + closing * size


def row(part: str, start: str = "", end: str = "") -> Callable[[int], str]:
    """Parts in a row between `start` and `end`; {0} is the part's number, {1} its sentence."""
    return lambda size: start + "".join(part.format(n, SENTENCE.format(n)) for n in range(size)) + end


SHAPES: dict[str, Callable[[int], str]] = {
    "nested tables": nested("<table><tr><td>", "</td></tr></table>"),
    "nested empty tables": nested("<table><tr><td>", "</td></tr></table>", 100),
    "nested divs": nested("<div>", "</div>"),
    "nested lists": nested("<ul><li>", "</li></ul>"),
    "nested quotes": nested("<blockquote>", "</blockquote>"),
    "nested sections": nested("<section><h2>Part</h2><p>", "</section>"),
    "nested inline": nested("<b><i>", "</i></b>", 10),
    "nested spans": nested("<span class=x>", "</span>"),
    "unclosed inline": row("<p><b><i>{1}"),
    "unclosed paragraphs": row("<p>{1}<div>"),
    "paragraphs": row("<p>{1}</p>"),
    "equal paragraphs": row("<p>The same sentence, which stands here again and again.</p>"),
    "headings": row("<h2>Heading {0}</h2><p>{1}</p>"),
    "list items": row("<li>{1}</li>", "<ul>", "</ul>"),
    "links": row('<li><a href="/a/{0}">Story number {0}</a></li>', "<ul>", "</ul>"),
    "inline siblings": row("<b>{1}</b> ", "<p>", "</p>"),
    "inline siblings in a div": row("<b>{1}</b> and ", "<div>", "</div>"),
    "emphasis in a cell": row("<i>{1}</i> and ", "<table><tr><td>", "</td></tr></table>"),
    "links in a paragraph": row('<a href="/a/{0}">word{0}</a> ', "<p>", "</p>"),
    "line breaks": row("{1}<br>", "<p>", "</p>"),
    "double line breaks": row("{1}<br><br>", "<p>", "</p>"),
    "table rows": row("<tr><td>{0}</td><td>{1}</td></tr>", "<table>", "</table>"),
    "wide table": row("<td>{0} metres</td>", "<table><tr><th>a</th></tr><tr>", "</tr></table>"),
    "many tables": row("<table><tr><td>{0}</td><td>{1}</td></tr></table>"),
    "attributes": row(' data-a{0}="{0}"', "<p", ">A paragraph.</p>"),
    "classes": row(" name{0}", '<p class="', '">A paragraph.</p>'),
    "elements with attributes": row('<div id="d{0}" class="a{0} b{0}" data-x="{0}" style="color:red">{1}</div>'),
    "images": row('<img src="/i/{0}.jpg" alt="Picture {0}">', "<p>", "</p>"),
    "hidden parts": row('<div style="display:none"><p>{1}</p></div><p>{1}</p>'),
    "metas": row('<meta name="article:tag" content="Topic {0}">'),
    "statements": row('<script type="application/ld+json">{{"@type":"NewsArticle","keywords":"k{0}"}}</script>'),
    "streamed pieces": row('<template id="B:{0}"></template><div hidden id="S:{0}"><p>{1}</p></div>'),
    "definitions": row("<dt>{0}</dt><dd>{1}</dd>", "<dl>", "</dl>"),
    "figures": row('<figure><img src="/{0}.jpg"><figcaption>{1}</figcaption></figure>'),
    "quotes": row("<blockquote><p>{1}</p></blockquote>"),
    "comments": row("<!-- {1} --><p>{1}</p>"),
    "unclosed tables": row("<table><tr><td>{1}"),
    "unclosed lists": row("<ul><li>{1}"),
    "nested links": nested('<a href="/x">', "</a>"),
    "dates and names": row('<time datetime="2024-05-03">3 May</time><span class="author">By Ann Lee</span><p>{1}</p>'),
    "teasers": row('<article><h3><a href="/s/{0}">Story {0}</a></h3><p>{1}</p><time>3 May 2024</time></article>'),
    "forms": row('<form><label>Name {0}<input name="n{0}"></label><select><option>{0}</option></select></form>'),
    "one long line": row("{1} "),
    "one long word": row("word{0}"),
    "deep and wide": lambda size: nested("<div>", "</div>", 10)(200) + row("<div><p>{1}</p></div>")(size),
}


def page(shape: str, size: int) -> Page:
    """The page of a shape with so many parts, after a short article."""
    article = "".join(f"<p>{SENTENCE.format(n)} {SENTENCE.format(n + 7)}</p>" for n in range(5))
    html = f"<!DOCTYPE html><html><head><title>A bridge</title></head><body><article>{article}</article>"
    return Page("https://a.example/bridge", f"{html}{SHAPES[shape](size)}</body></html>".encode())


_RUNS = count()


def seconds(shape: str, size: int) -> float:
    """CPU seconds that a page takes, the least of three runs, each with texts that no cache has seen."""
    job, spent = page(shape, size), []
    for _ in range(3):
        job = replace(job, body=job.body.replace(b"bridge", b"bridge%d" % next(_RUNS)))
        started = time.process_time()
        clean(job)
        spent.append(time.process_time() - started)
    return min(spent)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_page_of_a_shape_is_read(shape):
    assert "bridge 1 in the spring of 1" in clean(page(shape, 12)).text


@pytest.mark.slow
@pytest.mark.parametrize("shape", sampled(SHAPES, 2))
def test_a_shape_takes_no_more_than_it_grows(shape):
    small, large = seconds(shape, SIZE), seconds(shape, GROWTH * SIZE)
    if large > MOST_GROWTH * small:  # what else the machine does counts as well
        small, large = min(small, seconds(shape, SIZE)), min(large, seconds(shape, GROWTH * SIZE))
    assert large <= MOST_GROWTH * max(small, NOTHING_SECONDS)
