"""Feeds as readers see them: each entry once, with its times, and no entry of another host or kind."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import feedparser
import pytest
from lxml import etree

from broadsheet.output.read.web_feeds import (
    FeedScope,
    WebFeed,
    WebFeedEntry,
    atom_document,
    json_feed_document,
    read_feed,
)
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.shell import verb
from tests.tools import ToolsMissingError, programs

SCOPES = [FeedScope(), FeedScope(of_edits=True), FeedScope(host="none.test")]
VALIDATE = """import fastjsonschema, json, sys
schema, documents = json.load(sys.stdin)
validate = fastjsonschema.compile(schema)
for document in documents:
    try:
        print(bool(validate(document)))
    except fastjsonschema.JsonSchemaException:
        print(False)
"""
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.fixture
def filled(archive, make, words):
    archive.save([make.outcome("http://a.test/1", words("a", 90), title="One & <i>only</i>")])
    archive.save([make.outcome("http://b.test/2", words("b", 90), title="Two")])
    archive.save([make.outcome("http://a.test/1", words("c", 90), title="One, corrected")])
    archive.db.execute("UPDATE articles SET language = 'en', authors = '[\"Ann\"]', tags = '[\"x\"]', "
                       "published = '2024-05-03T13:47:42Z' WHERE host = 'a.test'")  # fmt: skip
    settle(archive.db, make.clock)
    return archive.db


def read_atom(db, scope):
    feed = feedparser.parse(atom_document(read_feed(db, scope)))
    assert not feed.bozo
    return [(entry.id, entry.title, entry.link) for entry in feed.entries]


def read_json(db, scope):
    feed = json.loads(json_feed_document(read_feed(db, scope)))
    return [(item["id"], item["title"], item["url"]) for item in feed["items"]]


READERS: list[Callable[..., list[tuple[str, str, str]]]] = [read_atom, read_json]


@pytest.mark.parametrize("read", READERS)
def test_new_articles_newest_first(filled, read):
    assert read(filled, FeedScope()) == [
        ("http://b.test/2", "Two", "http://b.test/2"),
        ("http://a.test/1", "One, corrected", "http://a.test/1"),
    ]
    assert [entry[1] for entry in read(filled, FeedScope(host="a.test"))] == ["One, corrected"]
    assert [entry[1] for entry in read(filled, FeedScope(limit=1))] == ["Two"]
    assert read(filled, FeedScope(limit=10**20)) == read(filled, FeedScope())


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("of_edits", [False, True])
def test_a_domain_has_its_hosts_at_any_port(archive, make, words, read, of_edits):
    for url in ("http://www.a.test/1", "http://a.test:8000/2", "http://ba.test/3"):
        archive.save([make.outcome(url, words(url[-1], 90), title=url)])
        archive.save([make.outcome(url, words(f"{url[-1]}x", 90), title=url)])
    settle(archive.db, make.clock)
    entries = read(archive.db, FeedScope(of_edits=of_edits, host="a.test"))
    assert {entry[2] for entry in entries} == {"http://www.a.test/1", "http://a.test:8000/2"}
    assert read(archive.db, FeedScope(of_edits=of_edits, host="b.test")) == []


@pytest.mark.parametrize("read", READERS)
def test_edits_by_host_and_kind(filled, read):
    [(edit_id, title, link)] = read(filled, FeedScope(of_edits=True))
    assert edit_id.startswith("http://a.test/1#broadsheet-edit-")
    assert title.endswith(": One, corrected")
    assert link == "http://a.test/1"
    kind = title.partition(":")[0]
    assert read(filled, FeedScope(of_edits=True, kinds=(kind,))) == [(edit_id, title, link)]
    assert read(filled, FeedScope(of_edits=True, kinds=("withdrawn",))) == []
    assert read(filled, FeedScope(of_edits=True, host="b.test")) == []
    assert len(read(filled, FeedScope(of_edits=True, kinds=("new", kind)))) == 3


def test_an_edit_says_how_many_blocks_were_added_removed_and_rewritten(file, make, words):
    """Three, two and one: in both kinds of feeds, and by `broadsheet changes`."""
    stays, gone, new = words("stays", 40), [words(name) for name in ("ash", "birch")], [words(name) for name in "xyz"]
    with Archive.open(file, make.clock) as archive:
        for paragraphs in ([stays, *gone], [stays.replace("stays7 ", "stayed "), *new]):
            archive.save([make.outcome("http://a.test/1", *paragraphs, title="One")])
            settle(archive.db, make.clock)
        [entry] = read_feed(archive.db, FeedScope(of_edits=True)).entries
        assert entry.summary == "3 added; 2 removed; 1 rewritten"
        for document in (atom_document, json_feed_document):
            assert entry.summary in document(read_feed(archive.db, FeedScope(of_edits=True))).decode()
    assert "blocks: 1 rewritten, 3 added, 2 removed\n" in verb("changes", file)[1]
    edit = json.loads(verb("changes", file, "--json")[1])
    assert (edit["rewritten"], edit["added"], edit["removed"]) == (1, 3, 2)


@pytest.mark.parametrize("read", READERS)
def test_what_was_shown_is_not_shown_again_when_more_comes(filled, archive, make, words, read):
    before = {scope: {entry[0] for entry in read(filled, scope)} for scope in (FeedScope(), FeedScope(of_edits=True))}
    archive.save([make.outcome("http://a.test/1", words("d", 90), title="One, corrected")])
    archive.save([make.outcome("http://a.test/3", words("e", 90), title="Three")])
    settle(archive.db, make.clock)
    for scope, ids in before.items():
        after = [entry[0] for entry in read(filled, scope)]
        assert ids < set(after)
        assert len(after) == len(set(after)) == len(ids) + 1


@pytest.fixture
def feeds(archive, filled):
    """Feeds of articles, of edits and of nothing, with all that an entry may have and with nothing but what it must."""
    archive.db.execute("UPDATE articles SET title = '', description = 'D', authors = '[\"Ann\", \"Bo & Co\"]' "
                       "WHERE host = 'b.test'")  # fmt: skip
    hostile = WebFeedEntry("http://a.test/1", "javascript:alert(1)", "<b>]]>&", "2024-05-03T00:00:00Z", tags=("<", "&"))
    scopes = (*SCOPES, FeedScope(of_edits=True, kinds=("new",)))
    bare = WebFeed("urn:u:1", "Bare", "1970-01-01T00:00:00Z", (hostile,))
    return [*(read_feed(filled, scope) for scope in scopes), bare]


def test_atom_is_valid_by_the_schema_of_rfc_4287(feeds):
    schema = etree.RelaxNG(etree.parse(Path(__file__).with_name("atom.rng")))
    for feed in feeds:
        document = atom_document(feed)
        assert schema.validate(etree.fromstring(document)), f"{schema.error_log.last_error}\n{document!r}"
    assert not schema.validate(etree.fromstring(document.replace(b"<id>urn:u:1</id>", b"<id>a feed</id>")))


@pytest.mark.slow
def test_json_feed_is_valid_by_its_schema(feeds):
    try:
        python = programs("feeds") / "python"
    except ToolsMissingError as error:
        pytest.skip(f"a validator of JSON Schema cannot be installed here: {error}")
    documents = [json.loads(json_feed_document(feed)) for feed in feeds]
    schema = json.loads(Path(__file__).with_name("json_feed.schema.json").read_text("utf-8"))
    given = json.dumps(
        [schema, [*documents, documents[0] | {"version": "1.1"}, documents[0] | {"items": [{"id": "1"}]}]]
    )
    ended = subprocess.run([python, "-c", VALIDATE], input=given, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["True"] * len(feeds) + ["False"] * 2


@pytest.mark.parametrize("scope", SCOPES)
def test_a_json_feed_has_what_version_1_1_requires(filled, scope):
    feed = json.loads(json_feed_document(read_feed(filled, scope)))
    assert (feed["version"], type(feed["title"]), type(feed["items"])) == (
        "https://jsonfeed.org/version/1.1", str, list
    )  # fmt: skip
    for item in feed["items"]:
        assert (bool(item["id"]), type(item["id"])) == (True, str)
        assert len({"content_html", "content_text"} & set(item)) == 1
        assert RFC_3339.fullmatch(item["date_modified"])
        assert RFC_3339.fullmatch(item.get("date_published", "2024-05-03T13:47:42Z"))
        assert all(set(author) == {"name"} for author in item.get("authors", []))


def test_no_time_of_a_crawl_is_said_to_be_one_of_publication(filled):
    items = json.loads(json_feed_document(read_feed(filled, FeedScope())))["items"]
    assert [item.get("date_published") for item in items] == [None, "2024-05-03T13:47:42Z"]
    entries = feedparser.parse(atom_document(read_feed(filled, FeedScope()))).entries
    assert [entry.get("published") for entry in entries] == [None, "2024-05-03T13:47:42Z"]
    [edit] = json.loads(json_feed_document(read_feed(filled, FeedScope(of_edits=True))))["items"]
    assert edit["date_published"] == edit["date_modified"]


def test_a_feed_keeps_its_id(filled):
    scopes = [FeedScope(), FeedScope(of_edits=True), FeedScope(host="a.test"), FeedScope(of_edits=True, kinds=("new",))]
    ids = [read_feed(filled, scope).id for scope in scopes]
    assert ids == [read_feed(filled, scope).id for scope in scopes]
    assert len(set(ids)) == len(ids)
