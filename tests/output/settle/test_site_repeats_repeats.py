from __future__ import annotations

import random
from dataclasses import replace

import pytest

from broadsheet.cleaners.document import Block, BlockKind, PageType, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.person_verdicts import Ruling
from tests.internal_tables import BLOCK_EVIDENCE, BLOCKS, OWN_VERDICTS, SHELVED
from tests.output.cleaned_pages import cleaned_page, with_page

KEPT, GONE = Verdict(True, "selected", "extractor/selected"), Verdict(False, "share buttons", "share/icons")
BODY, BOX = "body>main>div.text>p", "body>main>div.box>p"
PROMO = "Support this magazine with a small gift"


def article(make, name, *blocks, at=None, **changes):
    """An outcome whose page has two paragraphs of its own and around them what is given as (text, path)."""
    url = f"http://a.test/{name}"
    paragraphs = [(" ".join(f"{name}{part}{n}" for n in range(40)), BODY) for part in "xy"]
    placed = [paragraphs[0], *(block for block in blocks if block[1] == "between"), paragraphs[1]]
    placed = [(text, BODY if path == "between" else path) for text, path in placed]
    placed += [block for block in blocks if block[1] != "between"]
    page_blocks = tuple(
        Block(n, BlockKind.PARAGRAPH, text, "", path) for n, (text, path) in enumerate([*placed, ("icons", BOX)])
    )
    verdicts = (*(KEPT for _ in placed), GONE)
    text, markdown = assemble(page_blocks, verdicts)
    outcome = make.outcome(url, "x", **changes)
    outcome = with_page(outcome, blocks=page_blocks, verdicts=verdicts, text=text, markdown=markdown)
    if at:
        capture = replace(outcome.capture, fetched_at=at, payload_digest=f"sha256:{at}")
        return replace(outcome, fetched_at=at, capture=capture)
    return outcome


def promoted(make, count, text=PROMO, path=BODY):
    return [article(make, f"n{n}", (text, path)) for n in range(count)]


def rows(archive, sql, *values):
    return archive.db.execute(sql, values).fetchall()


def with_promo(archive):
    return {url for (url,) in rows(archive, "SELECT url FROM articles WHERE text LIKE ?", f"%{PROMO}%")}


def state(archive):
    """Everything that settling decides, without times of changes."""
    return [
        rows(archive, "SELECT url, text, markdown, word_count FROM articles ORDER BY url"),
        rows(archive, f"SELECT url, text, why FROM {SHELVED} ORDER BY url"),
        rows(archive, f"SELECT url, position, kept, reason, rule, text, evidence FROM {BLOCKS} ORDER BY url, position"),
        rows(archive, f"SELECT * FROM {BLOCK_EVIDENCE} ORDER BY block_id, host"),
        rows(archive, f"SELECT page_id, position, kept FROM {OWN_VERDICTS} ORDER BY 1, 2") and None,
        rows(archive, "SELECT u.url, p.kept, p.removed, p.text_digest FROM pages p JOIN urls u USING (id) ORDER BY 1"),
    ]


def test_text_markdown_words_index_and_revision_follow(archive, make):
    archive.save(promoted(make, 2))
    revisions_before = rows(archive, "SELECT count(*) FROM revisions")
    settle(archive.db, make.clock)
    assert rows(archive, "SELECT count(*) FROM articles WHERE markdown LIKE ?", f"%{PROMO}%") == [(0,)]
    assert rows(archive, "SELECT DISTINCT word_count FROM articles") == [(80,)]
    assert rows(archive, "SELECT count(*) FROM articles_fts WHERE articles_fts MATCH 'magazine'") == [(0,)]
    assert rows(archive, "SELECT count(*) FROM revisions") == revisions_before
    assert rows(archive, "SELECT change, count(*) FROM changes GROUP BY 1 ORDER BY 1") == [("added", 2), ("changed", 2)]
    assert rows(archive, "SELECT DISTINCT kept, removed FROM pages") == [(2, 2)]


def test_it_comes_back_when_the_share_falls(archive, make):
    pages = promoted(make, 2)
    archive.save(pages)
    first = rows(archive, "SELECT url, text, markdown FROM articles ORDER BY url")
    settle(archive.db, make.clock)
    archive.save([article(make, f"other{n}") for n in range(9)])
    settle(archive.db, make.clock)
    assert with_promo(archive) == {page.url for page in pages}
    urls = [url for page in pages for url in (page.url,)]
    restored_rows = rows(archive, "SELECT url, text, markdown FROM articles WHERE url IN (?, ?) ORDER BY url", *urls)
    assert restored_rows == first
    assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") == [(0,)]
    assert rows(archive, f"SELECT DISTINCT kept, reason, evidence FROM {BLOCKS} WHERE text = ?", PROMO) == [
        (1, "selected", '{"pages":2,"of_pages":11,"since":"2026-01-01"}')
    ]


def test_what_repeats_within_the_text_is_kept_and_marked(archive, make):
    archive.save([article(make, f"n{n}", ("Let us ask her", "between")) for n in range(6)])
    assert settle(archive.db, make.clock).repeated_blocks == 0
    assert rows(archive, f"SELECT DISTINCT kept, reason, evidence FROM {BLOCKS} WHERE text = 'Let us ask her'") == [
        (1, "selected", '{"pages":6,"of_pages":6,"since":"2026-01-01"}')
    ]


LINE, TEASER = "Talk about this article with us", Verdict(False, "other articles", "context/teaser")
NOTE = "Ada was born by the sea and came to us late"


def closed(make, name, *blocks, line=TEASER):
    """A page by Ada Okoro with a line below its text, which the page removed if it has such a verdict, and blocks below
    that."""
    outcome = article(make, name, (LINE, BODY), *((text, BODY) for text in blocks))
    verdicts = (KEPT, KEPT, line, *(KEPT for _ in blocks), GONE)
    text, markdown = assemble(cleaned_page(outcome).blocks, verdicts)
    metadata = replace(outcome.page.metadata, authors=("Ada Okoro",))
    return with_page(outcome, verdicts=verdicts, text=text, markdown=markdown, metadata=metadata)


def test_a_note_on_the_author_below_the_sites_line_goes_though_the_page_removed_the_line(archive, make):
    archive.save([closed(make, f"n{n}", line=KEPT) for n in range(3)])
    noted = closed(make, "noted", NOTE, "She lives there still and keeps goats")
    plain = closed(make, "plain", "We saw the sea and it was late")
    archive.save([noted, plain])
    settle(archive.db, make.clock)
    query = "SELECT position, reason, rule FROM removed WHERE url = ? AND rule LIKE 'site/%' ORDER BY 1"
    removed = [(3, "about the author", "site/closing-note"), (4, "about the author", "site/closing-note")]
    assert rows(archive, query, noted.url) == removed
    assert rows(archive, query, plain.url) == []
    [(block,)] = rows(archive, "SELECT block_id FROM removed WHERE text = ?", NOTE)
    carry_out_ruling(archive.db, Ruling(block, True, ruled_at="2026-03-01T00:00:00+00:00"))
    assert NOTE in rows(archive, "SELECT text FROM articles WHERE url = ?", noted.url)[0][0]
    assert verify(archive.db) == []


def test_the_note_returns_when_the_line_is_the_sites_no_more(archive, make):
    archive.save([*(closed(make, f"n{n}", line=KEPT) for n in range(3)), noted := closed(make, "noted", NOTE)])
    settle(archive.db, make.clock)
    with_note = "SELECT url FROM articles WHERE text LIKE ?"
    assert rows(archive, with_note, f"%{NOTE}%") == []
    archive.save([article(make, f"other{n}") for n in range(9)])
    settle(archive.db, make.clock)
    assert rows(archive, with_note, f"%{NOTE}%") == [(noted.url,)]
    assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") == [(0,)]


@pytest.mark.parametrize("is_last", [True, False], ids=["the note last", "the note first"])
def test_a_note_goes_in_whatever_order_its_page_came(tmp_path, make, is_last):
    lines, noted = [closed(make, f"n{n}", line=KEPT) for n in range(3)], [closed(make, "noted", NOTE)]
    with Archive.open(tmp_path / "at-once.db", make.clock) as at_once:
        at_once.save([*lines, *noted])
        settle(at_once.db, make.clock)
        expected_state = state(at_once)
    with Archive.open(tmp_path / "in-turn.db", make.clock) as in_turn:
        for page in [*lines, *noted] if is_last else [*noted, *lines]:
            in_turn.save([page])
            settle(in_turn.db, make.clock)
        assert state(in_turn) == expected_state
        assert rows(in_turn, "SELECT count(*) FROM removed WHERE rule = 'site/closing-note'") == [(1,)]


def test_copies_of_an_article_count_once(archive, make):
    original = article(make, "n1", (PROMO, BODY))
    copy = article(make, "copy-of-n1", (PROMO, BODY))
    copy = with_page(copy, replace(cleaned_page(original), url=copy.url))
    archive.save([original, copy])
    result = settle(archive.db, make.clock)
    assert (result.duplicate_pages, result.repeated_blocks) == (1, 0)
    archive.save([article(make, "n2", (PROMO, BODY))])
    assert settle(archive.db, make.clock).repeated_blocks == 3
    assert rows(archive, f"SELECT count(*) FROM {SHELVED} WHERE text LIKE ?", f"%{PROMO}%") == [(0,)]


def test_what_settling_takes_out_makes_no_copies(archive, make):
    """Two pages that are nearly one text only without their promo stay two, however often it is settled."""
    note = " ".join(f"note{n}" for n in range(20))
    first = article(make, "n1", (note, BODY))
    second = article(make, "n2")
    blocks = (*cleaned_page(first).blocks[:2], *cleaned_page(second).blocks[2:])
    text, markdown = assemble(blocks, cleaned_page(second).verdicts)
    canonical = replace(second.page.metadata, canonical_url=first.url)
    second = with_page(second, blocks=blocks, text=text, markdown=markdown, metadata=canonical)
    archive.save([first, second, *(article(make, f"m{n}", (note, BODY)) for n in range(9))])
    assert settle(archive.db, make.clock).duplicate_pages == 0
    assert note not in rows(archive, "SELECT text FROM articles WHERE url = ?", first.url)[0][0]
    assert settle(archive.db, make.clock).duplicate_pages == 0


def test_an_issue_in_full_is_no_evidence_against_its_articles(archive, make):
    parts = [article(make, f"n{n}") for n in range(3)]
    texts = [(block.text, BODY) for part in parts for block in cleaned_page(part).blocks[:2]]
    issue = article(make, "issue")
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text, "", path) for n, (text, path) in enumerate(texts))
    verdicts = (KEPT,) * len(blocks)
    text, markdown = assemble(blocks, verdicts)
    issue = with_page(issue, blocks=blocks, verdicts=verdicts, text=text, markdown=markdown)
    archive.save([*parts, issue])
    result = settle(archive.db, make.clock)
    assert (result.list_pages, result.repeated_blocks) == (1, 0)


@pytest.mark.parametrize("seed", range(4))
def test_neither_order_nor_settling_between_matters(tmp_path, make, seed):
    def pages():
        outcomes = [
            article(
                make, f"n{n}", *[(PROMO, BODY)] * (n % 3 != 0), (f"Page {n} of 9", BOX), at=f"2026-02-0{n + 1}T00:00"
            )
            for n in range(9)
        ]
        copy = article(make, "copy", at="2026-02-10T00:00")
        return [*outcomes, with_page(copy, replace(cleaned_page(outcomes[1]), url=copy.url))]

    def result(name, shuffled):
        with Archive.open(tmp_path / name, make.clock) as archive:
            order = pages()
            random.Random(seed).shuffle(order) if shuffled else None
            for page in order:
                archive.save([page])
                if shuffled and seed % 2:
                    settle(archive.db, make.clock)
            settle(archive.db, make.clock)
            assert verify(archive.db) == []
            assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") > [(9,)]
            return state(archive)[:4] + [row[:3] for row in state(archive)[5]]

    assert result("one.db", False) == result("two.db", True)


def test_fetching_again_under_the_same_evidence_makes_no_revision(archive, make):
    archive.save(promoted(make, 3))
    settle(archive.db, make.clock)
    state_before, changes = state(archive), archive.db["changes"].count
    archive.save(promoted(make, 3))  # new captures with the same text
    assert state(archive) == state_before
    settle(archive.db, make.clock)
    assert state(archive) == state_before
    assert archive.db["changes"].count == changes
    assert rows(archive, "SELECT DISTINCT change FROM revisions") == [("first",)]


def test_a_new_text_is_one_revision_without_the_promo(archive, make):
    archive.save(promoted(make, 3))
    settle(archive.db, make.clock)
    new = article(make, "n0", ("Something new was added at the end of it all", "between"), (PROMO, BODY))
    archive.save([new])
    assert with_promo(archive) == set()
    settle(archive.db, make.clock)
    assert with_promo(archive) == set()
    [(digests,)] = rows(archive, "SELECT count(DISTINCT text_digest) FROM revisions WHERE change <> 'first'")
    assert digests == 1
    assert verify(archive.db) == []


def test_a_persons_ruling_stands_above(archive, make):
    pages = promoted(make, 3)
    archive.save(pages)
    settle(archive.db, make.clock)
    [(block,)] = rows(archive, "SELECT DISTINCT block_id FROM removed WHERE text = ?", PROMO)
    ruling = Ruling(block, True, ruled_at="2026-03-01T00:00:00+00:00")
    carry_out_ruling(archive.db, ruling)
    assert len(with_promo(archive)) == 3
    settle(archive.db, make.clock)
    assert len(with_promo(archive)) == 3
    carry_out_ruling(archive.db, ruling, undo=True)
    assert with_promo(archive) == set()
    assert verify(archive.db) == []


def test_the_evidence_changes_below_a_ruling(archive, make):
    archive.save(promoted(make, 2))
    settle(archive.db, make.clock)
    [(block,)] = rows(archive, "SELECT DISTINCT block_id FROM removed WHERE text = ?", PROMO)
    ruling = Ruling(block, False, ruled_at="2026-03-01T00:00:00+00:00")
    carry_out_ruling(archive.db, ruling)
    archive.save([article(make, f"other{n}") for n in range(9)])
    settle(archive.db, make.clock)
    assert with_promo(archive) == set()
    carry_out_ruling(archive.db, ruling, undo=True)
    assert len(with_promo(archive)) == 2
    assert verify(archive.db) == []


def test_a_page_that_is_no_article_any_more_leaves_nothing(archive, make):
    pages = promoted(make, 2)
    archive.save(pages)
    settle(archive.db, make.clock)
    other_page = with_page(pages[0], make.cleaned(pages[0].url, "x", page_type=PageType.OTHER))
    archive.save([other_page])  # the same capture, judged again
    settle(archive.db, make.clock)
    assert with_promo(archive) == {pages[1].url}
    assert rows(archive, f"SELECT count(*) FROM {OWN_VERDICTS}") == [(0,)]
    assert rows(archive, f"SELECT count(*) FROM {BLOCK_EVIDENCE}") == [(0,)]


@pytest.mark.slow
def test_many_pages_settle_in_seconds(archive, make):
    import time

    archive.save([article(make, f"n{n}", (PROMO, BODY), (f"Page {n}", BOX)) for n in range(2000)])
    started = time.process_time()
    assert settle(archive.db, make.clock).repeated_blocks == 4000
    assert time.process_time() - started < 60
