"""Patterns of URLs: what yields goes on, what goes on without anything new is spent, also after a kill."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from broadsheet.cleaners.document import PageType, UrlSource
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.url_words import UrlKind
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.url_bounds import PatternLimits, is_new_text
from broadsheet.output.write.url_queue import add_urls
from tests.internal_tables import URL_PATTERNS
from tests.output.cleaned_pages import page_rows
from tests.output.conftest import Maker
from tests.output.filled_rows import put

HOST = "https://a.example/"
FEW = PatternLimits(narrow_pattern=5, wide_pattern=12, host=40, list_file=3)


@pytest.fixture
def archive(file, make):
    with Archive.open(file, make.clock, FEW) as opened:
        yield opened


def page(archive: Archive, make: Maker, path: str, *links: str, text: str = "", **changes: object) -> None:
    """Store a page that a link led to: an article with a text, else a list. Its links are found on it."""
    with write_transaction(archive.db):
        add_urls(archive.db, [make.discovered(HOST + path)], make.clock())
    discovered_urls = tuple(make.discovered(HOST + link, found_on=HOST + path) for link in links)
    changes = {"page_type": PageType.ARTICLE if text else PageType.LIST} | changes
    outcome = make.outcome(HOST + path, *([text] if text else []), discovered_urls=discovered_urls, **changes)
    archive.save([outcome])


def state(archive: Archive, path: str) -> tuple[str, str]:
    return archive.db.execute("SELECT state, reason FROM urls WHERE url = ?", [HOST + path]).fetchone()


def counts(archive: Archive, pattern: str) -> tuple[int, ...]:
    query = f"SELECT fetched, articles, led, dry, hopes FROM {URL_PATTERNS} WHERE pattern = ?"
    return archive.db.execute(query, [pattern]).fetchone()


def dry(archive: Archive, make: Maker, count: int, path: str = "list?x={}") -> None:
    """Pages that each lead to the next one alone."""
    for number in range(count):
        page(archive, make, path.format(number), path.format(number + 1))


def test_a_redirect_that_led_nowhere_counts_for_no_pattern(archive, make):
    for path, ended, counted in (("moved", {"state": "done", "reason": "redirect"}, 1), ("round", {}, 0)):
        with write_transaction(archive.db):
            add_urls(archive.db, [make.discovered(f"{HOST}{path}/0")], make.clock())
        archive.save([replace(make.failure(f"{HOST}{path}/0", "redirect_loop"), location=f"{HOST}{path}", **ended)])
        query = f"SELECT coalesce(sum(fetched), 0) FROM {URL_PATTERNS} WHERE pattern LIKE ?"
        assert archive.db.execute(query, [f"%/{path}/%"]).fetchone() == (counted,), path


def lists(numbers, *more):
    """Lists that each lead to the next one, and to more."""
    return [(f"list?x={n}", [f"list?x={n + 1}", *(link.format(n) for link in more)], "") for n in numbers]


def stories(numbers, text="Story {} of the town"):
    return [(f"story?p={n}", [f"story?p={n + 1}"], text.format(n)) for n in numbers]


START = ("", ["list?x=900", "story?p=900"], "")
NEWS = [step for n in range(30) for step in (*lists([n], "news/story-{}-of"), (f"news/story-{n}-of", [], f"News {n}"))]
SITES = {
    "as far as the bound": (lists(range(5)), "list?x=900", "queued"),
    "after the bound": (lists(range(11)), "list?x=900", "trap:pattern"),
    "found later": ([*lists(range(11)), ("about", ["list?x=901", "contact"], "")], "list?x=901", "trap:pattern"),
    "another pattern": ([*lists(range(11)), ("about", ["list?x=901", "contact"], "")], "contact", "queued"),
    "articles": (stories(range(50)), "story?p=900", "queued"),
    "articles with one text": (stories(range(8), "The same story of the town"), "story?p=900", "trap:pattern"),
    "lists that lead to articles": (NEWS, "list?x=900", "queued"),
    "links of another kind": (lists(range(20), "news/item-{}"), "list?x=900", "queued"),
    "links of another kind without end": (lists(range(60), "news/item-{}"), "list?x=900", "trap:pattern"),
    "one that yields again": ([*lists(range(8)), ("list?x=901", [], "At last")], "list?x=900", "queued"),
}  # fmt: skip


@pytest.mark.parametrize("name", SITES)
def test_a_pattern_goes_on_that_yields_and_is_skipped_after_the_bound(archive, make, name):
    """Pages by path with their links and texts, and what becomes of one more."""
    steps, path, expected = SITES[name]
    for url, links, text in [START, *steps]:
        page(archive, make, url, *links, text=text)
    assert state(archive, path) == (("queued", "") if expected == "queued" else ("skipped", expected))
    if name == "articles":
        assert counts(archive, "/word?p") == (50, 50, 49, 0, 0)


def test_what_sitemaps_name_is_fetched_and_counts_against_nothing(archive, make):
    listed = tuple(make.discovered(f"{HOST}list?x={number}", found_via="sitemap") for number in range(60))
    archive.save([replace(make.failure(HOST + "sitemap.xml"), kind="sitemap", state="done", discovered_urls=listed)])
    for number in range(50):
        page(archive, make, f"list?x={number}")
    page(archive, make, "about", "list?x=900")
    assert [state(archive, path) for path in ("list?x=59", "list?x=900")] == [("queued", "")] * 2


def test_feeds_that_name_nothing_new_are_bounded(archive, make):
    for number in range(6):
        following = make.discovered(f"{HOST}feed?page={number + 1}", kind="feed", found_via="next")
        feed = replace(make.failure(f"{HOST}feed?page={number}"), kind="feed", state="done", reason="feed")
        archive.save([replace(feed, discovered_urls=(following,))])
    assert state(archive, "feed?page=6") == ("skipped", "trap:pattern")


@pytest.mark.parametrize("reason", ["language", "too_old", "http_500"])
def test_failures_and_articles_left_out_are_no_trap(archive, make, reason):
    page(archive, make, "", "story?k=99")
    for number in range(20):
        outcome = make.outcome(f"{HOST}story?k={number}", page_type=PageType.OTHER)
        failure = make.failure(outcome.url)
        archive.save([failure if reason == "http_500" else replace(outcome, state="skipped", reason=reason)])
    assert state(archive, "story?k=99") == ("queued", "")


def test_links_that_are_not_queued_count_for_nothing(archive, make):
    skipped = [make.discovered(f"{HOST}list?x={number}", state="skipped", reason="depth") for number in range(9)]
    archive.save([make.outcome(HOST, page_type=PageType.LIST, discovered_urls=tuple(skipped))])
    assert counts(archive, "/word?x") is None
    assert state(archive, "list?x=8") == ("skipped", "depth")


@pytest.mark.parametrize("is_reversed", [False, True])
def test_another_order_of_the_same_parameters_is_one_url(archive, make, is_reversed):
    archive.db.execute(f"PRAGMA reverse_unordered_selects = {is_reversed}")  # of rows that no query puts in order
    page(archive, make, "", "l?a=1&b=2", "l?b=2&a=1", "l?a=2&b=1", "l?a=1&a=2", "l?a=2&a=1")
    states = {path: state(archive, path)[1] for path in ("l?b=2&a=1", "l?a=2&b=1", "l?a=1&a=2", "l?a=2&a=1")}
    assert states == {"l?b=2&a=1": "trap:parameter_order", "l?a=2&b=1": "", "l?a=1&a=2": "", "l?a=2&a=1": ""}
    redirect_target = make.discovered(HOST + "l?b=1&a=2", found_via="redirect")
    archive.save([make.outcome(HOST + "x", discovered_urls=(redirect_target,))])
    assert state(archive, "l?b=1&a=2") == ("queued", "")


def test_the_count_goes_on_after_the_file_was_closed(file, make):
    with Archive.open(file, make.clock, FEW) as archive:
        page(archive, make, "", "list?x=900")
        dry(archive, make, 4)
    with Archive.open(file, make.clock, FEW) as archive:
        dry(archive, make, 2, "list?x=1{}")
        assert state(archive, "list?x=900") == ("skipped", "trap:pattern")
    with Archive.open(file, make.clock, FEW) as archive:
        page(archive, make, "about", "list?x=901")
        assert state(archive, "list?x=901") == ("skipped", "trap:pattern")


def test_a_batch_that_fails_leaves_no_count(archive, make):
    page(archive, make, "", "list?x=900")
    batch = [make.outcome(f"{HOST}list?x={number}", page_type=PageType.LIST) for number in range(9)]
    broken = replace(batch[-1], url=HOST + "broken", reason=None)
    with pytest.raises(Exception, match="NOT NULL"):
        archive.save([*batch, broken])
    page(archive, make, "about", "list?x=901")
    assert state(archive, "list?x=901") == ("queued", "")


@pytest.mark.parametrize(
    ("pattern", "counts", "host_articles", "is_spent"),
    [
        ("/word", {"dry": 5}, 0, False),
        ("/word", {"dry": 6}, 0, True),
        ("/word", {"dry": 5, "hopes": 1}, 0, True),
        ("/word", {"dry": 4, "hopes": 10}, 0, False),
        ("/word", {"dry": 4, "hopes": 11}, 0, True),
        ("/word", {"dry": 6, "articles": 1}, 0, False),
        ("/word", {"dry": 6, "led": 1}, 0, False),
        ("/word", {"dry": 6}, 3, True),
        ("/word", {"dry": 6}, 4, False),
        ("/word", {"dry": 7}, 7, True),
        ("/#/#", {"dry": 12}, 7, False),
        ("/#/#", {"dry": 13}, 7, True),
        ("/#/word", {"dry": 7}, 7, True),
        ("/#?#", {"dry": 7}, 7, True),
        ("*/word", {"dry": 12}, 0, False),
        ("*/word", {"dry": 13}, 0, True),
        ("*", {"dry": 40}, 0, False),
        ("*", {"dry": 41}, 0, True),
        ("*", {"dry": 43, "articles": 3}, 3, False),
        ("sitemap /word", {"dry": 3}, 9, False),
        ("feed /word", {"dry": 4}, 9, True),
    ],
)
def test_a_pattern_is_spent_after_so_many_dry_pages(archive, pattern, counts, host_articles, is_spent):
    """More if it brought articles, or lists those of its host."""
    tracker, names = archive._pattern_tracker, ("fetched", "articles", "led", "dry", "hopes", "echoes")
    for name, values in {"*": {"articles": host_articles}, pattern: counts}.items():
        put(archive.db, URL_PATTERNS, 1, host="h", pattern=name, **(dict.fromkeys(names, 0) | values))
    tracker.reload()
    assert (("h", pattern) in tracker._spent_patterns) is is_spent


@pytest.mark.parametrize(
    ("stored", "difference", "is_new"),
    [
        ({}, 9, False),
        ({}, 10, True),
        ({"title": "Other"}, 0, True),
        ({"canonical_url": "other"}, 0, True),
        ({"text_digest": "same", "title": "Other"}, 10, False),
        ({"text_digest": "same", "title": "Other", "own_type": "list"}, 10, True),
    ],
)
def test_a_text_is_new_unless_another_page_has_it_or_nearly_so(archive, make, stored, difference, is_new):
    db, url = archive.db, HOST + "new"
    db.execute("PRAGMA foreign_keys = OFF")
    for number, address in ((1, HOST + "stored"), (2, url)):
        put(db, "urls", number, id=number, url=address, kind="page", state="done")
        values = {"title": "T", "canonical_url": "main", "own_type": "article", "word_count": 50 + difference}
        put(db, "pages", number, id=number, **(values | (stored if number == 1 else {"text_digest": "same"})))
        if number == 2:
            db.execute("UPDATE pages SET word_count = 500 WHERE id = 2")
    page = page_rows(make.cleaned(url, "x", title="T"))
    page = replace(page, digest="same", words=50, metadata=replace(page.metadata, canonical_url="main"))
    assert is_new_text(db, url, page) is is_new
    assert not is_new_text(db, url, replace(page, verdict=replace(page.verdict, page_type=PageType.LIST)))


SAMPLING = PatternLimits(sampled=3)


@pytest.fixture
def sampling(file, make):
    with Archive.open(file, make.clock, SAMPLING) as opened:
        yield opened


def sitemap(archive: Archive, make: Maker, count: int, *, listed: int | None = None) -> None:
    """Store so many articles, of which a sitemap lists the first ones, or all."""
    paths = [f"news/story-{number}-of-it" for number in range(count)]
    rows = tuple(make.discovered(HOST + path, found_via=UrlSource.SITEMAP) for path in paths[:listed])
    file = replace(make.failure(HOST + "sitemap.xml"), kind=UrlKind.SITEMAP, state="done", discovered_urls=rows)
    archive.save([file])
    for path in paths:
        page(archive, make, path, text=f"What {path} says")


def queued(archive: Archive, beginning: str) -> int:
    query = "SELECT count(*) FROM urls WHERE state = 'queued' AND url LIKE ?"
    return archive.db.execute(query, [f"{HOST}{beginning}%"]).fetchone()[0]


def barren(archive: Archive, make: Maker, articles: int, tags: int, *, listed: int | None = None) -> int:
    """Store articles, links to 103 pages of tags, and so many of these; how many of the tags wait."""
    sitemap(archive, make, articles, listed=listed)
    page(archive, make, "", *(f"tag/{number}" for number in range(103)))
    for number in range(tags):
        page(archive, make, f"tag/{number}")
    return queued(archive, "tag/")


@pytest.mark.parametrize(
    ("articles", "listed", "tags"), [(30, 30, 2), (29, 29, 10), (32, 30, 10), (40, 0, 10)],
    ids=["two pages", "few articles", "a partial sitemap", "no sitemap"],
)  # fmt: skip
def test_a_barren_pattern_is_not_sampled(sampling, make, articles, listed, tags):
    assert barren(sampling, make, articles, tags, listed=listed) == 103 - tags


def test_it_is_where_the_sitemap_names_all_articles_until_a_page_of_it_leads_to_another(sampling, make):
    waiting = barren(sampling, make, 30, 3)
    assert 2 <= waiting <= 25
    skipped = "SELECT count(*) FROM urls WHERE state = 'skipped' AND reason = 'dry'"
    assert sampling.db.execute(skipped).fetchone()[0] == 100 - waiting
    page(sampling, make, "tag/50", "news/not-listed-at-all")
    page(sampling, make, "news/not-listed-at-all", text="What no sitemap names")
    assert queued(sampling, "tag/") == 99


def test_a_site_with_new_articles_outside_its_sitemap_is_queued_again(sampling, make):
    barren(sampling, make, 30, 3)
    for number in range(2):
        page(sampling, make, f"new/item-{number}", text=f"An item of which the sitemap is silent, {number}")
    assert queued(sampling, "tag/") == 100


@pytest.mark.parametrize(
    ("title", "count", "least", "most"), [("The flood", 3, 1, 25), ("Another story, {}", 5, 98, 98)]
)
def test_pages_that_all_name_a_stored_article_as_canonical_are_sampled(sampling, make, title, count, least, most):
    """Not those with titles of their own."""
    page(sampling, make, "", *(f"comment/{number}" for number in range(103)))
    page(sampling, make, "news/the-flood", text="The flood came at night", title="The flood")
    for number in range(count):
        text, changes = f"Reader {number} says something about it", {"canonical": HOST + "news/the-flood"}
        page(sampling, make, f"comment/{number}", text=text, title=title.format(number), **changes)
    assert least <= queued(sampling, "comment/") <= most


def test_what_is_sampled_is_known_to_the_next_crawl(file, make):
    with Archive.open(file, make.clock, SAMPLING) as archive:
        before = barren(archive, make, 30, 3)
    with Archive.open(file, make.clock, SAMPLING) as archive:
        page(archive, make, "about", *(f"tag/{number}" for number in range(200, 300)))
        assert before < queued(archive, "tag/") <= before + 25
    with Archive.open(file, make.clock, PatternLimits(sampled=0)) as archive:
        page(archive, make, "about-us", *(f"tag/{number}" for number in range(400, 500)))
        assert queued(archive, "tag/") >= before + 100


def test_queued_sitemaps_are_bounded_by_host_and_in_all(file, make):
    def listed(url: str, hosts: Sequence[str], count: int) -> Outcome:
        rows = (
            DiscoveredUrl(f"http://{host}/{url}{n}.xml", host, UrlKind.SITEMAP, UrlSource.SITEMAP)
            for host in hosts
            for n in range(count)
        )
        return replace(make.failure(f"http://a.test/{url}.xml"), state="done", reason="sitemap", kind=UrlKind.SITEMAP,
                       discovered_urls=tuple(rows))  # fmt: skip

    with Archive.open(file, make.clock, PatternLimits(sitemaps=4)) as archive:
        archive.save([listed("x", ["a.test", "b.test"], 3), listed("y", ["a.test"], 3), listed("z", "cdefgh", 4)])
        counts = dict(archive.db.execute("SELECT host, count(*) FROM urls WHERE state = 'queued' GROUP BY host"))
        assert counts == {"a.test": 4, "b.test": 3, "c": 4, "d": 4, "e": 4, "f": 1}
        said = dict(archive.db.execute("SELECT url, reason FROM urls WHERE state = 'done'").fetchall())
        assert [said[f"http://a.test/{name}.xml"] for name in "xyz"] == ["sitemap", *["sitemap:too_many_sitemaps"] * 2]


@pytest.mark.parametrize(
    ("path", "reason", "kind", "least"),
    [
        ("tag/{}/feed", "feed", UrlKind.FEED, 10), ("tag/{}/feed", "http_404", UrlKind.FEED, 10),
        ("tag/{}", "list", UrlKind.PAGE, 20), ("old/{}", "http_404", UrlKind.PAGE, 30),
    ],
)  # fmt: skip
def test_what_leads_to_nothing_so_often_in_a_row_is_sampled_on_any_host(file, make, path, reason, kind, least):
    names = ["".join("abcdefghij"[int(digit)] for digit in f"{n:03}") + "word" for n in range(130)]
    with Archive.open(file, make.clock, PatternLimits()) as archive:
        with write_transaction(archive.db):
            rows = [replace(make.discovered(HOST + path.format(name)), kind=kind) for name in names]
            add_urls(archive.db, rows, make.clock())
        state = "failed" if reason == "http_404" else "done"
        for number, name in enumerate(names[:least]):
            assert dict(archive.db.execute("SELECT state, count(*) FROM urls GROUP BY state")).get("skipped") is None, (
                number
            )
            if reason == "list":
                page(archive, make, path.format(name))
            else:
                archive.save([replace(make.failure(HOST + path.format(name)), state=state, reason=reason, kind=kind)])
        query = "SELECT count(*) FROM urls WHERE state = 'skipped' AND reason = 'dry'"
        skipped = archive.db.execute(query).fetchone()[0]
        assert 0.75 < skipped / (130 - least) < 1
        assert archive.take_requeued_hosts() == {"a.example"}
        page(archive, make, "tag/new", text="a new story") if reason == "list" else None
        assert archive.db.execute(query).fetchone()[0] == (0 if reason == "list" else skipped)


def pair(archive: Archive, make: Maker, name: str, text: str, other_text: str | None = None) -> None:
    page(archive, make, f"{name}/index.html", text=text, title="A story")
    page(archive, make, f"{name}/", text=text if other_text is None else other_text, title="A story")


def test_the_second_spelling_of_a_folder_s_page_is_skipped_after_three_equal_pairs(file, make):
    with Archive.open(file, make.clock) as archive:
        for name in "ab":
            pair(archive, make, name, f"Story {name} of the town")
        page(archive, make, "home", "c/index.html", "c/")
        assert state(archive, "c/") == ("queued", "")
        page(archive, make, "c/index.html", text="Story c of the town", title="A story")
        page(archive, make, "d/index.html", "d/", text="Story d of the town", title="A story")
        assert state(archive, "d/") == ("queued", "")
        page(archive, make, "c/", "e/index.html", "e/", text="Story c of the town", title="A story")
        assert [state(archive, f"{name}/") for name in "de"] == [("skipped", "spelling")] * 2
        assert state(archive, "e/index.html") == ("queued", "")
    with Archive.open(file, make.clock) as archive:
        page(archive, make, "more", "f/", "f/index.html", "g/index.html")
        assert [state(archive, path)[0] for path in ("f/", "f/index.html", "g/index.html")] == [
            "queued",
            "skipped",
            "queued",
        ]
        archive.save([Outcome(HOST + "e/index.html", "failed", "http_404", 404, make.clock())])
        assert state(archive, "e/") == ("queued", ""), "no page came of the other spelling"
        pair(archive, make, "h", "Story h of the town", "Another story")
        assert [state(archive, path)[0] for path in ("d/", "f/index.html")] == ["queued", "queued"]
        page(archive, make, "again", "i/index.html", "i/")
        assert state(archive, "i/") == ("queued", "")


def test_a_spelling_that_redirects_to_the_other_leaves_that_to_be_fetched(archive, make):
    for name in "abc":
        pair(archive, make, name, f"Story {name} of the town")
    page(archive, make, "home", "d/index.html", "d/", "e/index.html", "f/index.html")
    target = make.discovered(HOST + "f/", found_via=UrlSource.REDIRECT)
    archive.save(
        [Outcome(HOST + "f", "done", "redirect", 301, make.clock(), location=HOST + "f/", discovered_urls=(target,))]
    )
    assert state(archive, "f/") == ("queued", ""), "no page came of the other spelling yet"
    page(archive, make, "f/", text="Story f of the town", title="A story")
    assert state(archive, "f/index.html") == ("skipped", "spelling")
    assert state(archive, "d/") == ("skipped", "spelling")
    target = make.discovered(HOST + "d/", found_via=UrlSource.REDIRECT)
    moved = Outcome(
        HOST + "d/index.html", "done", "redirect", 301, make.clock(), location=HOST + "d/", discovered_urls=(target,)
    )
    archive.save([moved])
    assert state(archive, "d/") == ("queued", "")
    page(archive, make, "e/index.html", text="Story e of the town", title="A story")
    target = make.discovered(HOST + "e/", found_via=UrlSource.REDIRECT)
    archive.save(
        [Outcome(HOST + "e", "done", "redirect", 301, make.clock(), location=HOST + "e/", discovered_urls=(target,))]
    )
    assert state(archive, "e/") == ("skipped", "spelling")
