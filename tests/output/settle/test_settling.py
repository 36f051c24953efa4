from __future__ import annotations

import itertools

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.unsettled import note_settled
from broadsheet.output.write.archive_writer import Archive
from tests.output.cleaned_pages import page_rows as rows_of
from tests.output.filled_rows import put

A, B, C = "http://a.test/story", "http://a.test/mirror/story", "http://a.test/p?id=1"


def shown(archive):
    return sorted(url for (url,) in archive.db.execute("SELECT url FROM articles"))


def page_rows(archive):
    sql = """SELECT u.url, u.reason, p.page_type, p.own_type, p.evidence, p.article_id FROM pages p
        JOIN urls u USING (id) ORDER BY u.url"""
    return archive.db.execute(sql).fetchall()


def test_settling_again_changes_nothing(archive, make, words):
    archive.save([*issue(make, words), make.outcome(B, words("a", 30), words("a2", 30))])
    settle(archive.db, make.clock)
    dump_before = "\n".join(archive.db.iterdump())
    result = settle(archive.db, make.clock)
    assert (result.removed_articles, result.returned_articles, result.rewritten_rows) == (0, 0, 0)
    assert "\n".join(archive.db.iterdump()) == dump_before


ISSUE = "http://a.test/issue"


def issue(make, words, **changes):
    """A page that repeats three articles, and the three."""
    parts = {name: (words(name, 30), words(f"{name}2", 30)) for name in "abc"}
    whole = [text for pair in parts.values() for text in pair]
    pages = [make.outcome(f"http://a.test/{name}", *pair) for name, pair in parts.items()]
    return [make.outcome(ISSUE, "Issue seven", *whole, **changes), *pages]


def test_the_evidence_says_how_many_articles_it_repeats_now(archive, make, words):
    whole, *parts = issue(make, words)
    fourth_text = words("d", 30)
    whole = make.outcome(
        ISSUE, "Issue seven", *(words(f"{name}{end}", 30) for name in "abc" for end in ("", "2")), fourth_text
    )

    def evidence():
        settle(archive.db, make.clock)
        return [row[4] for row in page_rows(archive) if row[0] == ISSUE]

    archive.save([whole, *parts])
    assert evidence() == ['["words=9", "repeats=3 articles"]']
    archive.save([make.outcome("http://a.test/d", fourth_text)])
    assert evidence() == ['["words=9", "repeats=4 articles"]']
    archive.save([make.outcome("http://a.test/d", words("other", 30))])
    assert evidence() == ['["words=9", "repeats=3 articles"]']


def test_it_is_an_article_again_when_what_it_repeats_goes(archive, make, words):
    whole, *parts = issue(make, words)
    archive.save([whole, *parts])
    [row_before] = archive.db["articles"].rows_where("url = ?", [ISSUE])
    settle(archive.db, make.clock)
    for part in parts:  # the same captures, judged again
        object.__setattr__(part, "page", rows_of(make.cleaned(part.url, "x", page_type=PageType.OTHER)))
    archive.save(parts)
    assert settle(archive.db, make.clock).returned_articles == 1
    [row_after] = archive.db["articles"].rows_where("url = ?", [ISSUE])
    assert row_after == row_before
    [row] = [row for row in page_rows(archive) if row[0] == ISSUE]
    assert row[1:5] == ("article", "article", "article", '["words=9"]')
    assert verify(archive.db) == []


def test_a_fetch_of_a_settled_page_does_not_undo_it(archive, make, words):
    whole, *parts = issue(make, words)
    archive.save([whole, *parts])
    settle(archive.db, make.clock)
    rows_before, texts = page_rows(archive), shown(archive)
    changes = archive.db["changes"].count
    archive.save([issue(make, words)[0]])
    assert shown(archive) == texts
    settle(archive.db, make.clock)
    assert page_rows(archive) == rows_before
    assert archive.db["changes"].count == changes


def test_copies_of_an_article_are_not_evidence_against_it(archive, make, words):
    archive.save([make.outcome(url, words("w", 50), words("v", 50)) for url in (A, B, C)])
    result = settle(archive.db, make.clock)
    assert (result.list_pages, result.duplicate_pages) == (0, 2)


@pytest.mark.slow
@pytest.mark.parametrize("order", list(itertools.permutations(range(5)))[::17])
def test_the_order_of_the_crawl_does_not_matter(tmp_path, make, words, order):
    def result(name, order, between):
        with Archive.open(tmp_path / name, make.clock) as archive:
            pages = [*issue(make, words), make.outcome(B, words("a", 30), words("a2", 30), canonical="http://a.test/a")]
            for index in order:
                archive.save([pages[index]])
                if between:
                    settle(archive.db, make.clock)
            settle(archive.db, make.clock)
            rows = archive.db.execute("SELECT id, url, text, page_type FROM articles ORDER BY id").fetchall()
            return rows, page_rows(archive)

    assert result("one.db", range(5), False) == result("two.db", order, True)


@pytest.mark.slow
def test_settling_many_pages_is_quick(archive, make, words):
    import time

    menu = tuple(words(f"menu{n}", 9) for n in range(20))
    pages = [
        make.outcome(f"http://a.test/{n}", *(words(f"t{n}p{k}", 12) for k in range(8)), removed=menu)
        for n in range(400)
    ]
    archive.save(pages)
    started = time.process_time()
    assert settle(archive.db, make.clock).articles == 400
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("url", "page_type", "held_reason", "reason"),
    [
        ({}, "list", "list", "list"),
        ({"fetched_at": "u"}, "list", "list", "article"),
        ({"held_at": None, "fetched_at": None}, "list", "list", "list"),
        ({"state": "failed"}, "list", "list", "article"),
        ({"held_reason": "teaser"}, "article", "article", "article"),
        ({"held_reason": "gallery"}, "other", "other", "other"),
        ({"held_reason": "redirect"}, "list", "redirect", "article"),
        ({}, "article", "article", "article"),
    ],
)
def test_a_url_has_the_settled_type_as_reason_where_its_page_is_what_it_gave_last(
    archive, url, page_type, held_reason, reason
):
    db = archive.db
    db.execute("PRAGMA foreign_keys = OFF")
    row = {"kind": "page", "state": "done", "reason": "article", "held_reason": "article", "held_at": "t"}
    put(db, "urls", 1, id=1, **(row | {"fetched_at": "t"} | url))
    put(db, "urls", 2, id=2, **(row | {"fetched_at": "t"}))
    put(db, "pages", 1, id=1, own_type="article", page_type=page_type)
    put(db, "pages", 2, id=2, own_type="list", page_type="list")
    note_settled(db)
    db.conn.commit()
    settle(db)
    found = db.execute("SELECT held_reason, reason FROM urls ORDER BY id").fetchall()
    assert found == [(held_reason, reason), ("article", "article")]
