"""CPU time of the cleaner on generated pages of extreme shapes, at one size and at four times that.

    python -m tests.bench.shapes [NAME ...] [--size N] [--out FILE]

A page's time should grow as its size does: from n to 4n at most fivefold (`MOST_GROWTH`), whatever its shape. A shape
is a document of n parts that are nested in one another or stand in a row; their words differ, so that no part is taken
for a repetition of another. Time is `time.process_time` of `broadsheet.cleaners.clean.clean`, the best of a few runs,
and of more where it grows too much. Exits with 1 if a shape still does. The result kept in the repository is
`tests/bench/results/shapes.json`.
"""

from __future__ import annotations

import argparse
import datetime
import gc
import pathlib
import platform
import sys
import time
from collections.abc import Callable

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.cleaners.lineage import CLEANER_VERSION
from broadsheet.crawler.workers.worker import GC_THRESHOLD
from tests.bench.figures import write_figures

RESULT = pathlib.Path(__file__).parent / "results/shapes.json"
SIZE = 2_000  # parts of the smaller page
GROWTH = 4
MOST_GROWTH = 5.0
_RUNS = 3
_MORE_ATTEMPTS = 2  # where a shape grows too much: what else the machine does counts as well
_NOTHING_SECONDS = 0.02  # below which a time says nothing
_SENTENCE = "the council of harbour town {0} had asked for bridge {0} in the spring of {0}, and it was built."


def sentence(number: int) -> str:
    """A sentence of its own."""
    return _SENTENCE.format(number)


def nested(opening: str, closing: str, text_every: int = 1) -> Callable[[int], str]:
    """Parts inside one another, each with a sentence, or only every so many."""

    def build(size: int) -> str:
        parts = (opening + (sentence(n) if n % text_every == 0 else "") for n in range(size))
        return "".join(parts) + closing * size

    return build


def row(part: str, start: str = "", end: str = "") -> Callable[[int], str]:
    """Parts in a row between `start` and `end`; {0} is the part's number, {1} its sentence."""
    return lambda size: start + "".join(part.format(n, sentence(n)) for n in range(size)) + end


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
"""Bodies by the name of their shape, from their size."""


def page(shape: str, size: int) -> Page:
    """The page of a shape with so many parts, after a short article."""
    article = "".join(f"<p>{sentence(n)} {sentence(n + 7)}</p>" for n in range(5))
    html = f"<!DOCTYPE html><html><head><title>A bridge</title></head><body><article>{article}</article>"
    return Page("https://a.example/bridge", f"{html}{SHAPES[shape](size)}</body></html>".encode())


def seconds(shape: str, size: int) -> float:
    """CPU seconds that a page takes, the least of a few runs; of one that takes long, of one run."""
    job, best = page(shape, size), float("inf")
    for _ in range(_RUNS):
        started = time.process_time()
        clean(job)
        best = min(best, time.process_time() - started)
        if best > 3:
            break
    return best


def measure(shape: str, size: int) -> dict[str, float]:
    """The seconds of a shape at both sizes, and how much the larger takes of the smaller."""
    small, large = seconds(shape, size), seconds(shape, GROWTH * size)
    for _ in range(_MORE_ATTEMPTS):
        if large <= MOST_GROWTH * small:
            break
        small, large = min(small, seconds(shape, size)), min(large, seconds(shape, GROWTH * size))
    return {
        "small": round(small, 3),
        "large": round(large, 3),
        "growth": round(large / max(small, _NOTHING_SECONDS), 1),
    }


def main() -> int:
    """Measure the shapes, print and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="the shapes to measure; all without any")
    parser.add_argument("--size", type=int, default=SIZE)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    clean(page("paragraphs", 100))  # loads what is loaded once
    gc.set_threshold(*GC_THRESHOLD)
    shapes: dict[str, dict[str, float]] = {}
    for name in options.names or SHAPES:
        shapes[name] = measure(name, options.size)
        small, large, growth = shapes[name].values()
        print(f"{name:26} {small:8.3f} s {large:8.3f} s {growth:6.1f}", flush=True)
    result = {
        "date": datetime.date.today().isoformat(), "python": platform.python_version(), "cleaner": CLEANER_VERSION,
        "size": options.size, "times": GROWTH, "shapes": shapes,
    }  # fmt: skip
    if out := options.out or (RESULT if not options.names else None):
        write_figures(out, result)
    return int(any(shape["growth"] > MOST_GROWTH for shape in shapes.values()))


if __name__ == "__main__":
    sys.exit(main())
