"""What pages of a site repeat goes, what they left out of texts comes back, and each returns with the evidence."""

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners.compare.text_comparison import text_template
from broadsheet.cleaners.document import PageType, Verdict
from broadsheet.cleaners.site.repeated_blocks import find_body_paths
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.stored_values import BLOCK_KINDS
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.page_table import (
    IS_KEPT,
    IS_KEPT_ELSEWHERE,
    IS_LEFT_OUT,
    IS_SHARED,
    LEAVES,
    LEAVES_WITH_OTHERS,
    SCANNED_BLOCK,
    ScannedPages,
)
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.site_repeats import create_kept_view, drop_site_tables, find_common_texts
from broadsheet.output.settle.site_scan import PlaceCounts, SeenTwice, _is_needed, _is_restorable, text_key
from broadsheet.output.settle.unsettled import note_unsettled
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.person_verdicts import Ruling, block_text, store_ruling
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import (
    BLOCK_EVIDENCE,
    BLOCK_TEXTS,
    COMMON_TEXTS,
    OWN_VERDICTS,
    REVISION_BLOCKS,
)
from tests.output.cleaned_pages import cleaned_page, with_page
from tests.output.conftest import Maker
from tests.output.settle.stories import BODY, BOX, KEPT, LEFT, with_blocks

GONE = Verdict(False, "share buttons", "share/icons")
PROMO = "Support this magazine with a small gift"
SITE = "http://a.test"
RULED_AT = "2026-03-01T00:00:00Z"


def paragraphs(name: str) -> list[tuple[str, str, Verdict]]:
    return [(" ".join(f"{name}{part}{n}" for n in range(40)), BODY, KEPT) for part in "xy"]


def texts_of(name: str) -> list[str]:
    return [text for text, *_ in paragraphs(name)]


def article(make: Maker, name: str, *below: tuple[str, str] | str, above: str = "", **changes: object) -> Outcome:
    """An outcome whose page has two paragraphs of its own, a text between them and what is given below."""
    rows = paragraphs(name)
    rows[1:1] = [(above, BODY, KEPT)] * bool(above)
    rows += [(*((row, BODY) if isinstance(row, str) else row), KEPT) for row in below]
    return with_blocks(make.outcome(f"{SITE}/{name}", "x"), *rows, ("icons", BOX, GONE), **changes)


def promoted(make: Maker, count: int) -> list[Outcome]:
    return [article(make, f"n{n}", PROMO) for n in range(count)]


def others(make: Maker) -> list[Outcome]:
    return [article(make, f"other{n}") for n in range(9)]


def rows(archive: Archive, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return archive.db.execute(sql, values).fetchall()


def settled(archive: Archive, make: Maker, *outcomes: Outcome) -> tuple[int, int]:
    """Save and settle; how many blocks the site repeats, and how many pages are copies."""
    archive.save(outcomes)
    result = settle(archive.db, make.clock)
    assert verify(archive.db) == []
    return result.repeated_blocks, result.duplicate_pages


def with_text(archive: Archive, text: str = PROMO) -> set[str]:
    """The names of the articles with a text."""
    found = rows(archive, "SELECT url FROM articles WHERE instr(text, ?)", text)
    return {url.removeprefix(f"{SITE}/") for (url,) in found}


def state(archive: Archive) -> list[list[tuple[Any, ...]]]:
    """Everything that settling decides, without ids and times of changes."""
    queries = (
        "SELECT url, text, markdown, word_count FROM articles ORDER BY url",
        "SELECT url, text, why FROM shelved ORDER BY url",
        "SELECT url, position, kept, reason, rule, text, evidence FROM blocks ORDER BY url, position",
        f"SELECT * FROM {BLOCK_EVIDENCE} WHERE at_place = 0 ORDER BY block_id, host",
        f"SELECT block_id, host, pages, of_pages FROM {BLOCK_EVIDENCE} WHERE at_place = 1 ORDER BY block_id, host",
        "SELECT u.url, p.kept, p.removed FROM pages p JOIN urls u USING (id) ORDER BY 1",
    )
    return [rows(archive, query) for query in queries]


def test_text_markdown_words_index_and_revision_follow(archive, make):
    archive.save(promoted(make, 2))
    revisions_before = rows(archive, "SELECT count(*) FROM revisions")
    settled(archive, make)
    assert rows(archive, "SELECT count(*) FROM articles WHERE instr(markdown, ?)", PROMO) == [(0,)]
    assert rows(archive, "SELECT DISTINCT word_count FROM articles") == [(80,)]
    assert rows(archive, "SELECT count(*) FROM articles_fts WHERE articles_fts MATCH 'magazine'") == [(0,)]
    assert rows(archive, "SELECT count(*) FROM revisions") == revisions_before
    assert rows(archive, "SELECT change, count(*) FROM changes GROUP BY 1 ORDER BY 1") == [("added", 2), ("changed", 2)]
    assert rows(archive, "SELECT DISTINCT kept, removed FROM pages") == [(2, 2)]


EVIDENCE = '{{"pages":{},"of_pages":{},"since":"2026-01-01"}}'
MARKED = "SELECT DISTINCT kept, reason, evidence FROM blocks WHERE text = ?"


def test_it_comes_back_when_the_share_falls(archive, make):
    archive.save(promoted(make, 2))
    texts = "SELECT url, text, markdown FROM articles WHERE url LIKE '%/n%' ORDER BY url"
    first = rows(archive, texts)
    settled(archive, make)
    settled(archive, make, *others(make))
    assert rows(archive, texts) == first
    assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") == [(0,)]
    assert rows(archive, MARKED, PROMO) == [(1, "selected", EVIDENCE.format(2, 11))]


def test_what_repeats_within_the_text_is_kept_and_marked(archive, make):
    assert settled(archive, make, *(article(make, f"n{n}", above="Let us ask her") for n in range(6)))[0] == 0
    assert rows(archive, MARKED, "Let us ask her") == [(1, "selected", EVIDENCE.format(6, 6))]


LINE, TEASER = "Talk about this article with all of us here", Verdict(False, "other articles", "context/teaser")
NOTE = "Ada was born by the sea and came to us late"


def closed(make: Maker, name: str, *texts: str, line: Verdict = TEASER) -> Outcome:
    """A page by Ada Okoro with a line below its text, which it removes by such a verdict, and blocks below that."""
    outcome = article(make, name)
    assert outcome.page
    metadata = replace(outcome.page.metadata, authors=("Ada Okoro",))
    below = ((LINE, BODY, line), *((text, BODY, KEPT) for text in texts), ("icons", BOX, GONE))
    return with_blocks(outcome, *paragraphs(name), *below, metadata=metadata)


def test_a_note_on_the_author_below_the_sites_line_goes_though_the_page_removed_the_line(archive, make):
    archive.save([closed(make, f"n{n}", line=KEPT) for n in range(3)])
    archive.save([closed(make, "plain", "We saw the sea and it was late")])
    settled(archive, make, closed(make, "noted", NOTE, "She lives there still and keeps goats"))
    query = "SELECT url, position, reason FROM removed WHERE rule = 'site/closing-note' ORDER BY 2"
    assert rows(archive, query) == [(f"{SITE}/noted", n, "about the author") for n in (3, 4)]
    carry_out_ruling(archive.db, Ruling(block_id(NOTE), True, ruled_at=RULED_AT))
    assert with_text(archive, NOTE) == {"noted"}
    carry_out_ruling(archive.db, Ruling(block_id(NOTE), True, ruled_at=RULED_AT), undo=True)
    assert with_text(archive, NOTE) == set()
    settled(archive, make, *others(make))  # so that the line is the site's no more
    assert with_text(archive, NOTE) == {"noted"}
    assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") == [(0,)]


def test_so_does_one_below_a_line_that_every_page_removes_near_its_end_and_none_below_one_in_the_middle(archive, make):
    notes = {name: f"Ada was born by the {name} of seven seas" for name in ("first", "second", "third")}
    archive.save([closed(make, "plain", "We saw the sea and it was late")])
    settled(
        archive, make, *(closed(make, name, note, f"A line on the {name} of her books") for name, note in notes.items())
    )
    assert with_text(archive, "A line on the") == with_text(archive, "Ada") == set()
    assert with_text(archive, "We saw the sea") == {"plain"}
    longer = {f"long{n}": f"Ada went to {'abcdefghi'[n]}town" for n in range(9)}
    settled(archive, make, *(closed(make, name, told, *texts_of(name)) for name, told in longer.items()))
    assert with_text(archive, "Ada") == {*notes, *longer}


def test_copies_of_an_article_count_once(archive, make):
    original, copy = promoted(make, 1)[0], article(make, "copy-of-n0")
    copy = with_page(copy, replace(cleaned_page(original), url=copy.url))
    assert settled(archive, make, original, copy) == (0, 1)
    assert settled(archive, make, article(make, "n2", PROMO)) == (3, 1)
    assert rows(archive, "SELECT count(*) FROM shelved WHERE instr(text, ?)", PROMO) == [(0,)]


def test_what_settling_takes_out_makes_no_copies(archive, make):
    """Two pages that are nearly one text only without their promo stay two, however often it is settled."""
    note = " ".join(f"note{n}" for n in range(20))
    first, second = article(make, "n1", note), article(make, "n2")
    assert second.page
    canonical = replace(second.page.metadata, canonical_url=first.url)
    second = with_blocks(second, *paragraphs("n1"), ("icons", BOX, GONE), metadata=canonical)
    assert settled(archive, make, first, second, *(article(make, f"m{n}", note) for n in range(9)))[1] == 0
    assert with_text(archive, note) == set()
    assert settled(archive, make)[1] == 0


def test_an_issue_in_full_is_no_evidence_against_its_articles(archive, make):
    issue = with_blocks(article(make, "issue"), *(row for n in range(3) for row in paragraphs(f"n{n}")))
    archive.save([*(article(make, f"n{n}") for n in range(3)), issue])
    result = settle(archive.db, make.clock)
    assert (result.list_pages, result.repeated_blocks) == (1, 0)


@pytest.mark.parametrize(
    ("rules", "between"),
    [
        ({"site/closing-note"}, True),
        pytest.param({"site/closing-note"}, False, marks=pytest.mark.slow),
        pytest.param({"site/repeated", "site/body"}, True, marks=pytest.mark.slow),
        pytest.param({"site/repeated", "site/body"}, False, marks=pytest.mark.slow),
    ],
)
def test_neither_order_nor_settling_between_matters(tmp_path, make, rules, between):
    if "site/body" in rules:
        pages = [article(make, f"n{n}", *[PROMO] * (n % 3 != 0), (f"Page {n} of 9", BOX)) for n in range(9)]
        pages += left_out(make, "abc")
        pages += [with_page(article(make, "copy"), replace(cleaned_page(pages[1]), url=f"{SITE}/copy"))]
    else:
        pages = [*(closed(make, f"l{n}", line=KEPT) for n in range(3)), closed(make, "noted", NOTE)]
    states = []
    for is_shuffled in (False, True):
        random.Random(between).shuffle(pages if is_shuffled else [])
        with Archive.open(tmp_path / f"{is_shuffled}.db", make.clock) as archive:
            for page in pages:
                archive.save([page])
                if is_shuffled and between:
                    settle(archive.db, make.clock)
            settled(archive, make)
            states.append(state(archive))
    assert states[0] == states[1]
    assert rules <= {row[4] for row in states[0][2]}


def test_fetching_again_makes_no_revision_and_a_new_text_one_without_the_promo(archive, make):
    settled(archive, make, *promoted(make, 3))
    before, changes = state(archive), archive.db["changes"].count
    archive.save(promoted(make, 3))  # new captures with the same text
    assert state(archive) == before
    settled(archive, make)
    assert (state(archive), archive.db["changes"].count) == (before, changes)
    assert rows(archive, "SELECT DISTINCT change FROM revisions") == [("first",)]
    archive.save([article(make, "n0", PROMO, above="Something new was added")])
    assert with_text(archive) == set()
    settled(archive, make)
    assert (with_text(archive), with_text(archive, "Something new")) == (set(), {"n0"})
    assert rows(archive, "SELECT count(DISTINCT text_digest) FROM revisions WHERE change <> 'first'") == [(1,)]


@pytest.mark.parametrize(
    ("is_kept", "scope", "ruled", "before", "after"),
    [
        pytest.param(True, {}, {"n0", "n1"}, set(), set(), id="kept everywhere"),
        pytest.param(True, {"article_id": article_id(f"{SITE}/n0")}, {"n0"}, set(), set(), id="kept in an article"),
        pytest.param(False, {}, set(), set(), {"n0", "n1"}, id="removed while the evidence falls"),
    ],
)
def test_a_persons_ruling_stands_above_and_the_evidence_changes_below_it(
    archive, make, is_kept, scope, ruled, before, after
):
    settled(archive, make, *promoted(make, 2))
    assert with_text(archive) == before
    ruling = Ruling(block_id(PROMO), is_kept, ruled_at=RULED_AT, **scope)
    carry_out_ruling(archive.db, ruling)
    assert with_text(archive) == ruled
    settled(archive, make, *(others(make) if after else promoted(make, 2)))
    assert with_text(archive) == ruled
    carry_out_ruling(archive.db, ruling, undo=True)
    assert with_text(archive) == after
    assert verify(archive.db) == []


def test_a_page_that_is_no_article_any_more_leaves_nothing(archive, make):
    pages = promoted(make, 2)
    settled(archive, make, *pages)
    settled(archive, make, with_page(pages[0], make.cleaned(pages[0].url, "x", page_type=PageType.OTHER)))
    assert with_text(archive) == {"n1"}
    assert [archive.db[table].count for table in (OWN_VERDICTS, BLOCK_EVIDENCE)] == [0, 0]


# What pages left out by themselves and the site's evidence brings back.

NOTE_PATH, ADDRESSES = "body>main>div.note>p", "body>main>div.text>div.embed>p"
LINKED = Verdict(False, "navigation", "context/links", ())
TITLED = Verdict(False, "repeats the title", "metadata/title", ())
FUND = "Support this magazine with a small gift for its next issue"
SOLD = "Issue {} of this magazine is sold at the harbour"


def noted(make: Maker, name: str, text: str = "", verdict: Verdict = LEFT, path: str = BODY) -> Outcome:
    """An outcome whose page keeps two paragraphs, and a note with its verdict, which is else its own."""
    words = " ".join(f"{name}{part}" for part in ("wer", "dam", "mill"))  # digits would be folded
    note = text or f"{words} ends with a few closing words of its own"
    return with_blocks(make.outcome(f"{SITE}/{name}", "x"), *paragraphs(name), (note, path, verdict))


def left_out(make: Maker, names: str, path: str = BODY) -> list[Outcome]:
    """Nine pages that keep what they have at a place, and those that left it out."""
    return [
        *(noted(make, f"k{n}", verdict=KEPT, path=path) for n in "abcdefghi"),
        *(noted(make, n, path=path) for n in names),
    ]


def back(archive: Archive) -> list[str]:
    query = "SELECT url FROM blocks WHERE rule = 'site/body' AND kept ORDER BY 1"
    return [url.removeprefix(f"{SITE}/") for (url,) in rows(archive, query)]


@pytest.mark.parametrize(
    ("pages", "came_back"),
    [
        pytest.param([("s", "", LEFT), ("t", "", LEFT)], ["s", "t"], id="texts of their own"),
        pytest.param([("s", "", Verdict(False, "donation", "en/donation-ask", ()))], [], id="a phrase rule"),
        pytest.param([("s", "", Verdict(False, "said twice", "context/duplicate", ()))], [], id="a copy"),
        pytest.param([("s", "", TITLED)], [], id="the title"),
        pytest.param(
            [("s", "", Verdict(False, "other articles", "model/beside-related", ()))], [], id="below a teaser"
        ),
        pytest.param([("s", "", LEFT, NOTE_PATH)], [], id="another place"),
        pytest.param([("s", FUND, LEFT), ("t", FUND, LEFT)], [], id="a text of several pages"),
        pytest.param([("s", SOLD.format(12), LEFT), ("t", SOLD.format(13), LEFT)], [], id="another number, left out"),
        pytest.param([("s", SOLD.format(12), LEFT), ("t", SOLD.format(13), KEPT)], [], id="another number, kept"),
        pytest.param(
            [("p", "Tide tables", LINKED), ("q", "Lights", LINKED), ("r", "Lights", TITLED), ("s", "More", LINKED)],
            ["p"],
            id="few words, but another page's title",
        ),
    ],
)
def test_what_a_page_left_out_comes_back_unless_something_else_explains_it(archive, make, pages, came_back):
    settled(archive, make, *left_out(make, ""), *(noted(make, *page) for page in pages))
    assert back(archive) == came_back


def test_what_came_back_is_no_repetition_where_texts_are_compared(archive, make):
    settled(archive, make, *left_out(make, "s"))
    assert "closing words" in rows(archive, f"SELECT text FROM articles WHERE url = '{SITE}/s'")[0][0]
    edited = (*paragraphs("longer"), ("The longer one ends with other closing words", BODY, LEFT))
    settled(archive, make, with_blocks(noted(make, "s"), *edited))
    elsewhere = (
        f"SELECT elsewhere FROM {REVISION_BLOCKS} b JOIN {BLOCK_TEXTS} t ON t.id = b.block_id WHERE t.text LIKE ?"
    )
    assert rows(archive, elsewhere, "%closing words%") == [(0,)]


def test_texts_that_only_seem_to_stand_on_several_pages_are_looked_up_and_come_back(make, tmp_path, monkeypatch):
    """Which texts stand on several pages is known roughly; where all seem to, the exact answer is the same."""
    pages = [*left_out(make, "st"), *(noted(make, name, SOLD.format(n)) for n, name in enumerate("uv"))]
    states = []
    for seems_repeated in (SeenTwice.contains, lambda _, numbers: np.ones(len(numbers), bool)):
        monkeypatch.setattr(SeenTwice, "contains", seems_repeated)
        with Archive.open(tmp_path / f"{len(states)}.db") as archive:
            settled(archive, make, *pages)
            states.append(state(archive))
            assert back(archive) == ["s", "t"]
    assert states[0] == states[1]


def test_it_goes_again_when_the_share_falls_and_a_shared_text_says_too_that_a_place_is_no_body(archive, make):
    settled(archive, make, *left_out(make, "s", NOTE_PATH))
    assert back(archive) == ["s"]
    settled(archive, make, *(noted(make, name, FUND, path=NOTE_PATH) for name in ("p", "q")))
    assert back(archive) == []
    assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") == [(0,)]


@pytest.mark.parametrize(
    ("left_out_by", "came_back"),
    [((LINKED, LINKED), ["i", "j"]), ((LINKED, *[Verdict(False, "navigation", "en/nav-words", ())] * 3), [])],
)
def test_an_address_comes_back_where_pages_keep_theirs(archive, make, left_out_by, came_back):
    """Not where a third of the pages keep none, for whatever reason."""
    names = zip("abcdefghijkl", [*[KEPT] * 8, *left_out_by], strict=False)
    pages = [noted(make, name, f"https://media.test/{name}", verdict, ADDRESSES) for name, verdict in names]
    settled(archive, make, *pages)
    assert back(archive) == came_back
    evidence = rows(archive, "SELECT DISTINCT evidence FROM blocks WHERE rule = 'site/body'")
    assert evidence == [(EVIDENCE.format(8, 10),)] * bool(came_back)
    assert settle(archive.db, make.clock).rejudged_pages == 0


def test_a_place_is_known_by_its_longer_texts_or_by_all_since_the_earliest_page_that_keeps_text_there():
    """Of a page that is no evidence, and of texts that the site cannot bring back, nothing is counted as left out."""
    counts, months = PlaceCounts(), (2, 1, 3, 4, 5, 6)
    blocks = [
        (month, path, words, flags)
        for month in range(len(months))
        for path, words, flags in (
            (1, 8, IS_KEPT if months[month] < 4 else LEAVES), (2, 7, IS_KEPT), (2, 8, LEAVES_WITH_OTHERS), (3, 9, 0)
        )
    ]  # fmt: skip
    owners = np.array([owner for owner, *_ in blocks])
    rows = np.array([(0, 0, path, 0, 0, words, flags) for _, path, words, flags in blocks], SCANNED_BLOCK)
    pages = ScannedPages(range(len(months)), [f"2026-0{month}" for month in months], owners, rows)
    counts.count(pages, np.array([month < 6 for month in months]))
    assert (counts.kept_counts, counts.left_out_counts) == ({1: 3}, {1: 2, 2: 5})
    assert (counts.all_kept_counts, counts.all_left_out_counts) == ({1: 3, 2: 5}, {1: 2, 3: 5})
    assert (counts.first_kept_at, counts.article_places()) == ({1: "2026-01", 2: "2026-01"}, {2: (5, 5)})
    assert find_body_paths({"a": 8, "b": 4, "c": 7}, {"a": 2, "c": 3}) == {"a": (8, 10)}


def key(text: str, kind: str = "paragraph", number: int = 5) -> int:
    return text_key(text, text_template(text), number, BLOCK_KINDS.index(kind))


def test_texts_that_differ_in_what_varies_have_one_key_but_for_tables_and_code():
    assert key("Published in issue 45, August 1999", number=1) == key("Published in issue 7, May 2001", number=2)
    assert key("Published in issue 45") != key("Printed in issue 45")
    assert key("More from the blog of whales", number=3) == 3
    assert [key("Total | 45", kind, number=4) for kind in ("table", "code")] == [4, 4]


def test_what_was_met_twice_or_more_is_named_and_of_the_rest_little():
    source = random.Random(7)
    numbers = [source.getrandbits(63) for _ in range(4_000)]
    seen_twice = SeenTwice(4_000)
    for met in (numbers, numbers[:100], *[numbers[:1]] * 300):
        seen_twice.add(np.zeros(len(met), np.int64), np.array(met))
    assert seen_twice.contains(np.array(numbers[:100])).all()
    assert seen_twice.contains(np.array(numbers[100:])).sum() < 2_000
    of_two_pages = SeenTwice(2)
    of_two_pages.add(np.array([0, 0, 1]), np.array([5, 6, 6]))
    assert of_two_pages.contains(np.array([5, 6])).tolist() == [False, True]


@pytest.mark.parametrize(
    ("flags", "text", "words", "is_restorable", "is_needed"),
    [
        (IS_LEFT_OUT, "two words", 2, True, True),
        (IS_LEFT_OUT, "one", 1, False, False),
        (IS_LEFT_OUT, "http://a.test", 1, True, True),
        (IS_LEFT_OUT, "https://a.test", 0, True, True),
        (IS_LEFT_OUT, "see https://a.test", 1, False, False),
        (IS_LEFT_OUT | IS_SHARED, "x", 8, True, True),
        (IS_LEFT_OUT | IS_SHARED, "https://a.test", 7, False, False),
        (IS_LEFT_OUT | IS_KEPT_ELSEWHERE, "x", 1, False, True),
        (IS_KEPT, "x", 9, False, True),
        (IS_SHARED, "x", 9, False, False),
    ],
)
def test_a_block_comes_back_by_its_words_or_as_an_address(flags, text, words, is_restorable, is_needed):
    assert (_is_restorable(flags, text, words), _is_needed(flags, text, words)) == (is_restorable, is_needed)


# Flags of texts that several pages have: looked up for what changed, they are those of the whole archive.

MENU = "Share this page"


def flags(archive: Archive) -> dict[int, int]:
    return dict(rows(archive, f"SELECT block_id, asked FROM {COMMON_TEXTS}"))


def concerned_hosts(archive: Archive, *, in_whole_archive: bool = False) -> frozenset[str]:
    create_kept_view(archive.db)
    hosts = find_common_texts(archive.db, in_whole_archive=in_whole_archive)
    drop_site_tables(archive.db)
    assert rows(archive, "SELECT name FROM temp.sqlite_master WHERE name LIKE 'settle%'") == []
    return hosts


@pytest.mark.parametrize(
    ("page", "hosts", "menu"),
    [
        pytest.param({"kept": [MENU]}, "abc", 4 + 8, id="kept somewhere at last"),
        pytest.param({"kept": [PROMO], "removed": (MENU,)}, "", 4, id="no flag changes"),
    ],
)
def test_hosts_are_concerned_whose_texts_have_other_flags(archive, make, page, hosts, menu):
    urls = [f"http://{host}.test/{number}" for host in "ab" for number in range(4)]
    settled(archive, make, *(make.outcome(url, f"Story of {url}", PROMO, removed=(MENU,)) for url in urls))
    assert flags(archive) == {block_id(MENU): 4, block_id(PROMO): 4 + 8 + 16}
    archive.save([make.outcome("http://c.test/1", "Another story", *page["kept"], removed=page.get("removed", ()))])
    assert concerned_hosts(archive) == {f"{host}.test" for host in hosts}
    assert flags(archive)[block_id(MENU)] == menu


def test_a_text_that_one_page_loses_concerns_the_one_that_still_has_it(archive, make):
    settled(archive, make, *(make.outcome(f"http://{n}.test/1", f"Story {n}", removed=(MENU,)) for n in "ab"))
    archive.save([make.outcome("http://a.test/1", "Story a")])
    assert concerned_hosts(archive) == {"b.test"}
    assert flags(archive) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_what_is_looked_up_bit_by_bit_is_what_the_whole_archive_gives(archive, make, seed):
    chance = random.Random(seed)
    texts = [f"Text number {number} of these few" for number in range(8)]
    urls = [f"http://{host}.test/{number}" for host in "abc" for number in range(3)]
    for _ in range(12):
        chosen = chance.sample(texts, 4)
        archive.save([make.outcome(chance.choice(urls), *chosen[:2], removed=tuple(chosen[2:]))])
        if chance.random() < 0.2:
            take_down(archive.db, chance.choice(urls))
        if chance.random() < 0.3:
            number = block_id(chance.choice(texts))
            if block_text(archive.db, number) is not None:
                store_ruling(archive.db, Ruling(number, False, ruled_at=make.clock()))
            archive.db.conn.commit()
        if chance.random() < 0.6:
            settle(archive.db, make.clock)
    settle(archive.db, make.clock)
    bit_by_bit = flags(archive)
    concerned_hosts(archive, in_whole_archive=True)
    assert flags(archive) == bit_by_bit != {}


def test_a_line_that_most_pages_remove_goes_from_the_others_and_comes_back_with_the_evidence(archive, make):
    line = "Give to this magazine today"
    archive.save(
        [
            *(removing(make, f"r{n}", line) for n in range(6)),
            *(article(make, f"k{n}", line) for n in range(3)),
            *others(make),
        ]
    )
    settled(archive, make)
    assert with_text(archive, line) == set()
    consensus = "SELECT count(*) FROM blocks WHERE rule = 'site/consensus'"
    assert rows(archive, consensus) == [(3,)]
    whole = state(archive)
    note_unsettled(archive.db)
    settled(archive, make)
    assert state(archive) == whole
    settled(archive, make, article(make, "k3", line))
    assert with_text(archive, line) == {"k0", "k1", "k2", "k3"}, "six pages remove it, four keep it"
    text = rows(archive, f"SELECT id FROM {BLOCK_TEXTS} WHERE text = ?", line)[0][0]
    settled(archive, make, removing(make, "k3", line))
    carry_out_ruling(archive.db, Ruling(text, is_kept=True, host="a.test", ruled_at=RULED_AT))
    settled(archive, make)
    assert len(with_text(archive, line)) == 10, "a person says otherwise"


def removing(make: Maker, name: str, line: str) -> Outcome:
    """Return an outcome whose page removes the line by itself, as an advertisement."""
    gone = Verdict(False, "advertisement", "layout/advertisement")
    return with_blocks(make.outcome(f"{SITE}/{name}", "x"), *paragraphs(name), (line, BODY, gone))
