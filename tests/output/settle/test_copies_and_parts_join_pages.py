"""Articles in several pages: joined when all are in, apart again when they are not."""

from __future__ import annotations

import itertools

import pytest

from broadsheet.cleaners.document import Outlink
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Ruling
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import ARTICLE_URLS, BLOCK_TEXTS, PAGE_PARTS, SHELVED
from tests.output.filled_rows import put

ONE, TWO, THREE, ALL = (f"http://a.test/story{end}" for end in ("", "?page=2", "?page=3", "/print"))
TITLE = "The long story of the wall"


def leads(*urls: str, rel: str = "next", via: str = "next") -> tuple[Outlink, ...]:
    return tuple(Outlink(url, "", (rel,) if rel else (), via) for url in urls)


@pytest.fixture
def three(make, words):
    """The outcomes of an article in three pages; the standfirst stands on each, and so does a short line."""

    def of(title: str = TITLE, urls: tuple[str, str, str] = (ONE, TWO, THREE)):
        following = (leads(urls[1]), leads(urls[2], urls[0]), leads(urls[1], rel="prev"))
        return [
            make.outcome(
                url, "A standfirst of the wall.", words(f"part{n}", 30), "So it goes.", title=title, outlinks=links
            )
            for n, (url, links) in enumerate(zip(urls, following, strict=True))
        ]

    return of


def articles(archive: Archive) -> dict[str, str]:
    return dict(archive.db.execute("SELECT url, text FROM articles").fetchall())


def whole(words) -> str:
    short = "So it goes."
    return "\n".join(
        ("A standfirst of the wall.", *(line for n in range(3) for line in (words(f"part{n}", 30), short)))
    )


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_pages_of_one_article_become_one_whatever_their_order(archive, make, words, three, order):
    outcomes = three()
    for index in order:
        archive.save([outcomes[index]])
    settle(archive.db, make.clock)
    assert articles(archive) == {ONE: whole(words)}
    shelved = archive.db.execute(f"SELECT url, why FROM {SHELVED} ORDER BY url").fetchall()
    assert shelved == [(TWO, "part"), (THREE, "part")]
    urls = archive.db.execute(f"SELECT url FROM {ARTICLE_URLS} ORDER BY url").fetchall()
    assert urls == [(ONE,), (TWO,), (THREE,)]
    assert verify(archive.db) == []
    (markdown, count) = archive.db.execute("SELECT markdown, word_count FROM articles").fetchone()
    assert markdown.count("A standfirst") == 1
    assert count == len(whole(words).split())


def test_pages_fetched_again_change_nothing(archive, make, words, three):
    archive.save(three())
    settle(archive.db, make.clock)
    revisions = archive.db.execute("SELECT count(*) FROM revisions").fetchone()
    changes = archive.db.execute("SELECT count(*) FROM changes").fetchone()
    archive.save(three())
    settle(archive.db, make.clock)
    assert articles(archive) == {ONE: whole(words)}
    assert archive.db.execute("SELECT count(*) FROM revisions").fetchone() == revisions
    assert archive.db.execute("SELECT count(*) FROM changes").fetchone() == changes


def test_what_is_a_part_no_more_comes_back(archive, make, words, three):
    archive.save(three())
    settle(archive.db, make.clock)
    archive.save([make.outcome(TWO, words("other", 40), title="Something else")])
    settle(archive.db, make.clock)
    texts = articles(archive)
    assert set(texts) == {ONE, TWO, THREE}
    assert "part0" in texts[ONE]
    assert "part1" not in texts[ONE]
    assert verify(archive.db) == []


def test_why_an_article_is_shelved_is_said_anew_when_the_reason_changes(archive, make, words, three):
    """The second page of an article is first a copy of another page, then a part, and a copy again."""

    def reasons() -> dict[str, str]:
        settle(archive.db, make.clock)
        return dict(archive.db.execute(f"SELECT url, why FROM {SHELVED}").fetchall())

    outcomes, copy_url = three(), "http://a.test/b"
    copied_texts = ("A standfirst of the wall.", words("part1", 30), "So it goes.")
    archive.save([outcomes[1], make.outcome(copy_url, *copied_texts, title=TITLE)])
    assert reasons() == {TWO: "duplicate"}
    archive.save([outcomes[0], outcomes[2], make.outcome(copy_url, words("another", 40), title="Another")])
    assert reasons() == {TWO: "part", THREE: "part"}
    archive.save([make.outcome(copy_url, *copied_texts, title=TITLE)])
    assert reasons()[TWO] == "duplicate"


def test_the_whole_article_takes_the_place_of_its_parts(archive, make, words, three):
    outcomes = three()
    links = [*leads(ALL, rel="", via="single_page")]
    archive.save([make.outcome(ONE, words("part0", 30), title=TITLE, outlinks=(*leads(TWO), *links)), outcomes[1]])
    archive.save([make.outcome(TWO, words("part1", 30), title=TITLE, outlinks=tuple(links))])
    archive.save([make.outcome(ALL, *(words(f"part{n}", 30) for n in range(3)), title=TITLE)])
    settle(archive.db, make.clock)
    assert list(articles(archive)) == [ALL]
    assert verify(archive.db) == []
    archive.save([make.outcome(ALL, words("elsewhere", 90), title="Not the story")])
    settle(archive.db, make.clock)
    assert ONE in articles(archive)


def test_a_takedown_takes_all_parts(archive, make, three):
    archive.save(three())
    settle(archive.db, make.clock)
    take_down(archive.db, ONE, clock=make.clock)
    assert articles(archive) == {}
    assert archive.db.execute(
        f"SELECT (SELECT count(*) FROM {SHELVED}), (SELECT count(*) FROM {PAGE_PARTS})"
    ).fetchone() == (0, 0)
    assert archive.db.execute(f"SELECT count(*) FROM {BLOCK_TEXTS}").fetchone() == (0,)


def test_a_block_restored_in_a_part_comes_into_the_article(archive, make, words):
    gone = "A paragraph that was taken out of the second page by mistake."
    archive.save([make.outcome(ONE, words("one", 30), title=TITLE, outlinks=leads(TWO))])
    archive.save([make.outcome(TWO, words("two", 30), removed=(gone,), title=TITLE)])
    settle(archive.db, make.clock)
    ruling = Ruling(block_id(gone), is_kept=True, ruled_at=make.clock())
    carry_out_ruling(archive.db, ruling)
    assert articles(archive)[ONE].endswith(gone)
    settle(archive.db, make.clock)
    assert articles(archive)[ONE].endswith(gone)
    assert verify(archive.db) == []
    carry_out_ruling(archive.db, ruling, undo=True)
    assert gone not in articles(archive)[ONE]


@pytest.mark.parametrize(
    ("state", "reason", "is_awaited"),
    [("queued", "", True), ("skipped", "limit", True), ("skipped", "robots", False), ("failed", "limit", False)],
)
def test_a_next_page_is_awaited_while_it_is_queued_or_left_for_the_limit(
    archive, make, words, state, reason, is_awaited
):
    archive.save([make.outcome(ONE, words("one", 30), title=TITLE, outlinks=leads(TWO))])
    archive.save([make.outcome(TWO, words("two", 30), title=TITLE, outlinks=leads(THREE))])
    with archive.db.conn:
        put(archive.db, "urls", 9, url=THREE, host="a.test", kind="page", state=state, reason=reason)
    settle(archive.db, make.clock)
    assert (TWO in articles(archive)) is is_awaited
