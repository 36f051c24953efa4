"""jsonld: whole and broken blocks."""

import json

import pytest

from broadsheet.cleaners.page.statements import (
    is_article_node,
    read_json_ld_nodes,
    resolve_references,
    string_values,
    types_of,
)
from tests.cleaners.building import holds_up_to


@pytest.mark.parametrize(
    "block",
    [
        '{"@type":"NewsArticle","headline":"A \\"b\\""}',
        '[{"@type":"NewsArticle","headline":"A \\"b\\""}]',
        '{"@graph":[{"@type":"NewsArticle","headline":"A \\"b\\""}]}',
        '{"@type":"WebPage","mainEntity":{"@type":"NewsArticle","headline":"A \\"b\\""}}',
        '{"@type":"NewsArticle","headline":"A \\"b\\"",}',
        '//<![CDATA[\n{"@type":"NewsArticle","headline":"A \\"b\\""}\n//]]>',
        '<!-- {"@type":"NewsArticle","headline":"A \\"b\\""} -->',
        '{"@type":"NewsArticle","text":"raw\nbreak\tand \\\' escape","headline":"A \\"b\\""};',
        '{"@type":"NewsArticle","description":"x"\n"headline":"A \\"b\\""}',
        '{"@type":"Person"}{"@type":"NewsArticle","headline":"A \\"b\\""}',
        '{"@type":"NewsArticle","headline":"A \\"b\\"","articleBody":"cut he',
        '{"@type":"NewsArticle","headline":"A \\"b\\""' + " \n" * 300_000 + "x",  # hours, if tried from each space
    ],
)
def test_the_article_is_found(block):
    assert [node.get("headline") for node in read_json_ld_nodes(block) if is_article_node(node)] == ['A "b"']


def test_escaped_block():
    assert read_json_ld_nodes("{&quot;@type&quot;:&quot;Report&quot;}") == [{"@type": "Report"}]


def test_names_survive_what_cannot_be_parsed():
    node = read_json_ld_nodes('{"@type":"Article","author":[{"name":"Ann Lee"},{"name":"Bo Chen"}],"x":"un"quoted"}')[0]
    assert node["author"] == ["Ann Lee", "Bo Chen"]


@pytest.mark.parametrize("block", ["", "null", "3", "[]", "{", "[" * 100_000, '"text"'])
def test_nothing_is_read_from_nothing(block):
    assert read_json_ld_nodes(block) == []


def test_members():
    assert list(string_values([{"name": "A"}, "B", {"@value": "C"}, None, 3])) == ["A", "B", "C"]
    assert types_of({"@type": ["http://schema.org/NewsArticle", "schema:Report"]}) == ("NewsArticle", "Report")
    assert resolve_references([{"@id": "#a"}], {"#a": {"@id": "#a", "name": "Ann"}}) == [{"@id": "#a", "name": "Ann"}]


def _is_reached(depth: int) -> bool:
    nodes = [
        read_json_ld_nodes(opening * depth + '{"@type": "Article"}' + ending * depth)
        for opening, ending in (("[", "]"), ('{"@graph":', "}"))
    ]
    return all({"@type": "Article"} in each for each in nodes)


def test_thresholds():
    assert holds_up_to(500, lambda n: len(read_json_ld_nodes(json.dumps([{"@type": "Article"}] * n))) == n)
    assert holds_up_to(5, _is_reached), "depth of nodes"
