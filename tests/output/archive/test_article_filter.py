import json

import pytest

from broadsheet.output.archive.article_filter import (
    ArticleBounds,
    find_known_url,
    find_titled,
    host_condition,
    permitting_condition,
    primary_tag,
    read_day,
)
from tests.output.filled_rows import put

ARTICLES = {
    "a": {"host": "a.test", "published_day": "2024-01-31", "language": "en", "section": "News"},
    "b": {"host": "www.a.test", "published_day": "2024-02-01", "language": "de", "section": "Sport"},
    "c": {"host": "ba.test", "published_day": None, "language": None, "section": "Investigación"},
}


@pytest.mark.parametrize(
    ("bounds", "names"),
    [
        ({}, "abc"),
        ({"host": "a.test"}, "ab"),
        ({"host": "www.a.test"}, "b"),
        ({"host": "%"}, ""),
        ({"since": "2024-02"}, "b"),
        ({"until": "2024-01"}, "a"),
        ({"until": "2024-01-30"}, ""),
        ({"since": "2024", "until": "2024"}, "ab"),
        ({"languages": ("en", "fr")}, "a"),
        ({"section": "sport"}, "b"),
        ({"section": "INVESTIGACIÓN"}, "c"),
        ({"host": "a.test", "languages": ("de",), "section": "Sport"}, "b"),
    ],
)
def test_bounds(archive, make, bounds, names):
    archive.save([make.outcome(f"http://a.test/{name}", name) for name in ARTICLES])
    for name, values in ARTICLES.items():
        archive.db["articles"].update(
            archive.db.execute("SELECT id FROM articles WHERE url = ?", [f"http://a.test/{name}"]).fetchone()[0], values
        )
    article_filter = ArticleBounds(**bounds)
    query = f"SELECT url FROM articles WHERE {article_filter.condition} ORDER BY url"
    assert "".join(url[-1] for (url,) in archive.db.execute(query, dict(article_filter.values))) == names


HOSTS = ("a.test", "a.test:8000", "www.a.test", "www.a.test:8000", "ba.test", "a.testing", "a_test", "axtest:8000",
         "xn--mller-kva.test", "[::1]:8000", "127.0.0.1:8000")  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("a.test", {"a.test", "a.test:8000", "www.a.test", "www.a.test:8000"}),
        ("www.a.test", {"www.a.test", "www.a.test:8000"}),
        ("A.TEST:8000", {"a.test:8000", "www.a.test:8000"}),
        ("a.test:9000", set()),
        ("https://www.a.test/news/", {"www.a.test", "www.a.test:8000"}),
        ("a_test", {"a_test"}),
        ("%", set()),
        ("m\u00fcller.test", {"xn--mller-kva.test"}),
        ("127.0.0.1", {"127.0.0.1:8000"}),
        ("[::1]", {"[::1]:8000"}),
        ("' OR 1=1 --", set()),
        ("a\\", set()),
        ("", set(HOSTS)),
        ("  ", set(HOSTS)),
    ],
)
def test_a_host_is_meant_with_all_below_it_and_at_any_port_unless_it_names_one(archive, name, hosts):
    named_hosts = f"SELECT column1 AS host FROM (VALUES {', '.join(['(?)'] * len(HOSTS))})"
    rows = archive.db.execute(f"SELECT host FROM ({named_hosts}) WHERE {host_condition(name)}", HOSTS)
    assert {host for (host,) in rows} == hosts


@pytest.mark.parametrize("text", ["2024", "2024-01", "2024-01-31", " 2024-01-31 "])
def test_days_months_and_years(text):
    assert read_day(text) == text.strip()


@pytest.mark.parametrize("text", ["", "May", "24", "2024-13", "2024-02-30", "2024-1-1", "\u0662\u0660\u0662\u0664"])
def test_what_is_no_day(text):
    with pytest.raises(ValueError, match="is not a date"):
        read_day(text)


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("EN-gb", "en"), (" pt_BR ", "pt")])
def test_the_primary_tag_of_a_language(language, tag):
    assert primary_tag(language) == tag


STORED = ("http://a.test/1", "http://a.test/2", "https://a.test/2/", "http://a.test/a/index.html", "http://a.test/b/",
          "http://a.test/c/index.php", "http://b.test/")  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        *((typed, "http://a.test/1") for typed in ("a.test/1", "http://a.test/1/", "https://www.a.test/1", "/1/")),
        ("http://a.test/1#top", "http://a.test/1"),
        *((url, url) for url in STORED),
        ("http://a.test/a/", "http://a.test/a/index.html"),
        ("https://www.a.test/c", "http://a.test/c/index.php"),
        *((typed, "http://a.test/b/") for typed in ("http://a.test/b/index.html", "/b/", "/b/default.aspx")),
        ("http://a.test/3", None),
        ("", None),
    ],
)
def test_what_is_typed_finds_the_stored_url(archive, make, typed, found):
    """The very URL goes before what is near; index pages and paths are found."""
    archive.save([make.outcome(url, "x") for url in STORED])
    assert find_known_url(archive.db, typed) == found


def test_a_path_is_looked_for_on_the_first_twenty_hosts_in_their_order(archive, make):
    archive.save([make.outcome(f"http://h{n:02}.test/{n}", "x") for n in range(21)])
    archive.save([make.outcome(f"http://h{n:02}.test/all", "x") for n in (3, 7)])
    paths = ("/0", "/1", "/19", "/20", "/all", "//h20.test/20", "//h20.test/19")
    assert [find_known_url(archive.db, path) for path in paths] == [
        "http://h00.test/0", "http://h01.test/1", "http://h19.test/19", None, "http://h03.test/all", "http://h20.test/20",
        None,
    ]  # fmt: skip


def test_articles_are_found_by_their_whole_title(archive, make):
    titles = ("The Mill", "The  mill", "The mill burned", "\u6cb3\u6c34\u53c8\u6da8\u4e86", '"Quoted"', "* ?")
    archive.save([make.outcome(f"http://a.test/{n}", f"Words of {n}.", title=title) for n, title in enumerate(titles)])
    counts = {"the mill": 2, "MILL": 0, "The mill burned": 1, titles[3]: 1, titles[4]: 1, "": 0, "* ?": 0}
    assert {typed: len(find_titled(archive.db, typed)) for typed in counts} == counts


def test_a_match_is_one_of_the_bounds(archive, make):
    archive.save([make.outcome("http://a.test/1", "river"), make.outcome("http://b.test/2", "river tower")])
    bounds = ArticleBounds(host="b.test", match='"river"')
    query = f"SELECT url FROM articles WHERE {bounds.condition}"
    assert archive.db.execute(query, dict(bounds.values)).fetchall() == [("http://b.test/2",)]


@pytest.mark.parametrize(
    ("number", "column", "word", "is_left"),
    [
        *(
            (1, "usage", word, is_left)
            for word, is_left in (("train-ai=y", True), ("train-ai=n", False), ("search=n", True))
        ),
        *((1, "directives", word, is_left) for word, is_left in (("broadsheet: noai", False), ("other: noai", True))),
        (2, "usage", "train-ai=n", False),
        *((number, "directives", "noai", number in (3, 4)) for number in (1, 2, 3, 4, 5)),
    ],
)
def test_a_use_is_refused_at_the_capture_or_a_later_one_of_its_url(db, number, column, word, is_left):
    captures = {1: ("u", "02"), 2: ("u", "03"), 3: ("u", "01"), 4: ("other", "03"), 5: ("u", "02")}
    for capture_id, (url, at) in captures.items():
        stated = {"usage": "[]", "directives": "[]"} | ({column: json.dumps([word])} if capture_id == number else {})
        put(db, "captures", capture_id, id=capture_id, url=url, fetched_at=at, **stated)
    query = "SELECT count(*) FROM (SELECT 1 AS capture_id) WHERE {}"
    assert db.execute(query.format(permitting_condition("train-ai"))).fetchone() == (int(is_left),)
    assert db.execute(query.format(permitting_condition(""))).fetchone() == (1,)
