"""Excerpts: pages put together of others, which leave the articles with their layout and return with the evidence."""

import json
import random
from dataclasses import replace

import pytest

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import BlockKind, Metadata, PageType, PageVerdict
from broadsheet.cleaners.site.quotations import BlockText, OpeningIndex, Quotation, quotation_of
from broadsheet.output.archive.atomic_writes import write_transaction
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.host_layouts import (
    LAYOUT_EVIDENCE,
    stored_layout_verdict,
)
from broadsheet.output.settle.settling import SettleResult, settle
from broadsheet.output.settle.unsettled import note_unsettled
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.corrections import CorrectedField, Correction, put_corrections
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import LAYOUTS as LAYOUTS_TABLE
from tests.internal_tables import PAGE_SIGNATURES, SHELF
from tests.output.cleaned_pages import cleaned_page, with_page
from tests.output.conftest import Maker
from tests.output.filled_rows import put
from tests.output.settle.stories import BODY, KEPT, with_blocks

Lines = list[list[str]]


def W(seed: int, count: int) -> list[str]:  # noqa: N802
    dice = random.Random(seed)
    return ["".join(dice.choices("abcdefgh", k=5)) for _ in range(count)]


ARTICLES: dict[int, Lines] = {n: [W(n, 60), W(n + 100, 80)] for n in range(1, 6)}


def quotation(blocks: Lines, others: dict[int, Lines] | None = None, title: str = "a page") -> Quotation | None:
    lines = {**ARTICLES, **(others or {}), 99: blocks}
    pages = {page: [BlockText(" ".join(line)) for line in page_lines] for page, page_lines in lines.items()}
    index = OpeningIndex({page: f"story number {page}" for page in pages} | {99: title})
    for page, page_blocks in pages.items():
        index.add(page, page_blocks)
    return quotation_of(99, pages[99], index, pages.__getitem__)


OF_ONE, OF_THREE = frozenset({1}), frozenset({1, 2, 3})
TITLES = [["story", "number", str(n)] for n in (1, 2, 3)]
SIGNED = [[*title, "by", "ann", "lee"] for title in TITLES]
SERIES: dict[int, Lines] = {n: [W(50, 40), W(n, 90)] for n in range(20, 24)}
SHORT_FIRST: Lines = [W(40, 6), W(41, 90)]
FOUR_BLOCKS: Lines = [W(30, 10), W(31, 10), W(32, 40), W(33, 40), W(34, 90)]


def below(count: int) -> Lines:
    """Return titles with so many words on the story in a second line below each."""
    return [[*title, "by", "ann\n", *W(70, count)] for title in TITLES]


@pytest.mark.parametrize(
    ("blocks", "others", "pages", "is_whole"),
    [
        ([W(1, 55)], {}, OF_ONE, True),
        ([W(101, 50)], {}, OF_ONE, True),
        ([[*W(2, 60), *W(102, 20)]], {}, {2}, True),
        ([W(7, 55)], {}, None, False),
        ([], {}, None, False),
        ([W(1, 8)], {}, OF_ONE, True),
        ([W(1, 7)], {}, None, False),
        ([[*W(1, 7), "more"]], {}, OF_ONE, True),
        ([[*W(1, 6), "and", "more"]], {}, None, False),
        ([[*W(1, 17), *W(7, 3)]], {}, OF_ONE, True),
        ([[*W(1, 16), *W(7, 4)]], {}, None, False),
        ([W(1, 30), W(7, 20)], {}, OF_ONE, False),
        ([W(1, 30), W(7, 21)], {}, None, False),
        ([W(1, 60), W(101, 52)], {}, OF_ONE, True),
        ([W(1, 60), W(101, 53)], {}, None, False),
        ([W(1, 60), W(101, 53), W(2, 40)], {}, {1, 2}, True),
        ([W(32, 30)], {20: FOUR_BLOCKS}, {20}, True),
        ([W(33, 30)], {20: FOUR_BLOCKS}, None, False),
        ([[*W(40, 6), *W(41, 10)]], {20: SHORT_FIRST}, {20}, True),
        ([[*W(40, 5), *W(41, 11)]], {20: [W(40, 5), W(41, 90)]}, None, False),
        ([W(50, 40)], {n: SERIES[n] for n in (20, 21, 22)}, {20, 21, 22}, True),
        ([W(50, 40)], SERIES, None, False),
        (TITLES, {}, OF_THREE, True),
        (TITLES[:2], {}, None, False),
        ([*TITLES[:2], TITLES[0]], {}, None, False),
        ([*SIGNED, ["proof", "read", "by", "all"]], {}, OF_THREE, False),
        ([[*line, "jr"] for line in SIGNED], {}, None, False),
        (below(55), {}, OF_THREE, True),
        (below(56), {}, None, False),
    ],
)
def test_a_page_is_put_together_of_the_openings_or_titles_of_others(blocks, others, pages, is_whole):
    expected = None if pages is None else Quotation(frozenset(pages), is_whole)
    assert quotation(blocks, others) == expected


def test_a_page_with_the_same_title_is_not_another():
    assert quotation([W(1, 55)], title="story number 1") is None
    assert quotation([*TITLES, W(1, 8)], title="story number 1") is None


def test_of_a_text_of_its_own_only_the_first_words_are_read():
    index = OpeningIndex({1: "story number 1", 2: "a story of its own"})
    article, own = ([BlockText(" ".join(line)) for line in (W(seed, 30), W(seed + 1, 90))] for seed in (10, 20))
    index.add(1, article)
    index.add(2, own)
    assert quotation_of(2, own, index, {1: article, 2: own}.__getitem__) is None
    assert not any("words" in vars(block) for block in (*article, *own))


SITE = "http://a.test"
POSTS, DAYS, LISTS = (pack_signature(list(range(first, first + 30))) for first in (0, 100, 200))
LAYOUTS = f"SELECT host, pages, articles, kind, evidence FROM {LAYOUTS_TABLE} ORDER BY pages DESC, kind"
ALL_POSTS = sorted(f"/post-{n}" for n in range(12))


def story(number: int, length: int = 120) -> str:
    dice = random.Random(number)
    return " ".join("".join(dice.choices("abcdefghijklmnop", k=6)) for _ in range(length))


def post(make: Maker, number: int, **changes: object) -> Outcome:
    return make.outcome(f"{SITE}/post-{number}", story(number), **({"layout_signature": POSTS} | changes))


def excerpt(make: Maker, number: int, **changes: object) -> Outcome:
    words = " ".join(story(number).split()[:40])
    url = f"{SITE}/d/{number}"  # shorter than the post's, so that it would name a text that both had
    return make.outcome(url, f"{words} …", **({"layout_signature": DAYS} | changes))


def site(make: Maker) -> list[Outcome]:
    return [*(post(make, n) for n in range(12)), *(excerpt(make, n) for n in range(6))]


def settled(archive: Archive, make: Maker, *outcomes: Outcome) -> tuple[SettleResult, list[str]]:
    """Save and settle: what that gave, and what stands after the host in the URLs of the articles."""
    archive.save(outcomes)
    result = settle(archive.db, make.clock)
    assert verify(archive.db) == []
    return result, sorted(url.partition(".test")[2] for (url,) in archive.db.execute("SELECT url FROM articles"))


def everything(archive: Archive) -> list[list[tuple[object, ...]]]:
    queries = (
        LAYOUTS,
        "SELECT url, why FROM shelved ORDER BY 1",
        "SELECT url FROM articles ORDER BY 1",
        "SELECT page_type, evidence, article_id IS NULL FROM pages JOIN urls USING (id) ORDER BY url",
    )
    return [archive.db.execute(query).fetchall() for query in queries]


def test_excerpts_leave_with_their_layout_and_say_why_unless_a_person_does(archive, make):
    result, shown = settled(archive, make, *site(make))
    assert (result.articles, result.layout_pages, result.removed_articles, shown) == (12, 6, 6, ALL_POSTS)
    evidence = "6 of 6 texts of this layout are openings or titles of other articles"
    assert archive.db.execute(LAYOUTS).fetchall() == [
        ("a.test", 12, 12, "article", "article pages: 12 of 12, lists: 0"),
        ("a.test", 6, 0, "list", evidence),
    ]
    url = f"{SITE}/d/3"
    query = "SELECT p.page_type, p.own_type, u.reason, p.evidence FROM pages p JOIN urls u USING (id) WHERE u.url = ?"
    *words, of_page = archive.db.execute(query, [url]).fetchone()
    assert (words, json.loads(of_page)[-1]) == (["list", "article", "list"], f"layout={evidence}")
    made = [Correction(CorrectedField.KIND, "none", article_id=article_id(url), url=url, at=make.clock())]
    reasons = "SELECT why, count(*) FROM shelved GROUP BY 1 ORDER BY 1"
    for undo, shelved in ((False, [("layout", 5), ("withdrawn", 1)]), (True, [("layout", 6)])):
        with write_transaction(archive.db):
            put_corrections(archive.db, made, undo=undo, at=make.clock())
        settled(archive, make)
        assert archive.db.execute(reasons).fetchall() == shelved


@pytest.mark.slow
def test_settling_again_and_settling_on_the_way_change_nothing(tmp_path, make):
    outcomes, results = site(make), []
    dice = random.Random(3)
    for number in range(4):
        shuffled = dice.sample(outcomes, len(outcomes))
        with Archive.open(tmp_path / f"{number}.db", make.clock) as archive:
            for first in range(0, len(shuffled), 5):
                archive.save(shuffled[first : first + 5])
                if number % 2:
                    settle(archive.db, make.clock)
            settle(archive.db, make.clock)
            again = settle(archive.db, make.clock)
            assert (again.removed_articles, again.returned_articles, again.rewritten_rows) == (0, 0, 0)
            results.append(everything(archive))
    assert all(result == results[0] for result in results)


def test_an_article_returns_when_the_evidence_falls(archive, make):
    settled(archive, make, *site(make))
    result, shown = settled(archive, make, *(excerpt(make, n, layout_signature=LISTS) for n in range(1, 6)))
    assert (result.layout_pages, result.returned_articles, "/d/0" in shown) == (5, 1, True)


def test_a_whole_post_at_its_day_does_not_take_the_post_along(archive, make):
    """The archive of the day names the text by the shorter URL; as it is no article, the post stays."""
    whole = make.outcome(f"{SITE}/d/9", story(9), layout_signature=DAYS)
    assert settled(archive, make, *site(make), whole)[1] == ALL_POSTS


def test_few_articles_among_lists_are_lists_beside_a_main_layout_alone(archive, make):
    archive.save([listed(make, f"tag/{n}", 100 + n, PageType.LIST) for n in range(5)])
    assert settled(archive, make, listed(make, "tag/x", 99))[1] == ["/tag/x"]
    assert "/tag/x" not in settled(archive, make, *(post(make, n) for n in range(8)))[1]


def listed(make: Maker, path: str, number: int, page_type: PageType = PageType.ARTICLE) -> Outcome:
    return make.outcome(f"{SITE}/{path}", story(number, 60), layout_signature=LISTS, page_type=page_type)


@pytest.mark.parametrize(("folder", "count"), [("poets", 15), ("author", 12)])
def test_pages_of_authors_that_are_stated_as_articles_are_lists_where_their_addresses_say_so(
    archive, make, folder, count
):
    types = [PageType.ARTICLE] * 3 + [PageType.LIST] * 2
    archive.save([listed(make, f"{folder}/name-{n}", 100 + n, page_type) for n, page_type in enumerate(types)])
    assert len(settled(archive, make, *(post(make, n) for n in range(12)))[1]) == count


def test_a_page_without_a_signature_has_no_layout(archive, make):
    posts = [post(make, n, layout_signature=None) for n in range(3)]
    assert len(settled(archive, make, *posts, post(make, 5, layout_signature=b""))[1]) == 4
    assert archive.db[LAYOUTS_TABLE].count == 0
    assert archive.db.execute("SELECT count(*) FROM pages WHERE layout_id IS NOT NULL").fetchone() == (0,)


def test_a_takedown_leaves_no_layout_without_pages(archive, make):
    settled(archive, make, *site(make))
    take_down(archive.db, f"{SITE}/d/*", "", make.clock)
    assert [row[1:4] for row in archive.db.execute(LAYOUTS)] == [(12, 12, "article")]
    assert archive.db[PAGE_SIGNATURES].count == 12
    assert settled(archive, make)[1] == ALL_POSTS


def test_hosts_are_judged_apart(archive, make):
    others = [make.outcome(f"http://b.test/d/{n}", "x" * n + story(n + 90), layout_signature=DAYS) for n in range(6)]
    assert len(settled(archive, make, *(post(make, n) for n in range(12)), *others)[1]) == 18
    assert archive.db[LAYOUTS_TABLE].count == 2


def test_the_stored_verdict_of_a_layout_has_its_own_facts_alone(archive):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    evidence = json.dumps(["words=9", f"{LAYOUT_EVIDENCE}one", f"{LAYOUT_EVIDENCE}two"])
    for number, why in ((1, "layout"), (2, "copy")):
        put(archive.db, "pages", number, id=number, page_type="list", evidence=evidence)
        put(archive.db, SHELF, number, id=10 + number, page_id=number, article="{}", why=why)
    assert stored_layout_verdict(archive.db, 1) == PageVerdict(PageType.LIST, ("one", "two"))
    assert stored_layout_verdict(archive.db, 2) is stored_layout_verdict(archive.db, 3) is None


def dated(make: Maker, number: int) -> Outcome:
    metadata = Metadata(
        title=f"Story {number}", published="2024-05-03", sources={"title": "markup", "published": "url"}
    )
    return with_page(post(make, number), metadata=metadata)


def test_cards_of_a_directory_leave_beside_dated_articles_and_return_with_the_evidence(archive, make):
    cards = [make.outcome(f"{SITE}/firms/firm-{n}", story(900 + n, 30), layout_signature=POSTS) for n in range(20)]
    posts = [dated(make, n) for n in range(12)]
    result, shown = settled(archive, make, *posts, *cards)
    assert (result.layout_pages, shown) == (20, ALL_POSTS)
    query = "SELECT p.page_type, p.own_type, p.evidence FROM pages p JOIN urls u USING (id) WHERE u.url LIKE '%firm%'"
    (page_type, own_type, evidence) = archive.db.execute(query).fetchone()
    assert (page_type, own_type) == ("other", "article")
    assert json.loads(evidence)[-1] == "layout=one of 20 cards in /firms/, without day and author"
    state = everything(archive)
    note_unsettled(archive.db)
    settled(archive, make)
    assert everything(archive) == state
    longer = [make.outcome(f"{SITE}/firms/firm-{n}", story(900 + n, 400), layout_signature=POSTS) for n in range(15)]
    assert len(settled(archive, make, *longer)[1]) == 32


def test_a_page_of_cards_is_a_list_whoever_wrote_what_stands_below_the_titles(archive, make):
    def tag(number: int) -> Outcome:
        url, heading = f"{SITE}/tags/tag-{number}", f"Story {number}"
        outcome = with_blocks(make.outcome(url, "x"), (heading, BODY, KEPT), (story(700 + number, 20), BODY, KEPT))
        cleaned = cleaned_page(outcome)
        card, *others = cleaned.blocks
        blocks = (replace(card, kind=BlockKind.HEADING, link_chars=len(heading)), *others)
        return with_page(outcome, replace(cleaned, blocks=blocks, layout_signature=DAYS))

    assert settled(archive, make, *(dated(make, n) for n in range(12)), *(tag(n) for n in range(4)))[1] == ALL_POSTS
