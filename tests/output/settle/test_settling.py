from __future__ import annotations

import itertools
import json

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.cleaned_pages import page_rows as rows_of

A, B, C = "http://a.test/story", "http://a.test/mirror/story", "http://a.test/p?id=1"


def shown(archive):
    return sorted(url for (url,) in archive.db.execute("SELECT url FROM articles"))


def urls_of(archive, url):
    sql = "SELECT u.url FROM _article_urls u JOIN articles a ON a.id = u.article_id WHERE a.url = ? ORDER BY u.url"
    return [article_url for (article_url,) in archive.db.execute(sql, [url])]


def page_rows(archive):
    sql = """SELECT u.url, u.reason, p.page_type, p.own_type, p.evidence, p.article_id FROM pages p
        JOIN urls u USING (id) ORDER BY u.url"""
    return archive.db.execute(sql).fetchall()


def test_one_text_at_two_paths_is_one_article_with_both_urls(archive, make, words):
    archive.save([make.outcome(url, words("w")) for url in (B, A, C)])
    result = settle(archive.db, make.clock)
    assert shown(archive) == [A]
    assert urls_of(archive, A) == sorted([A, B, C])
    assert (result.articles, result.duplicate_pages, result.removed_articles) == (1, 2, 2)
    assert archive.db.execute("SELECT change FROM changes WHERE seq > 3").fetchall() == [("removed",)] * 2
    assert verify(archive.db) == []


def test_the_canonical_url_names_it_although_it_is_longer(archive, make, words):
    archive.save([make.outcome(A, words("w"), canonical=B), make.outcome(B, words("w"), canonical=B)])
    settle(archive.db, make.clock)
    assert shown(archive) == [B]


def test_a_canonical_url_that_was_not_fetched_names_nothing(archive, make, words):
    archive.save([make.outcome(url, words("w"), canonical="http://a.test/none") for url in (A, B)])
    settle(archive.db, make.clock)
    assert shown(archive) == [A]


def test_canonical_pages_with_nearly_the_same_text_are_one(archive, make, words):
    archive.save([make.outcome(A, words("w", 60) + " seen 17 times"), make.outcome(B, words("w", 60), canonical=A)])
    settle(archive.db, make.clock)
    assert shown(archive) == [A]


def test_a_canonical_url_alone_joins_nothing(archive, make, words):
    home_url = "http://a.test/"
    archive.save([make.outcome(url, words(url[-3:]), canonical=home_url) for url in (A + "1", A + "2", A + "3")])
    assert settle(archive.db, make.clock).duplicate_pages == 0


def test_nearly_the_same_text_without_canonical_stays_two(archive, make, words):
    archive.save([make.outcome(A, words("w", 60) + " one"), make.outcome(B, words("w", 60))])
    assert settle(archive.db, make.clock).duplicate_pages == 0


def test_short_texts_need_the_same_title(archive, make):
    archive.save([make.outcome(A, "No comment.", title="x"), make.outcome(B, "No comment.", title="y")])
    assert settle(archive.db, make.clock).duplicate_pages == 0
    archive.save([make.outcome(C, "No comment.", title="x")])
    assert settle(archive.db, make.clock).duplicate_pages == 1


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


def test_a_page_that_only_repeats_articles_is_a_list(archive, make, words):
    archive.save(issue(make, words))
    result = settle(archive.db, make.clock)
    assert result.list_pages == 1
    assert ISSUE not in shown(archive)
    [row] = [row for row in page_rows(archive) if row[0] == ISSUE]
    assert row[1:4] == ("list", "list", "article")
    assert json.loads(row[4]) == ["words=9", "repeats=3 articles"]
    assert row[5] is None
    assert verify(archive.db) == []


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


def test_an_article_that_quotes_one_other_at_length_stays(archive, make, words):
    archive.save([make.outcome(A, words("a", 80)), make.outcome(B, words("a", 80), words("own", 15))])
    assert settle(archive.db, make.clock).list_pages == 0


def test_a_view_of_all_parts_of_one_article_stays(archive, make, words):
    parts = [words(name, 40) for name in "abc"]
    archive.save([make.outcome(f"{A}/{n}", text, title="Long read") for n, text in enumerate(parts)])
    archive.save([make.outcome(f"{A}/all", *parts, title="Long read")])
    assert settle(archive.db, make.clock).list_pages == 0


def test_furniture_that_was_kept_by_mistake_is_no_evidence(archive, make, words):
    prompts = [words(f"give{n}", 20) for n in range(3)]
    archive.save([make.outcome(f"{A}/{n}", *prompts, words(f"x{n}x", n % 9 + 3)) for n in range(60)])
    assert settle(archive.db, make.clock).list_pages == 0


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


def test_an_archive_that_is_settled_is_not_judged_again(archive, make, words, monkeypatch):
    archive.save([make.outcome(A, words("a"))])
    settle(archive.db, make.clock)
    monkeypatch.delattr("broadsheet.output.settle.settling._judge_stale_pages")
    assert settle(archive.db, make.clock).articles == 1
