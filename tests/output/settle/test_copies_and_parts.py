"""Copies and parts of articles: each clause that groups, chooses or numbers pages, and whole archives of them."""

import itertools
from typing import Any

import pytest

from broadsheet.cleaners.document import Outlink
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.page_rows import PageLead
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.copies_and_parts import PageIdentity, assign_parts, find_representatives, word_overlap
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.assembled_text import ArticlePart
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling
from broadsheet.output.write.takedowns import take_down
from broadsheet.output.write.url_queue import add_urls
from tests.internal_tables import BLOCK_TEXTS, PAGE_PARTS
from tests.output.conftest import Maker

SITE = "http://a.test"
WORDS = [f"w{n}" for n in range(100)]
SAME = " ".join(WORDS)
OWN = {"digest": "x", "canonical_url": "own"}


def page(page_id: int, url: str = "", **values: Any) -> PageIdentity:
    """A page with a text of its own, of a hundred words."""
    own = {"title": "The wall", "canonical_url": "", "digest": f"d{page_id}", "word_count": 100} | values
    return PageIdentity(page_id, url or f"{SITE}/{page_id}", **own)


def representatives(*pages: PageIdentity, texts: dict[int, str] | None = None) -> dict[int, int]:
    """The pages that others represent; a page has another text than all others, unless one is given."""
    return dict(find_representatives(pages, lambda page_id: (texts or {}).get(page_id, f"own{page_id} " * 100)))


@pytest.mark.parametrize(
    ("first", "second", "is_copy"),
    [
        ({"digest": "x"}, {"digest": "x"}, True),
        ({"digest": "x"}, {"digest": "y"}, False),
        ({"digest": ""}, {"digest": ""}, False),
        ({"digest": "x", "word_count": 40}, {"digest": "x", "word_count": 40, "title": "Other"}, True),
        ({"digest": "x", "word_count": 39}, {"digest": "x", "word_count": 39, "title": "Other"}, False),
        ({"digest": "x", "word_count": 39}, {"digest": "x", "word_count": 39}, True),
        (OWN | {"word_count": 100}, OWN | {"word_count": 100, "title": "Other"}, True),
        (OWN | {"word_count": 99}, OWN | {"word_count": 99, "title": "Other"}, False),
        (OWN | {"word_count": 99}, OWN | {"word_count": 99}, True),
        (OWN | {"word_count": 99}, {"digest": "x", "word_count": 99, "title": "Other"}, True),
        ({"digest": "x", "word_count": 1}, {"digest": "x", "word_count": 1, "canonical_url": f"{SITE}/1"}, True),
    ],
)
def test_one_text_is_one_article_from_forty_words_or_with_one_title(first, second, is_copy):
    """From a hundred where both pages call themselves canonical."""
    first, second = (
        page | {"canonical_url": f"{SITE}/{number}"} if page.get("canonical_url") == "own" else page
        for number, page in enumerate((first, second), 1)
    )
    assert representatives(page(1, **first), page(2, **second)) == ({2: 1} if is_copy else {})


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ("a b c d e f g h i j", "a b c d e f g h i x", 0.9), ("a b c d", "a b c d x y z w", 0.5),
        ("on and on and on", "on and off", 0.4), ("", "", 0.0),
    ],
)  # fmt: skip
def test_overlap_is_of_the_longer_text_and_counts_repeats(first, second, overlap):
    assert word_overlap(first, second) == word_overlap(second, first) == overlap


@pytest.mark.parametrize(
    ("canonical", "words", "count", "is_copy"),
    [
        (f"{SITE}/1", WORDS[:90], 90, True),
        (f"{SITE}/1", WORDS[:89], 89, False),
        (f"{SITE}/1", WORDS[:89], 100, False),
        (f"{SITE}/1", WORDS, 89, False),
        (f"{SITE}/1", WORDS, 90, True),
        (f"{SITE}/other", WORDS, 100, False),
        ("", WORDS, 100, False),
    ],
)
def test_a_canonical_url_relates_pages_of_nine_words_in_ten(canonical, words, count, is_copy):
    pages = page(1), page(2, canonical_url=canonical, word_count=count)
    assert representatives(*pages, texts={1: SAME, 2: " ".join(words)}) == ({2: 1} if is_copy else {})


def test_pages_that_name_one_url_that_was_not_fetched_are_compared_with_the_shortest():
    pages = [page(n, canonical_url=f"{SITE}/none", url=f"{SITE}/{'x' * n}") for n in (3, 1, 2)]
    assert representatives(*pages, texts=dict.fromkeys((1, 2, 3), SAME)) == {2: 1, 3: 1}
    parts = {1: SAME, 2: " ".join(WORDS[:90]), 3: " ".join(WORDS[10:])}  # the second is not like the third
    assert representatives(*pages, texts=parts) == {2: 1, 3: 1}
    assert representatives(*pages, texts=parts | {1: parts[2], 2: SAME}) == {2: 1}


def test_pages_that_name_one_url_are_compared_with_the_page_there():
    urls = {1: f"{SITE}/xx", 2: f"{SITE}/x", 3: f"{SITE}/xxx"}
    pages = [page(n, canonical_url=urls[3], url=url) for n, url in urls.items()]
    parts = {3: SAME, 1: " ".join(WORDS[:90]), 2: " ".join(WORDS[10:])}
    assert representatives(*pages, texts=parts) == {1: 3, 2: 3}


SELF = page(3, f"{SITE}/cc", canonical_url=f"{SITE}/cc")


@pytest.mark.parametrize(
    ("pages", "chosen"),
    [
        ([page(1, f"{SITE}/b"), page(2, f"{SITE}/a")], 2),
        ([page(1, f"{SITE}/b"), page(2, f"{SITE}/aa")], 1),
        ([page(1, f"{SITE}/b"), page(2, f"{SITE}/aa", canonical_url=f"{SITE}/aa")], 2),
        ([page(1, f"{SITE}/b", canonical_url=f"{SITE}/aaa"), page(2, f"{SITE}/aaa")], 2),
        ([page(1, f"{SITE}/b", canonical_url=f"{SITE}/aaa"), page(2, f"{SITE}/aaa"), SELF], 2),
    ],
)
def test_the_representative_is_the_page_that_others_name_or_itself_or_the_shortest(pages, chosen):
    same = [PageIdentity(p.page_id, p.url, p.title, p.canonical_url, "x", 100) for p in pages]
    assert set(representatives(*same).values()) == {chosen}


ONE, TWO, THREE, WHOLE = (f"{SITE}/story{end}" for end in ("", "?page=2", "?page=3", "/print"))
LONG = [ONE, *(f"{SITE}/story?page={n}" for n in range(2, 102))]


def lead(page_id: int, url: str, kind: str = "next", *, is_by_rule: bool = False) -> PageLead:
    return PageLead(page_id, kind, url, is_by_rule)


def parts(*leads: PageLead, pages: Any, awaited: Any = (), texts: Any = None, copies: Any = None) -> Any:
    found = {page.page_id: page.page_id for page in pages} | (copies or {})
    return assign_parts(pages, leads, found, awaited, lambda page_id: (texts or {}).get(page_id, ""))


@pytest.mark.parametrize(
    ("first", "second", "is_joined"),
    [
        (ONE, TWO, True),
        (ONE, f"{SITE}/story/2", True),
        (ONE, f"{SITE}/story-2.html", False),
        (f"{SITE}/story.html", f"{SITE}/story-2.html", True),
        (f"{SITE}/story-1.html", f"{SITE}/story-2.html", True),
        (f"{SITE}/top-12", f"{SITE}/top-12/page/2", True),
        (f"{SITE}/post/5", f"{SITE}/post/6", False),
        (f"{SITE}/weekly-news", f"{SITE}/more-news", False),
        (ONE, f"{SITE}/story/page/2/", True),
        (ONE, f"{SITE}/other?page=2", False),
        (ONE, "http://b.test/story?page=2", False),
        (f"{SITE}/story?page=1", TWO, True),
        (TWO, THREE, False),
        (TWO, ONE, False),
        (f"{SITE}/story?a=1", f"{SITE}/story?page=2&a=1", True),
        (f"{SITE}/story?a=1", f"{SITE}/story?a=1&page=2", True),
        (ONE, f"{SITE}/story?page=1000", False),
        (ONE, f"{SITE}/story?page=1", False),
    ],
)
def test_a_part_is_numbered_by_its_address(first, second, is_joined):
    """The head is the first page of its article, by number."""
    pages = page(1, first), page(2, second)
    expected = {1: ArticlePart(1, 0), 2: ArticlePart(1, 1)} if is_joined else {}
    assert parts(lead(1, second), pages=pages) == expected


@pytest.mark.parametrize(
    ("first", "second", "is_joined"),
    [
        ("The wall", "The wall", True),
        ("The wall", "The Wall, page 2", True),
        ("The wall", "The wall 2 of 3", True),
        ("The wall", "The bridge", False),
        ("", "", False),
        ("2", "3", False),
    ],
)
def test_parts_have_one_title_but_for_their_number(first, second, is_joined):
    pages = page(1, ONE, title=first), page(2, TWO, title=second)
    assert bool(parts(lead(1, TWO), pages=pages)) is is_joined


def test_a_rule_joins_pages_of_any_address_of_the_host_and_goes_first():
    pages = page(1, ONE), page(2, TWO), page(3, f"{SITE}/zz"), page(4, "http://b.test/zz")
    by_rule = lead(1, f"{SITE}/zz", is_by_rule=True)
    assert parts(lead(1, TWO), by_rule, pages=pages).keys() == {1, 3}
    assert parts(lead(1, "http://b.test/zz", is_by_rule=True), pages=pages) == {}


def test_pages_that_lead_to_one_another_end_and_one_page_follows_one_other():
    """And an article is joined when no page of it is awaited."""
    pages = page(1, ONE), page(2, TWO), page(3, THREE), page(4, f"{SITE}/story/")
    leads = lead(1, TWO), lead(2, THREE), lead(3, ONE, is_by_rule=True), lead(4, TWO)
    assert parts(*leads[:2], pages=pages) == {1: ArticlePart(1, 0), 2: ArticlePart(1, 1), 3: ArticlePart(1, 2)}
    assert parts(*leads[:2], leads[3], pages=pages).keys() == {1, 2, 3}
    assert parts(*leads[:3], pages=pages) == {}
    assert parts(*leads[:2], pages=pages[:2]).keys() == {1, 2}
    assert parts(*leads[:2], pages=pages[:2], awaited=(THREE,)) == {}


def test_a_copy_of_a_part_stands_for_its_representative_and_leads_nowhere():
    pages = page(1, ONE), page(2, TWO), page(3, f"{SITE}/mirror?page=2")
    assert parts(lead(1, TWO), pages=pages, copies={2: 3}).keys() == {1, 3}
    assert parts(lead(1, TWO), pages=pages, copies={1: 3}) == {}


@pytest.mark.parametrize("count", [100, 101])
def test_an_article_has_a_hundred_parts_at_most(count):
    pages = [page(n, url) for n, url in enumerate(LONG[:count], 1)]
    assert len(parts(*(lead(n, url) for n, url in enumerate(LONG[1:count], 1)), pages=pages)) == 100


@pytest.mark.parametrize(("part_words", "whole_words", "is_part"), [(10, 8, True), (10, 7, False), (0, 8, False)])
def test_the_whole_article_has_four_fifths_of_a_part_s_words(part_words, whole_words, is_part):
    texts = {1: " ".join(WORDS[:part_words]), 2: " ".join(WORDS[:whole_words])}
    found = parts(lead(1, WHOLE, "whole"), pages=(page(1, ONE), page(2, WHOLE)), texts=texts)
    assert found == ({1: ArticlePart(2, -1)} if is_part else {})


def test_a_whole_page_leads_to_no_other_and_is_not_the_page_itself():
    texts = dict.fromkeys((1, 2, 3), SAME)
    pages = page(1, ONE), page(2, WHOLE), page(3, TWO)
    assert parts(lead(1, WHOLE, "whole"), lead(2, TWO, "whole"), pages=pages, texts=texts) == {2: ArticlePart(3, -1)}
    assert parts(lead(1, ONE, "whole"), pages=pages, texts=texts) == {}
    assert parts(lead(1, f"{SITE}/none", "whole"), pages=pages, texts=texts) == {}
    both = parts(lead(1, WHOLE, "whole"), lead(1, TWO), pages=pages, texts=texts)
    assert both == {1: ArticlePart(2, -1)}, "a part of a whole page is no head of others"


TITLE, STANDFIRST, SHORT = "The long story of the wall", "A standfirst of the wall.", "So it goes."
NUMBERED = [" ".join(f"part{n}word{word}" for word in range(30)) for n in range(3)]
JOINED = "\n".join((STANDFIRST, *(line for text in NUMBERED for line in (text, SHORT))))


def leads(*urls: str, rel: str = "next", via: str = "next") -> tuple[Outlink, ...]:
    return tuple(Outlink(url, "", (rel,) if rel else (), via) for url in urls)


def three(make: Maker) -> list[Outcome]:
    """The outcomes of an article in three pages; the standfirst stands on each, and so does a short line."""
    following = (leads(TWO), leads(THREE, ONE), leads(TWO, rel="prev"))
    return [
        make.outcome(url, STANDFIRST, text, SHORT, title=TITLE, outlinks=links)
        for url, text, links in zip((ONE, TWO, THREE), NUMBERED, following, strict=True)
    ]


def settled(archive: Archive, make: Maker, *outcomes: Outcome) -> tuple[dict[str, str], dict[str, str]]:
    """Save and settle; the articles and the shelved ones, by URL, with text and reason."""
    archive.save(outcomes)
    settle(archive.db, make.clock)
    assert verify(archive.db) == []
    articles, shelved = "SELECT url, text FROM articles", "SELECT url, why FROM shelved"
    return dict(archive.db.execute(articles).fetchall()), dict(archive.db.execute(shelved).fetchall())


def counts(archive: Archive, *tables: str) -> list[int]:
    return [archive.db[table].count for table in tables]


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_pages_of_one_article_become_one_whatever_their_order(archive, make, order):
    outcomes = three(make)
    for index in order:
        archive.save([outcomes[index]])
    assert settled(archive, make) == ({ONE: JOINED}, {TWO: "part", THREE: "part"})


def test_an_article_of_three_pages_is_joined_is_as_it_was_when_fetched_again_and_comes_apart(archive, make):
    assert settled(archive, make, *three(make)) == ({ONE: JOINED}, {TWO: "part", THREE: "part"})
    urls = archive.db.execute("SELECT url FROM article_urls ORDER BY url").fetchall()
    assert urls == [(ONE,), (TWO,), (THREE,)]
    [(markdown, count)] = archive.db.execute("SELECT markdown, word_count FROM articles").fetchall()
    assert (markdown.count(STANDFIRST), count) == (1, len(JOINED.split()))
    before = counts(archive, "revisions", "changes")
    assert settled(archive, make, *three(make))[0] == {ONE: JOINED}
    assert counts(archive, "revisions", "changes") == before
    articles, shelved = settled(archive, make, make.outcome(TWO, "Another story", title="Something else"))
    assert (articles[ONE], articles[TWO], articles.keys(), shelved) == (
        f"{STANDFIRST}\n{NUMBERED[0]}\n{SHORT}", "Another story", {ONE, TWO, THREE}, {},
    )  # fmt: skip


def test_why_an_article_is_shelved_is_said_anew_when_the_reason_changes(archive, make):
    """The second page of an article is first a copy of another page, then a part, and a copy again."""
    outcomes, url = three(make), f"{SITE}/b"
    copy, other = make.outcome(url, STANDFIRST, NUMBERED[1], SHORT, title=TITLE), make.outcome(url, SAME, title="Other")
    assert settled(archive, make, outcomes[1], copy)[1] == {TWO: "duplicate"}
    assert settled(archive, make, outcomes[0], outcomes[2], other)[1] == {TWO: "part", THREE: "part"}
    assert settled(archive, make, copy)[1][TWO] == "duplicate"


def test_the_whole_article_takes_the_place_of_its_parts(archive, make):
    to_whole = leads(WHOLE, rel="", via="single_page")
    first = make.outcome(ONE, NUMBERED[0], title=TITLE, outlinks=(*leads(TWO), *to_whole))
    second = make.outcome(TWO, NUMBERED[1], title=TITLE, outlinks=to_whole)
    assert settled(archive, make, first, second, make.outcome(WHOLE, *NUMBERED, title=TITLE))[0].keys() == {WHOLE}
    assert ONE in settled(archive, make, make.outcome(WHOLE, SAME, title="Not the story"))[0]


def test_a_takedown_takes_all_parts(archive, make):
    settled(archive, make, *three(make))
    take_down(archive.db, ONE, clock=make.clock)
    assert counts(archive, "articles", "shelved", PAGE_PARTS, BLOCK_TEXTS) == [0, 0, 0, 0]


def test_a_block_restored_in_a_part_comes_into_the_article(archive, make):
    gone = "A paragraph that was taken out of the second page by mistake."
    archive.save([make.outcome(ONE, NUMBERED[0], title=TITLE, outlinks=leads(TWO))])
    settled(archive, make, make.outcome(TWO, NUMBERED[1], removed=(gone,), title=TITLE))
    ruling = Ruling(block_id(gone), is_kept=True, ruled_at=make.clock())
    with_it, without = ("\n".join(texts) for texts in ((*NUMBERED[:2], gone), NUMBERED[:2]))
    carry_out_ruling(archive.db, ruling)
    assert archive.db.execute("SELECT text FROM articles").fetchall() == [(with_it,)]
    assert settled(archive, make)[0] == {ONE: with_it}
    carry_out_ruling(archive.db, ruling, undo=True)
    assert archive.db.execute("SELECT text FROM articles").fetchall() == [(without,)]


@pytest.mark.parametrize(
    ("state", "reason", "is_awaited"),
    [("queued", "", True), ("skipped", "limit", True), ("skipped", "robots", False), ("failed", "limit", False)],
)
def test_a_next_page_is_awaited_while_it_is_queued_or_left_for_the_limit(archive, make, state, reason, is_awaited):
    archive.save([make.outcome(ONE, NUMBERED[0], title=TITLE, outlinks=leads(TWO))])
    archive.save([make.outcome(TWO, NUMBERED[1], title=TITLE, outlinks=leads(THREE))])
    add_urls(archive.db, [make.discovered(THREE)], make.clock())
    for changed in ((state, reason), ("failed", "http_404")):
        archive.db.execute("UPDATE urls SET state = ?, reason = ? WHERE url = ?", [*changed, THREE])
        archive.db.conn.commit()
        is_apart = is_awaited and changed == (state, reason)
        assert settled(archive, make)[0].keys() == ({ONE, TWO} if is_apart else {ONE})
