"""Forty fixed pages that the budget of calls is counted on: the sample site's, and shapes like those of real sites.

The made pages are like the real ones in what costs: menus, boxes and lists around a story, a thread of comments, styles
and scripts of hundreds of kilobytes, tables, code, and scripts without spaces between words. They depend on nothing but
this file, so that a count is the same on every machine.
"""

from collections.abc import Iterator

from broadsheet.cleaners.document import Page
from broadsheet.crawler.demo.server import render

_SUBJECTS = ("The harbour board", "A ferry company", "The school council", "Her neighbour", "The water authority")
_VERBS = ("published", "withdrew", "explained", "contested", "measured")
_OBJECTS = (
    "the survey of the old channel",
    "a plan for the bus depot",
    "its accounts for the year",
    "the third report",
)
_ENDS = ("after a meeting that went on until midnight", "and nobody in the town had been told", "as the law requires")
_CHINESE = "港务局周一公布了旧航道的测量结果，镇上的人此前并不知情。渔民们说，他们在会上等了三个小时。"
_GERMAN = (
    "Die Hafenbehörde hat am Montag die Vermessung der alten Fahrrinne vorgelegt, und niemand im Ort wusste davon."
)


def _sentence(number: int) -> str:
    parts = (_SUBJECTS[number % 5], _VERBS[number // 5 % 5], _OBJECTS[number // 3 % 4], _ENDS[number // 7 % 3])
    return f"{' '.join(parts)}, said witness {number}."


def _paragraphs(count: int, start: int = 0, sentences: int = 3) -> str:
    texts = (" ".join(_sentence(start + n * sentences + k) for k in range(sentences)) for n in range(count))
    return "".join(f"<p>{text}</p>" for text in texts)


def _menu(count: int) -> str:
    items = "".join(
        f'<li class="menu-item item-{n}"><a href="/section-{n}/">Section {n}</a></li>' for n in range(count)
    )
    return f'<nav class="main-nav" id="nav"><ul class="menu">{items}</ul></nav>'


def _cards(count: int, name: str) -> str:
    cards = "".join(
        f'<div class="card card-{n}"><a href="/2026/03/{n:02}/story-{n}"><img src="/i/{n}.jpg" alt="Picture {n}">'
        f"<h3>{_SUBJECTS[n % 5]} and the year {n}</h3></a><p>{_sentence(n)[:80]} …</p><time>3 March 2026</time></div>"
        for n in range(count)
    )
    return f'<aside class="{name}"><h2>More stories</h2>{cards}</aside>'


def _comments(count: int) -> str:
    rows = "".join(
        f'<li class="comment" id="comment-{n}"><cite>Reader {n}</cite><a href="#c{n}">Reply</a>'
        f"{_paragraphs(1, n, 2)}</li>"
        for n in range(count)
    )
    return f'<section id="comments" class="comments"><h2>{count} comments</h2><ol>{rows}</ol></section>'


def _furniture(count: int) -> str:
    boxes = (
        '<div class="share-bar"><a href="#">Share</a><a href="#">Tweet</a></div>',
        '<div class="newsletter"><p>Sign up for our newsletter</p><form><input><button>Join</button></form></div>',
        '<div class="promo"><p>Support our work with a donation</p><a href="/donate">Donate now</a></div>',
        '<div class="byline">By Mara Lindqvist</div>',
        '<ul class="tags"><li><a href="/tag/a">Water</a></li><li><a href="/tag/b">Money</a></li></ul>',
        '<div class="helpful"><p>Was this helpful?</p><button>Yes</button><button>No</button></div>',
        '<p class="related">Read also: <a href="/x">The third report</a></p>',
    )
    return "".join(boxes[n % len(boxes)] for n in range(count))


def _page(name: str, body: str, head: str = "", language: str = "en") -> Page:
    html = (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{name} - The Budget</title>'
        '<meta property="og:type" content="article"><meta property="article:published_time" '
        'content="2026-03-03T09:30:00+01:00"><meta name="author" content="Mara Lindqvist">'
        f'<link rel="canonical" href="https://budget.example/{name}">{head}</head><body>{body}</body></html>'
    )
    return Page(f"https://budget.example/{name}", html.encode())


def _article(body: str, extra: str = "", menu: int = 20, cards: int = 6) -> str:
    story = f'<main><article class="post"><h1>The channel was never dredged</h1>{body}</article>{extra}</main>'
    footer = "".join(f'<a href="/about/{n}">About {n}</a>' for n in range(12))
    return f'{_menu(menu)}{story}{_cards(cards, "sidebar")}<footer class="site-footer">{footer}</footer>'


def made_pages() -> Iterator[Page]:
    """Twenty pages of shapes like real ones, light and heavy."""
    yield _page("brief", _article(_paragraphs(2)))
    yield _page("story", _article(_paragraphs(12)))
    yield _page("long-story", _article(_paragraphs(60)))
    yield _page("two-column", _article(_paragraphs(18), _furniture(12), cards=20))
    yield _page("seventy-boxes", _article(_furniture(35) + _paragraphs(14) + _furniture(35)))
    yield _page("thread", _article(_paragraphs(10), _comments(60)))
    yield _page("long-thread", _article(_paragraphs(4), _comments(200)))
    yield _page("menu", _article(_paragraphs(10), menu=200))
    yield _page("cards", _article(_paragraphs(10), cards=80))
    styles = "".join(f".c{n} > .d{n}:hover {{ color: #{n % 999:03}; margin: {n}px }}\n" for n in range(6_000))
    yield _page("styles", _article(_paragraphs(10)), f"<style>{styles}</style>")
    state = "".join(f'"k{n}": {{"a": [1, 2, 3], "b": "c{n}"}},' for n in range(8_000))
    yield _page("scripts", _article(_paragraphs(10), f"<script>var state = {{{state}}};</script>"))
    rows = "".join(f"<tr><td>{n}</td><td>{_OBJECTS[n % 4]}</td><td>{n * 3.5}</td></tr>" for n in range(80))
    yield _page(
        "table", _article(_paragraphs(6) + f"<table><tr><th>No</th><th>What</th><th>Cost</th></tr>{rows}</table>")
    )
    code = "\n".join(f"    total_{n} = read({n}) + total_{n - 1}" for n in range(1, 60))
    yield _page("how-to", _article(f"{_paragraphs(4)}<pre><code>{code}</code></pre>" * 3))
    items = "".join(f"<li>{_sentence(n)}</li>" for n in range(50))
    yield _page("list", _article(f"{_paragraphs(3)}<ul>{items}</ul>"))
    quotes = "".join(f"<blockquote><p>{_sentence(n)}</p><cite>Witness {n}</cite></blockquote>" for n in range(20))
    yield _page("quotes", _article(_paragraphs(8) + quotes))
    yield _page("index", f"{_menu(30)}<main><h1>News</h1>{_cards(60, 'list')}</main>")
    yield _page("chinese", _article("".join(f"<p>第{n}段。{_CHINESE * 3}</p>" for n in range(15))), language="zh")
    yield _page(
        "german", _article("".join(f"<p>{_GERMAN} Absatz {n}. {_GERMAN}</p>" for n in range(15))), language="de"
    )
    yield _page("spans", _article("".join(f"<div><span>{_sentence(n)}</span><br><br></div>" for n in range(40))))
    statement = '{"@context":"https://schema.org","@type":"NewsArticle","headline":"The channel was never dredged"}'
    yield _page("stated", _article(_paragraphs(20)), f'<script type="application/ld+json">{statement}</script>' * 5)


def sample_pages(count: int = 20, start: float = 0.0) -> list[Page]:
    """As many pages of the sample site, evenly spread over its addresses, so that each of its skins is among them.

    `start`, below 1, is where the first of them lies in its part of the addresses: another start gives other pages.
    """
    html = "text/html; charset=utf-8"
    bodies = sorted(
        (path, resource.body)
        for path, resource in render().items()
        if resource.status == 200 and resource.headers.get("Content-Type") == html
    )
    step = len(bodies) / count
    chosen = [bodies[int((n + start) * step)] for n in range(count)]
    return [Page(f"http://lantern.example.org{path}", body, html) for path, body in chosen]


def budget_pages() -> list[Page]:
    """The forty pages, in the order in which they are counted."""
    return [*sample_pages(), *made_pages()]


def warming_pages() -> list[Page]:
    """Other pages, which load what a process loads once and fill the caches as a crawl's earlier pages do."""
    return sample_pages(start=0.6)
