"""Traps: told by the URL alone, and real crawls of sites that never end on their own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest

from broadsheet.crawler.discovery.traps import trap_reason
from broadsheet.output.write.url_bounds import PatternLimits
from tests.crawler.crawls import Crawl, Result
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page
from tests.crawler.warm import PATIENCE

HOST = "https://a.example"
LONG = "/" + "%D8%AE" * 300  # 600 characters as a reader sees them


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/events/2031-05-12/", "trap:calendar"),
        ("/calendar?month=5&year=2040", "trap:calendar"),
        ("/?date=2033-01", "trap:calendar"),
        ("/?m=203301", "trap:calendar"),
        ("/x/a/b/c/a/b/c/a/b/c/y", "trap:repeating_path"),
        ("/2031/05/?year=2020", "trap:calendar"),
        ("/shop?Color=1&size=2&brand=3&sort=4&order=5&page=6&view=7", "trap:facets"),
        ("/shop?f[0]=a&f[1]=b&f[2]=c&f[3]=d&f[4]=e&f[5]=g&f[6]=h", "trap:facets"),
    ],
)
def test_a_trap_is_told_by_its_url(path, reason):
    assert trap_reason(HOST + path, 2026) == reason


@pytest.mark.parametrize(
    "path",
    [
        "/", LONG, "/2026/05/", "/2028/01/", "/1911/11/11/", "/11/11/11/11/", "/2031/05/12/the-mill-of-the-future",
        "/1750/01/", "/9999/12", "/item/2055/7777", "/?p=2031", "/?id=203105", "/calendar?month=5&year=2027",
        "/a/b/a/b/mill", "/news/2024/05/news/the-mill", "/en/en/about", "/index.php?option=content&view=article&id=9",
        "/shop?color=1&size=2&sort=3", "/blog/why-the-mill-burned", "/?date=1767225600",
        "/?year=abc", "/?a=1" + "&" * 20, "/" * 30 + "a",
    ],
)  # fmt: skip
def test_addresses_of_real_sites_are_none(path):
    assert trap_reason(HOST + path, 2026) is None


@pytest.mark.parametrize(
    ("inside", "beyond", "reason"),
    [
        ("/" + "/".join(map(str, range(20))), "/20", "deep_path"),
        ("/?" + "&".join(f"p{n}x=1" for n in range(12)), "/?" + "&".join(f"p{n}x=1" for n in range(13)), "parameters"),
        ("/en/en/about", "/en/en/en/about", "repeating_path"),
        ("/a/b/a/c/a/d/a", "/a/b/a/c/a/d/a/e/a", "repeating_path"),
        ("/2028/05/", "/2029/05/", "calendar"),
        ("/shop?color=1&size=2&brand=3&sort=4&order=5&page=6", "&f=7", "facets"),
        ("/a/b/a/b/x", "/a/b/a/b/a/b/x", "repeating_path"),
        ("/1/b/1/b/x", "/1/b/1/b/1/b/x", "repeating_path"),
        ("/1/2/1/2/1/2/x/y/z", "/x/1/2/y/1/2/y/1/2/y", "repeating_path"),
        ("/".ljust(1000 - len(HOST), "x"), "x", "long_url"),
        ("/%41".ljust(1002 - len(HOST), "x"), "x", "long_url"),
    ],
)
def test_each_bound_is_told_from_what_is_just_inside(inside, beyond, reason):
    """What is beyond it is a path, or what makes one of the other."""
    assert trap_reason(HOST + inside, 2026) is None
    assert trap_reason(HOST + (inside + beyond if len(beyond) < 5 else beyond), 2026) == f"trap:{reason}"


def test_what_is_no_url_is_no_trap():
    assert trap_reason("http://[") is None


STORIES = tuple(f"harbour{number}" for number in range(20))


def story(name: str) -> str:
    return f"/2024/05/the-{name}-of-town"


class Maze(ScriptedSite):
    """Twenty articles and a trap: `trap` makes the links of any path that is no article."""

    def __init__(self, trap: Callable[[Seen], list[str]]) -> None:
        super().__init__()
        self._trap = trap

    def reply(self, seen: Seen) -> Reply:
        path = urlsplit(seen.path).path
        if path in ("/robots.txt", "/sitemap.xml", "/sitemap_index.xml", "/sitemap.txt") or "feed" in path:
            return Reply("not here", 404)
        name = path.removeprefix("/2024/05/the-").removesuffix("-of-town")
        if name in STORIES:
            return Reply(page(name, *self._trap(seen)[:2]))
        links = [*(self._trap(seen)), *([story(url) for url in STORIES[:10]] if path == "/" else [])]
        if path.count("/") == 1 and path != "/":
            links += [story(url) for url in STORIES[10:]]
        items = "".join(f'<li><a href="{link}">{link}</a></li>' for link in links)
        return Reply(f"<!DOCTYPE html><html><head><title>Pages</title></head><body><ul>{items}</ul></body></html>")


def word(*parts: object) -> str:
    """A word of letters that nobody can guess."""
    return re.sub(r"\d", "x", hashlib.sha256(repr(parts).encode()).hexdigest()[:7])


def calendar(request: Seen) -> list[str]:
    query = dict(parse_qsl(urlsplit(request.path).query))
    year, month = int(query.get("year", 2026)), int(query.get("month", 1))
    return [f"/calendar?month={month % 12 + 1}&year={year + step}" for step in (0, 1)]


def session_ids(request: Seen) -> list[str]:
    return [f"/{kind}?token={word(request.path, kind)}" for kind in ("list", "other")]


def known_sessions(request: Seen) -> list[str]:
    token = hashlib.sha256(request.path.encode() + repr(request.at).encode()).hexdigest()[:32]
    return [f"/list;jsessionid={token}", f"/other?PHPSESSID={token}", f"/third?sid={token}"]


def facets(request: Seen) -> list[str]:
    names = [f"{name}[]" for name in ("colour", "size", "brand", "price", "material", "season", "cut")]
    query = urlsplit(request.path).query
    return ["/list", *(f"/shop?{query}&{name}={value}" for name in names for value in "xyz")]


def permutations(request: Seen) -> list[str]:
    query = urlsplit(request.path).query.split("&") if "?" in request.path else list("abcdef")
    turned = [*query[1:], query[0]] if "=" in query[0] else [f"{name}=1" for name in query]
    swapped = [turned[1], turned[0], *turned[2:]]
    return ["/list", f"/shop?{'&'.join(turned)}", f"/shop?{'&'.join(swapped)}"]


def pagination(request: Seen) -> list[str]:
    match = re.search(r"page=(\d+)", request.path)
    return [f"/list?page={int(match[1]) + 1 if match else 1}", *map(story, STORIES[10:])]


def random_words(request: Seen) -> list[str]:
    return ["/list", *(f"/{word(request.path, n)}/{word(request.path, -n)}" for n in range(2))]


def crawled(crawl: Crawl, trap: Callable[[Seen], list[str]], patience: int = PATIENCE) -> tuple[Result, Maze]:
    site = Maze(trap)
    try:
        return crawl(f"{site.url}/", patience=patience), site
    finally:
        site.close()


def stories_of(result: Result) -> set[str]:
    return {name for name in STORIES if any(url.endswith(story(name)) for url in result.articles())}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trap", "reason", "max_requests"),
    [(calendar, "trap:calendar", 120), (known_sessions, "", 60), (permutations, "trap:parameter_order", 60)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_trap_told_by_its_urls_ends_soon(crawl, trap, reason, max_requests):
    result, site = crawled(crawl, trap)
    assert result.code == 0
    assert result.run() == ("finished", "finished")
    assert stories_of(result) == set(STORIES)
    assert len(site.log) <= max_requests
    assert reason in {told for _, told in result.states().values()} | {""}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trap", "reason", "bound"),
    [
        pytest.param(session_ids, "trap:pattern", 3 * PatternLimits().narrow_pattern, marks=pytest.mark.nightly),
        pytest.param(
            facets, "trap:pattern", PatternLimits().wide_pattern + PatternLimits().narrow_pattern,
            marks=pytest.mark.nightly,
        ),
        (pagination, "trap:pattern", PatternLimits().narrow_pattern),
        pytest.param(random_words, "trap:pattern", PatternLimits().wide_pattern, marks=pytest.mark.nightly),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_a_trap_without_a_sign_ends_when_nothing_new_comes(crawl, trap, reason, bound):
    result, site = crawled(crawl, trap, 5 * PATIENCE)
    assert result.run() == ("finished", "finished")
    assert stories_of(result) == set(STORIES)
    assert len(site.log) <= bound * 1.2 + 300
    assert reason in {told for _, told in result.states().values()}


@pytest.mark.parametrize(
    ("path", "is_system"),
    [
        ("cdn-cgi/l/email-protection", True), ("blog/wp-login.php?redirect_to=x", True), ("wp-json/wp/v2/posts", True),
        ("story/?replytocom=12", True), ("story/trackback/", True), ("xmlrpc.php", True), ("de/login", True),
        ("user/register", True), ("w/index.php?title=Mill&action=edit", True), ("comment/reply/12", True),
        ("login-fees-rise", False), ("news/admin-costs", False), ("user/mara", False),
        ("story?action=editorial", False),
        ("xmlrpc", False), ("2024/checkout-queues/", False), ("wp-content/uploads/story.html", False),
    ],
)  # fmt: skip
def test_addresses_of_programs_are_not_asked_for(path, is_system):
    assert trap_reason(f"{HOST}/{path}") == ("trap:system" if is_system else None)
