"""Feeds by schemas that say what their formats ask for: RELAX NG for Atom, a JSON Schema for JSON Feed."""

import json
import subprocess
from pathlib import Path
from typing import Any

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
from tests.tools import ToolsMissingError, programs

HERE = Path(__file__).parent
HOSTILE = WebFeedEntry("http://a.test/1", "javascript:alert(1)", "<b>]]>&", "2024-05-03T00:00:00Z", tags=("<", "&amp;"))
SCOPES = [FeedScope(), FeedScope(of_edits=True), FeedScope(of_edits=True, kinds=("new",)), FeedScope(host="none.test")]


@pytest.fixture
def feeds(archive, make, words):
    """Feeds of articles, of edits and of nothing, with all that an entry may have and with nothing but what it must."""
    archive.save([make.outcome("http://a.test/1", words("a", 90), title="One & <i>only</i>")])
    archive.save([make.outcome("http://b.test/2?x=1&y=%20", words("b", 90), title="")])
    archive.save([make.outcome("http://a.test/1", words("c", 90), title="One, corrected")])
    archive.db.execute(
        "UPDATE articles SET language = 'en', authors = '[\"Ann\", \"Bo & Co\"]', tags = '[\"x\"]', description = 'D', "
        "published = '2024-05-03T13:47:42Z' WHERE host = 'a.test'"
    )
    settle(archive.db, make.clock)
    bare = WebFeed("urn:uuid:1", "Bare", "1970-01-01T00:00:00Z", (HOSTILE,))
    return [*(read_feed(archive.db, scope) for scope in SCOPES), bare]


@pytest.fixture(scope="module")
def atom_schema():
    return etree.RelaxNG(etree.parse(str(HERE / "atom.rng")))


def test_atom_is_valid(feeds, atom_schema):
    for feed in feeds:
        document = atom_document(feed)
        assert atom_schema.validate(etree.fromstring(document)), f"{atom_schema.error_log.last_error}\n{document!r}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<id>urn:uuid:1</id>", ""),
        ("<id>urn:uuid:1</id>", "<id>a feed</id>"),
        ("<updated>2024-05-03T00:00:00Z", "<updated>2024-05-03 00:00:00"),
        ("<title>Bare</title>", "<title>Bare</title><title>Twice</title>"),
        ("<author>", "<writer/><author>"),
        ('<category term="&lt;" />', "<category />"),
    ],
)
def test_the_schema_of_atom_finds_what_is_wrong(atom_schema, old, new):
    entry = WebFeedEntry("http://a.test/1", "http://a.test/1", "T", "2024-05-03T00:00:00Z", tags=("<",))
    document = atom_document(WebFeed("urn:uuid:1", "Bare", "1970-01-01T00:00:00Z", (entry,))).decode()
    assert atom_schema.validate(etree.fromstring(document.encode()))
    assert old in document
    assert not atom_schema.validate(etree.fromstring(document.replace(old, new).encode()))


@pytest.fixture(scope="module")
def json_problems():
    """What a validator of JSON Schema says of documents, one line for each; empty for a valid one."""
    try:
        python = programs("feeds") / "python"
    except ToolsMissingError as error:
        pytest.skip(f"a validator of JSON Schema cannot be installed here: {error}")
    script = """
import fastjsonschema, json, sys
schema, documents = json.load(sys.stdin)
validate = fastjsonschema.compile(schema)
for document in documents:
    try:
        validate(document)
        print()
    except fastjsonschema.JsonSchemaException as error:
        print(error)
"""

    def find(documents: list[Any]) -> list[str]:
        schema = json.loads((HERE / "json_feed.schema.json").read_text("utf-8"))
        ended = subprocess.run(
            [python, "-c", script], input=json.dumps([schema, documents]), capture_output=True, text=True, check=True
        )
        return ended.stdout.splitlines()

    return find


@pytest.mark.slow
def test_json_feed_is_valid(feeds, json_problems):
    documents = [json.loads(json_feed_document(feed)) for feed in feeds]
    assert json_problems(documents) == [""] * len(feeds)


@pytest.mark.slow
def test_the_schema_of_json_feed_finds_what_is_wrong(json_problems):
    item = {"id": "1", "content_text": "x", "date_published": "2024-05-03T00:00:00Z"}
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": [item]}
    broken_items = [{"id": "1"}, item | {"id": 1}, item | {"date_published": "2024-05-03"}, item | {"authors": [{}]}]
    broken = [feed | {"version": "1.1"}, feed | {"more": 1}, *(feed | {"items": [other]} for other in broken_items)]
    problems = json_problems([feed, *broken])
    assert problems[0] == ""
    assert all(problems[1:])
