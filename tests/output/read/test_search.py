import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadsheet.output.read import search as search_module
from broadsheet.output.read.search import hits_of_articles, match_expression, rank_articles, search


@pytest.fixture
def filled(archive, make):
    archive.save(
        [
            make.outcome("http://a.test/zh", "政府昨日宣布新的气候政策，预计明年实施。", title="气候"),
            make.outcome("http://a.test/ja", "東京都庁の人工知能について。", title="発表\x1b[31m"),
            make.outcome("http://a.test/en", "The harbour was\nclosed by the council.", title="Harbour"),
            make.outcome("http://a.test/e2", "A council met near the harbour wall.", title="Wall"),
        ]
    )
    return archive


def found_urls(archive, query, limit=20):
    return [hit.url[-2:] for hit in search(archive.db, query, limit)]


@pytest.mark.parametrize(
    ("query", "urls"),
    [
        ("harbour", ["en", "e2"]), ("HARBOUR council", ["en", "e2"]), ('"harbour wall"', ["e2"]), ("harb", []),
        ("harb*", ["en", "e2"]), ("气候政策", ["zh"]), ("政策气候", []), ("人工知能", ["ja"]), ("庁", ["ja"]),
        ("東京 知能", ["ja"]), ("", []), ("\"'*()-", []),
    ],
)  # fmt: skip
def test_queries(filled, query, urls):
    assert found_urls(filled, query) == urls
    assert found_urls(filled, query, 1) == urls[:1]


def test_snippets_are_one_line_and_mark_what_matched(filled):
    assert [hit.snippet for hit in search(filled.db, "closed")] == ["The harbour was [closed] by the council."]
    [hit] = search(filled.db, "知能")
    assert "人工[知能]について" in hit.snippet
    assert "\x1b" not in hit.title


@pytest.mark.parametrize(
    "query", ['"', "AND", "a AND", "NEAR(", "title:", "x^2", "-", "a-b", "col:x", "{a b}: c", '""', "\0"]
)
def test_fts_syntax_is_only_text(filled, query):
    assert isinstance(found_urls(filled, query), list)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50, deadline=None
)
@given(st.text(max_size=30))
def test_no_query_is_an_error(filled, query):
    found_urls(filled, query)


def test_characters_are_asked_for_as_pairs_and_a_word_that_comes_twice_once():
    assert match_expression("ai人工知能") == '"ai" AND "人工 工知 知能"'
    assert match_expression('harb* e* harb* "the wall" e*') == '"harb"* AND "e"* AND "the wall"'


@pytest.mark.parametrize("query", ["harb*", "h* c*", "庁", "harbour", '"harbour wall"', "nothing*"])
def test_hits_of_articles_are_those_of_the_search(filled, query):
    hits = {hit.id: hit for hit in search(filled.db, query)}
    assert hits_of_articles(filled.db, query, hits) == hits
    [first, *others] = [number for (number,) in filled.db.execute("SELECT id FROM articles ORDER BY id")]
    assert set(hits_of_articles(filled.db, query, others)) == set(hits) - {first}


def test_the_lists_of_words_that_begin_so_are_joined_once_for_all_articles(filled):
    ids = [number for (number,) in filled.db.execute("SELECT id FROM articles")]
    statements = []
    filled.db.conn.set_trace_callback(statements.append)
    hits = hits_of_articles(filled.db, "h* c*", ids)
    filled.db.conn.set_trace_callback(None)
    assert (len(hits), len([text for text in statements if "snippet(" in text])) == (2, 1)


def ranked_titles(archive, query, limit):
    titles = dict(archive.db.execute("SELECT id, title FROM articles").fetchall())
    return [titles[article_id] for article_id in rank_articles(archive.db, query, limit)]


def test_of_many_matches_those_in_the_title_go_first_and_a_sample_of_the_others_follows(archive, make, monkeypatch):
    outcomes = [make.outcome(f"http://a.test/{number}", f"{'harbour ' * number}wall", title=f"Page {number}")
                for number in range(1, 9)]  # fmt: skip
    archive.save([*outcomes, make.outcome("http://a.test/t", "of a wall", title="The harbour")])
    whole = ranked_titles(archive, "harbour", 20)
    assert (len(whole), whole[0]) == (9, "The harbour")
    monkeypatch.setattr(search_module, "_BOUND", search_module._BOUND.replace("20000", "4"))
    sampled = ranked_titles(archive, "harbour", 20)
    assert sampled[0] == "The harbour"
    assert len(sampled) in (4, 5)
    assert [title for title in whole if title in sampled] == sampled
    assert ranked_titles(archive, "harbour", 1) == ["The harbour"]
    assert ranked_titles(archive, "harbour absent", 20) == []


@pytest.mark.parametrize(
    ("text", "query", "snippet"),
    [
        (f"{'前' * 40}知能{'後' * 40}", "知能", f"…{'前' * 30}\x02知能\x03{'後' * 30}…"),
        (f"{'前' * 30}知能{'後' * 30}", "知能", f"{'前' * 30}\x02知能\x03{'後' * 30}"),
        ("ABC 知能", "知能 abc", "\x02ABC\x03 知能"),
        ("知能 発表", '"発表" 知*', "\x02知\x03能 発表"),
        ("前" * 60, "知", "前" * 60),
        ("前" * 61, "知", f"{'前' * 60}…"),
    ],
)
def test_a_snippet_without_spaces_is_a_window_around_the_first_match(text, query, snippet):
    assert search_module._cjk_snippet(text, query) == snippet
