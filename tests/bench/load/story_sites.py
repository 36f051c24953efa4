"""Four generated sites of articles: two in heavy pages, two amid many blocks of furniture.

What is heavy, and what stands around the article, is of the kinds that real sites have. All follows from a page's
number, so that every side crawls the same bytes. Each link of a page leads to a page of the site or to another host, so
that a simple spider fetches the same pages as one that knows more. All words are made up but the small ones, by which a
text is English, as its page states.
"""

from __future__ import annotations

import json
import random
from functools import cache

from tests.bench.load.wordpress_site import WORDS, author_of, nonce, slug_of, title_of

LISTED = 20
_SMALL_WORDS = "the of and to in a that it was for on with as at by from".split()
_MENU, _TEASERS, _COMMENTS, _FOOTERS = 18, 14, 6, 13
_RULES, _SCRIPTS, _STATES = 2000, 2700, 450  # rules of style, statements of script, records of state a heavy page
_INDEX = "index.html"
_NAMES, _STYLE_CHARS = 3000, 40_000  # long names in a scripted page's scripts, and its styles


class StorySite:
    """The answers of a site of articles and lists at an origin such as `http://127.0.0.1:8000`."""

    def __init__(self, origin: str, articles: int) -> None:
        self._origin = origin
        self._articles = articles
        self._sections = -(-articles // LISTED)

    def answer(self, path: str) -> bytes | None:
        """The body of a path; None if the site has no such page."""
        if path == "/robots.txt":
            return b"User-agent: *\nAllow: /\n"
        if path == "/":
            return self._list_page("Home", 0)
        kind, _, number_text = path.strip("/").rpartition("-")
        number = int(number_text) if number_text.isdigit() else 0
        if kind == "section" and number < self._sections:
            return self._list_page(f"Section {number}", number)
        return self._article_page(number) if path == self.article_path(number) else None

    def article_path(self, number: int) -> str:
        """The path of an article; numbers after the last begin anew."""
        number %= self._articles
        return f"/stories/{slug_of(number)}-{number}"

    def _frame(self, number: int, head: str, body: str) -> str:
        raise NotImplementedError

    def _list_page(self, title: str, section: int) -> bytes:
        first = section * LISTED
        teasers = "".join(
            f'<article class="teaser"><h2>{self._link(n)}</h2><p>{_sentences((n, 1), 2)}</p></article>'
            for n in range(first, min(first + LISTED, self._articles))
        )
        sections = "".join(self._section_link(n) for n in range(self._sections))
        head = f"<title>{title} - The Weekly Sluice</title>"
        body = f"<main><h1>{title}</h1>{teasers}<nav>{sections}</nav></main>"
        return self._frame(1_000_000 + section, head, body).encode()

    def _article_page(self, number: int) -> bytes:
        title, generator = title_of(number), random.Random(number)
        day = f"{2012 + number % 12}-{1 + number % 12:02}-{1 + number % 28:02}"
        head = f"""<title>{title} - The Weekly Sluice</title><meta property="og:type" content="article">
            <meta property="article:published_time" content="{day}T08:00:00+00:00">
            <link rel="canonical" href="{self._origin}{self.article_path(number)}">"""
        paragraphs = [
            f"<p>{_sentences((number, n), generator.randint(2, 5))}</p>" for n in range(generator.randint(8, 20))
        ]
        body = f"""<article class="story"><h1>{title}</h1><p class="byline">By {author_of(number)},
            <time datetime="{day}">{day}</time></p><div class="story-body">{self._text(number, paragraphs)}</div>
            </article>"""
        return self._frame(number, head, body).encode()

    def _text(self, number: int, paragraphs: list[str]) -> str:
        return "".join(paragraphs)

    def _link(self, number: int) -> str:
        number %= self._articles
        return f'<a href="{self._origin}{self.article_path(number)}">{title_of(number)}</a>'

    def _section_link(self, number: int, text: str = "Section") -> str:
        number %= self._sections
        return f'<a href="{self._origin}/section-{number}">{text} {number}</a>'


class HeavySite(StorySite):
    """Pages of some 400 KB: styles, scripts and the page's state in JSON, with statements in JSON-LD."""

    def __init__(self, origin: str, articles: int = 285) -> None:
        super().__init__(origin, articles)

    def _frame(self, number: int, head: str, body: str) -> str:
        menu = "".join(f"<li>{self._section_link(n)}</li>" for n in range(8))
        near = "".join(f"<li>{self._link(number + step)}</li>" for step in (1, 2, 7))
        state = json.dumps({"page": number, "nonce": nonce(number, 0), "records": _records(number % 7)})
        return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">{head}<style>{_styles()}</style>
            <script type="application/ld+json">{_statement(number)}</script>
            <script>window.page={number};{_script()}</script></head><body><nav><ul>{menu}</ul></nav>{body}
            <aside><ul>{near}</ul></aside><footer><p>All rights reserved by The Weekly Sluice.</p></footer>
            <script id="__STATE__" type="application/json">{state}</script>
            <script>{_script()[:9000]}</script></body></html>"""


class ScriptedSite(StorySite):
    """Pages of some 360 KB, nearly all inline scripts of long names, with few elements.

    A third of them show a picture and a line of prose, the others a few paragraphs: little for anybody to extract.
    """

    def __init__(self, origin: str, articles: int = 114) -> None:
        super().__init__(origin, articles)

    def _text(self, number: int, paragraphs: list[str]) -> str:
        if number % 3:
            return "".join(paragraphs[:4])
        return f'<p>{_sentences((number, 0), 1)}</p><img src="/img/{number}.jpg" alt="{title_of(number)}">'

    def _frame(self, number: int, head: str, body: str) -> str:
        near = " ".join(self._link(number + n) for n in (1, 2, 7))
        style = _styles()[:_STYLE_CHARS]
        return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">{head}<style>{style}</style>
            <script>window.page={number};{_long_names()}</script></head><body>{body}<div>{near}</div>
            <footer><p>All rights reserved by The Weekly Sluice.</p></footer></body></html>"""


class FurnitureSite(StorySite):
    """Articles with 70 blocks of furniture a page: menu, share links, teasers, newsletter, comments, footer."""

    def __init__(self, origin: str, articles: int = 380) -> None:
        super().__init__(origin, articles)

    def _text(self, number: int, paragraphs: list[str]) -> str:
        share = "".join(
            f'<li><a rel="nofollow" href="https://{name}.example/share?n={number}">Share on {name}</a></li>'
            for name in ("faces", "chirps", "pins")
        )
        letter = """<div class="newsletter"><h3>The weekly letter</h3><p>Get our stories by mail every Friday.</p>
            <form><input name="mail"><button>Sign up</button></form></div>"""
        also = [f'<p class="read-also">Read also: {self._link(number + step)}</p>' for step in (11, 23)]
        parts = [f'<ul class="share-bar">{share}</ul>', *paragraphs]
        parts[3:3] = [also[0], letter]
        parts[8:8] = [also[1]]
        return "".join(parts)

    def _frame(self, number: int, head: str, body: str) -> str:
        menu = "".join(f'<li class="menu-item-{n}">{self._section_link(n)}</li>' for n in range(_MENU))
        teasers = "".join(
            f"""<div class="teaser card-{n}"><a href="{self._origin}{self.article_path(number * 3 + n * 29)}">
            <h3>{title_of((number * 3 + n * 29) % self._articles)}</h3></a></div>"""
            for n in range(_TEASERS)
        )
        comments = "".join(_comment(number, place) for place in range(_COMMENTS))
        footers = "".join(f"<li>{self._section_link(n, WORDS[n].capitalize())}</li>" for n in range(_FOOTERS))
        return f"""<!doctype html><html lang="en"><head><meta charset="utf-8">{head}</head><body class="page-{number}">
            <header><p class="site-title">The Weekly Sluice</p><nav class="main-menu"><ul>{menu}</ul></nav></header>
            {body}<aside class="related"><h2>More stories</h2>{teasers}</aside>
            <section id="comments"><h2>What readers say</h2>{comments}</section>
            <footer class="site-footer"><ul>{footers}</ul><p>All rights reserved by The Weekly Sluice.</p>
            <p>Support our work with a donation.</p></footer></body></html>"""


class DoubledSite(FurnitureSite):
    """The same with each article at two addresses, its folder's and its `index.html`; the pages link to both."""

    def __init__(self, origin: str, articles: int = 190) -> None:
        super().__init__(origin, articles)

    def answer(self, path: str) -> bytes | None:
        """The body of a path, for both addresses of an article the same."""
        return super().answer(path.removesuffix(_INDEX))

    def article_path(self, number: int) -> str:
        """The path of an article's folder."""
        return super().article_path(number) + "/"

    def _link(self, number: int) -> str:
        return super()._link(number).replace('/">', f'/{_INDEX}">')


def _comment(number: int, place: int) -> str:
    generator = random.Random(number * 1000 + place)
    return f"""<div class="comment"><div class="comment-meta"><b>{author_of(generator.randrange(400))}</b> says:</div>
        <p>{_sentences((number, 500 + place), generator.randint(1, 3))}</p></div>"""


def _sentences(place: tuple[int, int], count: int) -> str:
    generator = random.Random(f"{place}")
    lengths = [generator.randint(4, 11) for _ in range(count)]
    pairs = [zip(generator.choices(_SMALL_WORDS, k=n), generator.choices(WORDS, k=n), strict=True) for n in lengths]
    return " ".join(" ".join(map(" ".join, words)).capitalize() + "." for words in pairs)


@cache
def _styles() -> str:
    return "".join(
        f".{WORDS[n % 200]}-{n}>.{WORDS[n % 97]}:hover{{color:#{n:06x};margin:{n % 40}px;background:none}}\n"
        for n in range(_RULES)
    )


@cache
def _script() -> str:
    return "".join(
        f'function f{n}(a,b){{if(a<b){{return "<i>"+a.{WORDS[n % 256]}+"</i>"}}return b&&f{n // 2}(a)}};'
        for n in range(_SCRIPTS)
    )


@cache
def _long_names() -> str:
    names = (
        f"{WORDS[n % 256]}{WORDS[n % 199].capitalize()}{WORDS[n % 151].capitalize()}Controller{n}"
        for n in range(_NAMES)
    )
    return "".join(f"var {name}={{enabled:!0,source:function(a){{return a.{name}}}}};" for name in names)


@cache
def _records(kind: int) -> list[dict[str, object]]:
    generator = random.Random(kind)
    return [
        {"id": n, "name": generator.choice(WORDS), "sizes": [n, n + 1], "path": f"/img/{kind}/{n}.jpg", "open": False}
        for n in range(_STATES)
    ]


def _statement(number: int) -> str:
    crumbs = [{"@type": "ListItem", "position": n, "name": WORDS[n]} for n in range(4)]
    author = {"@type": "Person", "name": author_of(number)}
    story = {"@type": "NewsArticle", "headline": title_of(number), "author": author} if number < 1_000_000 else {}
    return json.dumps({"@context": "https://schema.org", "@graph": [story, {"itemListElement": crumbs}]})
