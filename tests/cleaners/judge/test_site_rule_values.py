"""Values by site rules: what an expression finds, which directive counts, and what it changes of the metadata."""

from __future__ import annotations

from typing import Any

import pytest

from broadsheet.cleaners.document import Metadata, Outlink, UrlSource
from broadsheet.cleaners.judge.site_rule_files import parse_rule_file
from broadsheet.cleaners.judge.site_rule_values import (
    DirectiveFinder,
    SiteRuleValues,
    merge_links,
    override_metadata,
    read_values,
)
from broadsheet.cleaners.page.parsed_page import parse

URL = "https://a.example/story"
PAGE = """<html><body><h1>The  wall</h1><h2></h2><h3>Third<script>x</script></h3>
<p class="who">Ann Lee</p><p class="who">Bo Chen</p><p class="site">the press</p>
<meta name="day" content=" 2024-05-03 "><time datetime="2024-05-04">May</time><i content=" said ">shown</i>
<b content="c"></b>
<a class="all" href="/story?print=1">1</a><a class="self" href="/story">2</a><a class="next" href="?page=2">3</a>
<a class="bad" href="  ">4</a><img src="/a.jpg"></body></html>"""


def finder(*rules: str, samples: bool = False) -> DirectiveFinder:
    tree = parse(PAGE)
    assert tree is not None
    return DirectiveFinder(tree, [parse_rule_file(text, f"{n}.txt") for n, text in enumerate(rules)], samples=samples)


def values(*rules: str) -> SiteRuleValues:
    return read_values(finder(*rules), URL)


@pytest.mark.parametrize(
    ("expression", "count", "sample"),
    [
        ("//h1", 1, "The wall"),
        ("//h3", 1, "Third"),
        ("//p/@class", 3, "who"),
        ("//none", 0, ""),
        ("count(//p)", 1, "3.0"),
        ("//h1 = 'The  wall'", 1, "true"),
        ("//h1 = 'x'", 0, ""),
        ("string(//none)", 0, ""),
        ("//comment()", 0, ""),
    ],
)
def test_an_expression_finds_elements_texts_and_truths(expression: str, count: int, sample: str) -> None:
    found = finder(f"title: {expression}", samples=True)
    read_values(found, URL)
    assert [(match.count, match.sample, match.problem) for match in found.matches] == [(count, sample, "")]


def test_an_expression_that_fails_is_reported_and_a_sample_is_made_where_it_is_read() -> None:
    failing = finder()
    results, problem = failing.evaluate("//p[foo()]")
    assert results == []
    assert problem.startswith("//p[foo()]: ")
    found = finder("title: //h1")
    read_values(found, URL)
    assert found.matches[0].sample == ""


ALL, NEXT = Outlink(f"{URL}?print=1", via=UrlSource.SINGLE_PAGE), Outlink(f"{URL}?page=2", via=UrlSource.NEXT)


@pytest.mark.parametrize(
    ("rule", "links"),
    [
        ("single_page_link: //a[@class='all']", (ALL,)),
        ("single_page_link: //a[@class='all']/@href", (ALL,)),
        ("next_page_link: //a[@class='next']", (NEXT,)),
        ("next_page_link: //a[@class='self']", ()),
        ("next_page_link: //a[@class='bad']", ()),
        ("next_page_link: //a[@class='bad'] | //a[@class='next']", (NEXT,)),
        ("next_page_link: //img", (Outlink("https://a.example/a.jpg", via=UrlSource.NEXT),)),
        ("single_page_link: //a[@class='all']\nif_page_contains: //h1", (ALL,)),
        ("single_page_link: //a[@class='all']\nif_page_contains: //none", ()),
        ("single_page_link: //a[@class='all']\nnext_page_link: //a[@class='next']\nif_page_contains: //none", (ALL,)),
        (
            "single_page_link: //a[@class='all']\nif_page_contains: //none\nsingle_page_link: //a[@class='next']",
            (Outlink(f"{URL}?page=2", via=UrlSource.SINGLE_PAGE),),
        ),
        ("single_page_link: //a[@class='all']\nsingle_page_link: //a[@class='next']", (ALL,)),
    ],
)
def test_a_link_is_the_first_whose_condition_holds(rule: str, links: tuple[Outlink, ...]) -> None:
    assert values(rule).links == links


OWN = Metadata(title="Own", authors=("Own",), published="2020", canonical_url="own", image="https://a.example/logo.png",
               sources={"title": "meta", "image": "meta", "language": "html"})  # fmt: skip


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        ({}, {}),
        ({"title": "New"}, {"title": "New"}),
        ({"authors": ("New",)}, {"authors": ("New",)}),
        ({"dates": ("nonsense", "2024-05-03")}, {"published": "2024-05-03"}),
        ({"dates": ("2024-05-06",)}, {}),
        ({"dates": ("2024-05-06", "2024-05-03")}, {"published": "2024-05-03"}),
        ({"links": (ALL,)}, {"canonical_url": ALL.url}),
        ({"links": (NEXT,)}, {}),
        ({"links": (Outlink(URL, via=UrlSource.SINGLE_PAGE),)}, {}),
        ({"excluded_image_parts": ("logo",)}, {"image": ""}),
        ({"excluded_image_parts": ("other", "")}, {}),
    ],
)
def test_values_take_the_place_of_the_page_s_and_say_so(found: dict[str, Any], changed: dict[str, Any]) -> None:
    metadata = override_metadata(OWN, SiteRuleValues(**found), URL, "2024-05-04T00:00:00+00:00")
    assert {name: getattr(metadata, name) for name in changed} == changed
    assert metadata.sources == {**OWN.sources, **dict.fromkeys(changed, "site_rule")}
    unchanged = ("title", "authors", "published", "canonical_url", "image")
    assert all(getattr(metadata, name) == getattr(OWN, name) for name in unchanged if name not in changed)


def test_links_of_rules_are_added_or_mark_those_of_the_page() -> None:
    own = (Outlink(ALL.url, "text"), Outlink(f"{URL}/other", "text"))
    assert merge_links(own, SiteRuleValues()) == own
    merged = merge_links(own, SiteRuleValues(links=(ALL, NEXT)))
    assert merged == (Outlink(ALL.url, "text", via=UrlSource.SINGLE_PAGE), own[1], NEXT)


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (("title: //none\ntitle: //h3",), ("Third", (), ())),
        (("title: //h3\ntitle: //h1",), ("Third", (), ())),
        (("title: //h2",), ("", (), ())),
        (("title: //b",), ("c", (), ())),
        (("title: //none", "title: //h1"), ("The wall", (), ())),
        (("author: //p[@class='who']",), ("", ("Ann Lee", "Bo Chen"), ())),
        (("author: //p[@class='site']",), ("", ("the press",), ())),
        ((f"author: concat('the ', '{'x' * 196}')",), ("", (f"the {'x' * 196}",), ())),
        ((f"author: concat('the ', '{'x' * 197}')",), ("", (), ())),
        (("date: //time",), ("", (), ("2024-05-04", "May"))),
        (("date: //i",), ("", (), ("said", "shown"))),
    ],
)
def test_the_first_that_has_a_text_counts_and_an_attribute_before_it(rules: tuple[str, ...], found: object) -> None:
    read = values(*rules)
    assert (read.title, read.authors, read.dates) == found
