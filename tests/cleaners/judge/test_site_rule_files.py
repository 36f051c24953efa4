"""Tests."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from broadsheet.cleaners.judge.site_rule_files import (
    Directive,
    PageTest,
    SiteRuleFolder,
    SiteRulesError,
    parse_rule_file,
)

SHARED = Path(os.environ.get("BROADSHEET_SHARED") or Path(__file__).resolve().parents[4] / "shared")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("news.example.txt", ".news.example.txt", "sport.news.example.txt", "global.txt", "LICENSE.txt"):
        (tmp_path / name).write_text(f"strip: //div[@id='{name}']\n", "utf-8")
    return tmp_path


def test_the_nearest_file_speaks_for_a_host_and_global_after_it(folder: Path) -> None:
    rules = SiteRuleFolder(folder)
    files_by_host = {
        host: [rule.file for rule in rules.for_host(host)]
        for host in ("news.example", "www.news.example", "sport.news.example", "a.b.news.example:8080", "other.example")
    }
    assert files_by_host == {
        "news.example": ["news.example.txt", "global.txt"],
        "www.news.example": ["news.example.txt", "global.txt"],
        "sport.news.example": ["sport.news.example.txt", "global.txt"],
        "a.b.news.example:8080": [".news.example.txt", "global.txt"],
        "other.example": ["global.txt"],
    }


def test_files_are_read_when_a_host_comes(folder: Path) -> None:
    rules = SiteRuleFolder(folder)
    (folder / "news.example.txt").write_text("strip: //changed\n", "utf-8")
    assert rules.for_host("news.example")[0].directives_named("strip")[0].value == "//changed"


def test_a_file_that_cannot_be_read_is_a_problem(folder: Path) -> None:
    rules = SiteRuleFolder(folder)
    (folder / "news.example.txt").unlink()
    (problem,) = rules.for_host("news.example")[0].problems
    assert "cannot be read" in str(problem)


def test_a_folder_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SiteRulesError, match="cannot read the folder of site rules"):
        SiteRuleFolder(tmp_path / "none")


@pytest.mark.slow
def test_every_file_of_a_real_collection_loads(tmp_path: Path) -> None:
    packed = SHARED / "corpus/ftr-site-config.tar.xz"
    if not packed.is_file():
        pytest.skip("the collection of rule files is not here: ../shared is absent")
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path, filter="data")
    rules = SiteRuleFolder(next(path.parent for path in tmp_path.rglob("global.txt")))
    rule_files = list(rules.read_all())
    assert len(rule_files) == len(rules) == 1947
    problems = [problem for rule in rule_files for problem in rule.problems]
    assert len(problems) < 15
    assert all(problem.line >= 1 and problem.message for problem in problems)


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
test_url: HTTPS://news.example/two
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
        PageTest("HTTPS://news.example/two"),
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
