"""A generated site as WordPress makes them: articles with long threads of comments, in a frame that varies.

What a real theme changes from page to page changes here: the active item of the menu, classes with the page's number,
nonces, boxes that rotate, counts beside categories, share links, neighbours. Everything follows from a page's number,
so that every side crawls the same bytes. All words are made up.
"""

from __future__ import annotations

import random
from functools import cache

ARTICLES, CATEGORIES, LISTED, TAGS = 1760, 40, 10, 24
PAGES = ARTICLES + ARTICLES // LISTED + CATEGORIES + TAGS  # 2,000
_MOST_COMMENTS, _MENU_ENTRIES, _MONTHS = 90, 14, 60
WORDS = [first + last for first in "ba ce di fo gu ha ki lo mu na pe ri so tu ve wo".split() for last in
          "bel cor dan fer gil hom jas kel lin mor nat pel rin sol tar vel".split()]  # fmt: skip


class WordPressSite:
    """The answers of the site at an origin such as `http://127.0.0.1:8000`. `articles` makes it smaller for tests."""

    def __init__(self, origin: str, articles: int = ARTICLES) -> None:
        self._origin = origin
        self._articles = articles

    def answer(self, path: str) -> bytes | None:
        """The body of a path; None if the site has no such page."""
        if path == "/robots.txt":
            return f"User-agent: *\nDisallow: /wp-admin/\nSitemap: {self._origin}/wp-sitemap.xml\n".encode()
        if path == "/wp-sitemap.xml":
            locations = "".join(f"<url><loc>{self._article_url(n)}</loc></url>" for n in range(self._articles))
            return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{locations}</urlset>'.encode()
        kind, _, number_text = path.strip("/").rpartition("-")
        number = int(number_text) if number_text.isdigit() else 0
        if path == "/":
            return self._list_page("Home", 0, range(min(LISTED, self._articles)))
        if kind == "page" and LISTED * number < self._articles:
            return self._list_page(f"Page {number}", number, range(LISTED * number, LISTED * number + LISTED))
        if kind in ("category", "tag"):
            first = number * 7 % max(1, self._articles - LISTED)
            return self._list_page(f"{kind} {number}", number, range(first, first + LISTED))
        return self._article_page(number) if path == self._article_path(number) else None

    def _article_path(self, number: int) -> str:
        return f"/{2005 + number % 20}/{1 + number % 12:02}/{slug_of(number)}-{number}"

    def _article_url(self, number: int) -> str:
        return self._origin + self._article_path(number % self._articles)

    def _list_page(self, title: str, number: int, articles: range) -> bytes:
        teasers = "".join(
            f'<article id="post-{n}" class="post-{n} post type-post hentry">'
            f'<h2 class="entry-title">{self._link(n)}</h2>'
            f'<div class="entry-summary"><p>{sentences((n, 1), 2)} [&hellip;]</p></div></article>'
            for n in articles
        )
        older = f'<div class="nav-previous"><a href="{self._origin}/page-{number + 1}">Older posts</a></div>'
        return self._frame(title, 1_000_000 + number, f'<main id="main">{teasers}<nav>{older}</nav></main>')

    def _article_page(self, number: int) -> bytes:
        title, name, generator = title_of(number), author_of(number), random.Random(number)
        day = f"{2005 + number % 20}-{1 + number % 12:02}-{1 + number % 28:02}"
        paragraphs = "".join(
            f"<p>{sentences((number, n), generator.randint(2, 5))}</p>" for n in range(generator.randint(4, 18))
        )
        body = f"""<main id="main" class="site-main"><article id="post-{number}" class="post-{number} post type-post
            category-{number % CATEGORIES} hentry"><header class="entry-header"><h1 class="entry-title">{title}</h1>
            <div class="entry-meta">Posted on <time class="entry-date published" datetime="{day}T08:00:00+00:00">{day}
            </time> by <a class="url fn n" href="{self._origin}/author/{WORDS[number % 9]}">{name}</a></div>
            </header><div class="entry-content">{paragraphs}{self._share_links(number)}</div>
            <footer class="entry-footer">Posted in <a href="{self._origin}/category-{number % CATEGORIES}"
            rel="category tag">Section {number % CATEGORIES}</a></footer></article>{self._neighbours(number)}
            {self._comments(number)}</main>"""
        head = f"""<meta property="article:published_time" content="{day}T08:00:00+00:00">
            <link rel="canonical" href="{self._article_url(number)}"><meta property="og:type" content="article">
            <link rel="alternate" type="application/rss+xml" title="Comments Feed"
            href="{self._article_url(number)}/feed">
            """
        return self._frame(title, number, body, head)

    def _share_links(self, number: int) -> str:
        url = self._article_url(number)
        links = "".join(
            f'<li class="share-{name}"><a rel="nofollow" href="https://{name}.example/share?u={url}">'
            f"Share on {name}</a></li>"
            for name in ("faces", "chirps", "pins")
        )
        return f'<div class="sharedaddy"><h3>Share this:</h3><ul>{links}</ul></div>'

    def _neighbours(self, number: int) -> str:
        return f"""<nav class="navigation post-navigation"><h2>Post navigation</h2><div>{self._link(number - 1)}</div>
            <div>{self._link(number + 1)}</div></nav>"""

    def _comments(self, number: int) -> str:
        count = number * 7 % _MOST_COMMENTS
        comments = "".join(self._comment(number, place) for place in range(count))
        form = f"""<form action="/wp-comments-post.php" id="commentform"><p>Your email address will
            not be published.</p>
            <p><label>Comment</label><textarea name="comment"></textarea></p>
            <input type="hidden" name="comment_post_ID" value="{number}">
            <input type="hidden" name="akismet_comment_nonce" value="{nonce(number, 1)}"></form>"""
        return f"""<div id="comments" class="comments-area"><h2>{count} thoughts on {title_of(number)}</h2>
            <ol class="comment-list">{comments}</ol><div id="respond"><h3>Leave a Reply</h3>{form}</div></div>"""

    def _comment(self, number: int, place: int) -> str:
        generator = random.Random(number * 1000 + place)
        number_of_comment = number * 100 + place
        return f"""<li id="comment-{number_of_comment}" class="comment depth-{1 + place % 3}"><article
            class="comment-body"><footer class="comment-meta"><b class="fn">{author_of(generator.randrange(400))}</b>
            <span class="says">says:</span> <a href="#comment-{number_of_comment}"><time>{place % 28 + 1} May at
            {place % 24}:{place % 60:02}</time></a></footer><div class="comment-content"><p>
            {sentences((number, 500 + place), generator.randint(1, 4))}</p></div><div class="reply"><a
            rel="nofollow" class="comment-reply-link" href="#respond" 
            data-commentid="{number_of_comment}">Reply</a></div>
            </article></li>"""

    def _link(self, number: int) -> str:
        number %= self._articles
        return f'<a href="{self._article_url(number)}" rel="bookmark">{title_of(number)}</a>'

    def _frame(self, title: str, number: int, body: str, head: str = "") -> bytes:
        return f"""<!doctype html><html lang="en-US"><head><meta charset="utf-8">
            <title>{title} &#8211; The Daily Mill</title>
            {head}<link rel="alternate" type="application/rss+xml" title="Comments Feed" href="/comments/feed/">
            <script>var wpSettings = {{"nonce":"{nonce(number, 0)}","post":{number}}};</script></head>
            <body class="wp-singular single postid-{number} wp-theme-mill"><a class="skip-link" href="#main">Skip to
            content</a><header id="masthead" class="site-header">
            <p class="site-title"><a href="{self._origin}/">The Daily
            Mill</a></p>{self._menu(number)}</header><div id="content" class="site-content">{body}
            <aside id="secondary" class="widget-area">{self._widgets(number)}</aside></div>
            {self._footer(number)}</body></html>""".encode()

    def _menu(self, number: int) -> str:
        items = "".join(
            f"""<li id="menu-item-{entry}" class="menu-item{_active(entry, number)}"><a
            href="{self._origin}/category-{entry}">Section {entry}</a>
            <ul class="sub-menu">{self._submenu(entry)}</ul></li>"""
            for entry in range(_MENU_ENTRIES)
        )
        return f'<nav id="site-navigation" class="main-navigation"><ul id="primary-menu">{items}</ul></nav>'

    def _submenu(self, entry: int) -> str:
        return "".join(
            f'<li class="menu-item"><a href="{self._origin}/category-{n}">Section {n}</a></li>'
            for n in range(_MENU_ENTRIES + entry, CATEGORIES, _MENU_ENTRIES)
        )

    def _widgets(self, number: int) -> str:
        recent = "".join(f"<li>{self._link(self._articles - 1 - n)}</li>" for n in range(LISTED))
        rotating = "".join(f"<li>{self._link(number * 31 + n * 97)}</li>" for n in range(8))
        categories = "".join(
            f'<li class="cat-item cat-item-{n}"><a href="{self._origin}/category-{n}">Section {n}</a>'
            f" ({n * 3 + 7})</li>"
            for n in range(CATEGORIES)
        )
        months = "".join(f'<li><a href="{self._origin}/page-{n}">Month {n + 1}</a></li>' for n in range(_MONTHS))
        tags = "".join(f'<a href="{self._origin}/tag-{n}" class="tag-cloud-link">{WORDS[n]}</a> ' for n in range(TAGS))
        return f"""<section class="widget widget_search"><form role="search" action="/"><label>Search for:</label>
            <input name="s"></form></section><section class="widget widget_recent_entries"><h2>Recent Posts</h2>
            <ul>{recent}</ul></section><section class="widget widget_popular"><h2>Popular now</h2><ul>{rotating}</ul>
            <p>{1000 + number * 13 % 9000} readers today</p></section><section class="widget widget_categories">
            <h2>Categories</h2><ul>{categories}</ul></section><section class="widget widget_archive"><h2>Archives</h2>
            <ul>{months}</ul></section><section class="widget widget_tag_cloud"><h2>Tags</h2>
            <div class="tagcloud">{tags}</div></section>"""

    def _footer(self, number: int) -> str:
        quote = sentences((number % 12, 9_999), 1)
        pages = "".join(f'<li><a href="{self._origin}/tag-{n}">{title_of(n + 5000)}</a></li>' for n in range(12))
        return f"""<footer id="colophon" class="site-footer">
            <div class="widget"><h2>About</h2><p>{sentences((1, 9_998), 3)}
            </p></div><div class="widget"><h2>Quote of the hour</h2><p>{quote}</p></div><ul>{pages}</ul>
            <form class="newsletter"><p>Get our stories by mail every morning.</p><input type="hidden" name="_wpnonce"
            value="{nonce(number, 2)}"></form><p class="copyright">&copy; 2026 The Daily Mill. All rights reserved.</p>
            <p>Proudly powered by WordPress</p></footer>"""


def _active(entry: int, number: int) -> str:
    is_active = number % CATEGORIES % _MENU_ENTRIES == entry
    return " current-post-ancestor current-menu-parent" if is_active else ""


def nonce(number: int, place: int) -> str:
    return f"{random.Random(number * 10 + place).getrandbits(40):010x}"


@cache
def title_of(number: int) -> str:
    return " ".join(random.Random(f"title {number}").choices(WORDS, k=7)).capitalize()


def slug_of(number: int) -> str:
    return title_of(number).lower().replace(" ", "-")


def author_of(number: int) -> str:
    return f"{WORDS[number % 31].capitalize()} {WORDS[number % 37 + 40].capitalize()}"


def sentences(place: tuple[int, int], count: int) -> str:
    generator = random.Random(f"{place}")
    return " ".join(
        " ".join(generator.choices(WORDS, k=generator.randint(8, 22))).capitalize() + "." for _ in range(count)
    )
