from __future__ import annotations

import pytest

from broadsheet.cleaners.site_rules.ftr_format import Directive, PageTest, parse_rule_file

RULE = """\
# a rule file of our own making
title: //h1[@class='headline']
body: //div[@id='story']
body: //main
author: substring-after(//p[@class='by'], 'By ')
strip: //aside
strip_id_or_class: share-row
prune: no
tidy: yes

find_string: <noscript>
replace_string: <div>
replace_string(</noscript>): </div>
http_header(User-Agent): Reader/1.0
next_page_link: //a[@rel='next']
test_url: https://news.example/one
test_contains: the harbour wall
test_contains: the second tide
test_url: https://news.example/two
"""


def test_directives_keep_their_order_and_lines() -> None:
    rule = parse_rule_file(RULE, "news.example.txt")
    assert rule.problems == ()
    assert [directive.value for directive in rule.directives_named("body")] == ["//div[@id='story']", "//main"]
    assert rule.directives_named("strip") == (Directive("strip", "//aside", 6),)
    assert rule.label(rule.directives_named("strip")[0]) == "site:news.example.txt:6/strip"


def test_switches_replacements_headers_and_tests() -> None:
    rule = parse_rule_file(RULE, "news.example.txt")
    assert (rule.switch("prune", True), rule.switch("tidy", False), rule.switch("autodetect_on_failure", True)) == (
        False,
        True,
        True,
    )
    assert rule.replacements == (("<noscript>", "<div>"), ("</noscript>", "</div>"))
    assert rule.headers == {"user-agent": "Reader/1.0"}
    assert rule.tests == (
        PageTest("https://news.example/one", ("the harbour wall", "the second tide")),
        PageTest("https://news.example/two"),
    )


def test_an_empty_replacement_takes_the_string_out() -> None:
    assert parse_rule_file("find_string: <wbr>\nreplace_string:\n", "a.txt").replacements == (("<wbr>", ""),)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("strip: //div[@class='a'", "bad XPath: //div[@class='a' (Invalid predicate)"),
        ("strip: //div[unknown-function()]/", "bad XPath"),
        ("strip: //div[contain(., 'a')]", "bad XPath: //div[contain(., 'a')] (Unregistered function)"),
        ("strip: //rare[contain(., 'a (b')]", "bad XPath: //rare[contain(., 'a (b')] (there is no function contain)"),
        ("strip: //div[contains(.)]", "bad XPath: //div[contains(.)] (Invalid number of arguments)"),
        ("stripp: //div", "unknown directive: stripp"),
        ("just some words", "not a directive (name: value)"),
        ("body:", "body has no value"),
        ("http_header: x", "http_header needs its argument in parentheses"),
        ("body(x): //div", "body takes nothing in parentheses"),
        ("test_url: news.example/one", "test_url is not an http address: news.example/one"),
        ("find_string: alone", "find_string without a replace_string after it"),
    ],
)
def test_a_bad_line_is_named_and_the_rest_holds(line: str, message: str) -> None:
    rule = parse_rule_file(f"title: //h1\n{line}\nstrip: //aside\n", "bad.example.txt")
    (problem,) = rule.problems
    assert str(problem).startswith(f"bad.example.txt:2: {message}")
    assert [directive.value for directive in rule.directives_named("strip")][-1:] == ["//aside"]


def test_comments_and_marks_are_passed_over() -> None:
    assert parse_rule_file("\ufeff# words: here\n// more: words\n\n", "a.txt").directives == ()
