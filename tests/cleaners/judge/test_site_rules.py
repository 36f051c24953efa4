"""Site rules: their files, what they find on a page, and that each block says which line kept it or took it out."""

from __future__ import annotations

import os
import re
import tarfile
from pathlib import Path

import pytest
from lxml import etree

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import CleanedPage, Metadata, Outlink, Page, UrlSource
from broadsheet.cleaners.judge.site_rule_files import (
    Directive,
    PageTest,
    SiteRuleFolder,
    SiteRulesError,
    parse_rule_file,
)
from broadsheet.cleaners.judge.site_rule_values import (
    DirectiveFinder,
    SiteRuleValues,
    merge_links,
    override_metadata,
    read_values,
)
from broadsheet.cleaners.judge.site_rules import (
    apply_replacements,
    apply_rules,
    copy_without_stripped,
    directive_matches,
)
from broadsheet.cleaners.page.parsed_page import parse

URL = "https://press.example/harbour/wall"
FILE = "press.example.txt"


def prose(name: str, words: int = 40) -> str:
    filler = " ".join(f"{name}word{n}" for n in range(words))
    return (
        f"{name.capitalize()} tells that {filler}, which the council of the harbour town had asked for in the spring."
    )


PAGE = f"""<!DOCTYPE html><html lang="en"><head><title>The harbour wall stands</title>
<script type="application/ld+json">{{"@type": "NewsArticle", "headline": "A headline of data", "author": "Dan Data"}}
</script></head><body class="share-on">
<header><p class="kicker">Town news of the week</p></header>
<div id="story"><h1>The harbour wall stands</h1>
<p class="who">By Ann Lee and Bo Chen</p><p class="when">3 May 2024</p>
<p>{prose("first")}</p>
<p>{prose("second")}
It cost much<sup class="note">[12]</sup> more than <span class="tip">see the list</span> planned.</p>
<div class="share-row">Share this wall with a friend of yours</div>
<table class="figures"><tr><th>Year</th><th>Stones</th></tr><tr><td>1990</td><td>12</td></tr>
<tr class="sum"><td>2000</td><td>99</td></tr></table>
<p>{prose("third")}</p>
</div>
<div class="promo"><p>{prose("promoted", 30)}</p></div>
<p><a class="all" href="/harbour/wall?print=1">On one page</a> <a class="forth" href="/harbour/wall?page=2">2</a></p>
</body></html>"""


def clean_by_rule(text: str, page: str = PAGE, *more_texts: str) -> CleanedPage:
    rules = [
        parse_rule_file(rule_text, name)
        for rule_text, name in zip((text, *more_texts), (FILE, "global.txt"), strict=False)
    ]
    assert [rule.problems for rule in rules] == [()] * len(rules)
    return clean(Page(URL, page.encode()), rules)


def verdict_of(cleaned: CleanedPage, text: str) -> tuple[bool, str, str]:
    """(kept, reason, rule) of the one block with this text in it."""
    verdicts = [v for b, v in zip(cleaned.blocks, cleaned.verdicts, strict=True) if text in b.text]
    assert len(verdicts) == 1, [b.text for b in cleaned.blocks]
    return verdicts[0].kept, verdicts[0].reason, verdicts[0].rule


def words(cleaned: CleanedPage) -> list[str]:
    return sorted(word for block in cleaned.blocks for word in re.findall(r"\w+", block.text))


def test_without_rules_nothing_changes():
    assert clean(Page(URL, PAGE.encode()), ()) == clean(Page(URL, PAGE.encode()))
    assert clean_by_rule("# nothing\n") == clean(Page(URL, PAGE.encode()))


def test_a_stripped_part_keeps_its_row_and_names_the_line():
    cleaned = clean_by_rule("title: //h1\nstrip: //p[contains(., 'second')]\n", PAGE, "strip: //sup\n")
    assert verdict_of(cleaned, "[12]")[2] == "site:global.txt:1/strip"
    assert verdict_of(cleaned, "Second tells") == (False, "a site rule of yours", f"site:{FILE}:2/strip")
    assert "Second tells" not in cleaned.text
    assert "First tells" in cleaned.text
    assert (cleaned.metadata.title, cleaned.metadata.sources["title"]) == ("The harbour wall stands", "site_rule")
    assert {vote.voter for verdict in cleaned.verdicts for vote in verdict.votes} >= {"site", "model"}


def test_a_stripped_part_of_a_line_leaves_the_line_whole():
    cleaned = clean_by_rule("strip: //sup\nstrip: //span[@class='tip']\n")
    assert "It cost much more than planned." in cleaned.text.replace("  ", " ")
    assert verdict_of(cleaned, "[12]") == (False, "a site rule of yours", f"site:{FILE}:1/strip")
    assert verdict_of(cleaned, "see the list")[2] == f"site:{FILE}:2/strip"
    assert words(cleaned) == words(clean(Page(URL, PAGE.encode())))


def test_a_body_keeps_what_is_inside_and_removes_the_rest():
    cleaned = clean_by_rule("body: //div[@id='missing']\nbody: //div[@class='promo']\nbody: //div[@id='story']\n")
    assert verdict_of(cleaned, "Promoted tells") == (True, "selected", f"site:{FILE}:2/body")
    assert verdict_of(cleaned, "First tells") == (False, "a site rule of yours", f"site:{FILE}:2/body")
    assert cleaned.text == prose("promoted", 30)


def test_named_rules_may_prune_a_body_unless_the_rule_says_no():
    pruned = clean_by_rule("body: //div[@id='story']\n")
    whole = clean_by_rule("body: //div[@id='story']\nprune: no\n")
    assert verdict_of(pruned, "By Ann Lee")[0] is False
    assert clean_by_rule("body: //div[@id='story']\nprune: yes\n").verdicts == pruned.verdicts
    assert verdict_of(whole, "By Ann Lee") == (True, "selected", f"site:{FILE}:1/body")
    assert verdict_of(whole, "Share this wall")[0]
    assert whole.metadata.title == "The harbour wall stands"
    assert not whole.text.startswith("The harbour wall stands"), "the title is the article's title already"


@pytest.mark.parametrize("body", ["//div[@id='missing']", "//img", "string(//h1)", "//div[@id='emptied']"])
def test_a_body_without_text_leaves_the_page_to_the_usual_way(body):
    page = PAGE.replace("</body>", "<div id='emptied'><p class='gone'>One line.</p><script>x</script></div></body>")
    cleaned = clean_by_rule(f"body: {body}\nstrip: //p[@class='gone']\n", page)
    assert "First tells" in cleaned.text
    assert verdict_of(cleaned, "First tells")[2] != f"site:{FILE}:1/body"


def test_no_guess_is_made_where_the_rule_wants_none():
    cleaned = clean_by_rule("body: //div[@id='missing']\nautodetect_on_failure: no\n")
    assert cleaned.text == ""
    assert {v.rule for v in cleaned.verdicts} == {f"site:{FILE}:2/autodetect_on_failure"}
    assert clean_by_rule("body: //div[@id='story']\nautodetect_on_failure: no\n").text


def test_the_extractor_does_not_see_what_is_stripped():
    page = PAGE.replace("</body>", f"<article><p>{prose('decoy', 400)}</p></article></body>")
    assert "Decoy tells" in clean(Page(URL, page.encode())).text
    cleaned = clean_by_rule("strip: //article\n", page)
    assert "First tells" in cleaned.text
    assert "Decoy tells" not in cleaned.text


def test_skip_json_ld_leaves_the_data_out():
    assert clean(Page(URL, PAGE.encode())).metadata.authors == ("Dan Data",)
    assert "Dan Data" not in clean_by_rule("skip_json_ld: yes\n").metadata.authors


def test_strings_are_replaced_before_the_page_is_parsed():
    cleaned = clean_by_rule(
        'find_string: <sup class="note">[12]</sup>\nreplace_string: \nreplace_string(planned): meant\n'
    )
    assert "It cost much more than" in cleaned.text
    assert " meant." in cleaned.text


def test_structure_is_changed_where_the_rule_asks_for_it():
    page = PAGE.replace('<div class="share-row">', '<div class="quoted">').replace(
        "friend of yours", "friend, she said"
    )
    wrapped = clean_by_rule("body: //div[@id='story']\nprune: no\nwrap_in(blockquote): //div[@class='quoted']\n", page)
    assert "> Share this wall with a friend, she said" in wrapped.markdown
    moved = clean_by_rule("body: //div[@id='story']\nmove_into(//div[@id='story']): //div[@class='promo']/p\n")
    assert moved.text.endswith(prose("promoted", 30))
    dissolved = clean_by_rule("dissolve: //div[@class='promo']\nbody: //body/p[contains(., 'promoted')]\n")
    assert dissolved.text == prose("promoted", 30)
    shown = clean_by_rule("strip_attr: //p/@hidden\n", PAGE.replace("<p>Third", "<p hidden>Third"))
    assert "Third tells" in shown.text


def test_an_expression_that_fails_costs_itself_only():
    cleaned = clean_by_rule("strip: //rare\nstrip: //sup[contains(.)]\nbody: //sup[x:div]\nstrip: //sup\n")
    assert "First tells" in cleaned.text
    assert verdict_of(cleaned, "[12]")[2] == f"site:{FILE}:4/strip"
    faults = [fact for fact in cleaned.verdict.evidence if fact.startswith("site_rule_fault=")]
    assert faults == [f"site_rule_fault=site:{FILE}:{line}/{name}" for line, name in ((2, "strip"), (3, "body"))]


def test_any_page_can_be_read_with_any_rule():
    rule = (
        "strip: //*\nstrip: //@*\nstrip: //text()\nstrip: /\nstrip: 1 + 1\nbody: //*\nwrap_in(div): //*\n"
        "move_into(//p): //*\nmove_into(body): //body\ndissolve: //*\nstrip_attr: //*\n"
        "wrap_in(p): //text()\ntitle: //@*\n"
    )
    for page in (PAGE, "", "<p>x", "plain words", "<table><tr><td>a", "<!-- -->", "<html><head></head></html>"):
        cleaned = clean(Page(URL, page.encode()), [parse_rule_file(rule, FILE)])
        assert len(cleaned.blocks) == len(cleaned.verdicts)


@pytest.mark.parametrize(("length", "is_replaced"), [(1400, True), (1401, False)])
def test_characters_of_a_page_after_replacements(length, is_replaced):
    [rule] = [parse_rule_file(f"replace_string(b): {'x' * (length - 99)}", FILE)]
    text = "a" * 99 + "b"
    assert (apply_replacements(text, [rule]) != text) is is_replaced


SMALL = (
    '<html><head><script type="application/LD+json">{}</script>a tail</head><body class="note-body"><div id="one">first'
    '<p class="x" title="t" content="c">in <b>bold</b> tail</p>second<i class="note">aside</i> third</div>'
    '<a class="all" href="/whole">All</a><a rel="next" href="?page=2">2</a><div id="two"><span>y</span>z</div>'
    '<p class="who">Ann Lee</p><time datetime="2024-05-03">May</time><div class="ad"></div></body></html>'
)
RULES = """wrap_in(section): //b
wrap_in(script): //i
wrap_in(body): //body
move_into(//div[@id='two']): //p[@class='x']
move_into(//b): //div[@id='one']
dissolve: //div[@id='two']/span
strip_attr: //p/@title
skip_json_ld: yes
strip: //div[@id='one']/text()[1]
strip: //i | //p/@content
strip_id_or_class: note
strip_id_or_class: ''
body: //div[@id='nowhere']
body: //div[@id='two']
prune: no
title: //h1
title: //div[@id='two']/p/text()
author: //p[@class='who']
date: //time
single_page_link: //a[@class='all']
next_page_link: //a[@rel='next']
if_page_contains: //time
strip_image_src: 'pixel'
native_ad_clue: //div[@class='ad']
native_ad_clue: //h6
"""
RULED = (
    '<html><head/><body>a tail<a class="all" href="/whole">All</a><a rel="next" href="?page=2">2</a><div id="two">yz'
    '<p class="x">in <section><b>bold<div id="one">{stripped} third</div></b></section> tail</p></div>'
    '<p class="who">Ann Lee</p><time datetime="2024-05-03">May</time><div class="ad"/></body></html>'
)
MATCHES = """1/wrap_in 1 bold
2/wrap_in 1 aside
3/wrap_in 1 a tail first in bold tail second aside third All 2 y z Ann Lee May
4/move_into 1 in bold tail
5/move_into 1 firstsecond aside third
6/dissolve 1 y
16/title 0 -
17/title 2 in
18/author 1 Ann Lee
19/date 1 May
20/single_page_link 1 All
21/next_page_link 1 2
22/if_page_contains 1 May
7/strip_attr 1 t
9/strip 1 firstsecond
10/strip 2 c
11/strip_id_or_class 1 aside
12/strip_id_or_class 0 -
13/body 0 -
14/body 1 yz in bold firstsecond aside third tail
24/native_ad_clue 1 -
25/native_ad_clue 0 -"""


def _markup(element: etree._Element) -> str:
    return etree.tostring(element, encoding="unicode", with_tail=False)


def test_all_that_rules_find_on_a_page_and_change_in_it():
    tree = parse(SMALL)
    assert tree is not None
    rule_file = parse_rule_file(RULES, FILE)
    assert rule_file.problems == ()
    findings = apply_rules(tree, [rule_file], URL, samples=True)
    stripped = ["<span>firstsecond</span>", '<i class="note">aside</i>']
    assert _markup(tree) == RULED.format(stripped="".join(stripped))
    assert _markup(copy_without_stripped(tree, findings)) == RULED.format(stripped="")
    assert sorted(map(_markup, findings.stripped)) == sorted(stripped)
    labels = {element.get("id") or element.tag: sorted(of) for element, of in findings.labels.items()}
    label = f"site:{FILE}:"
    assert labels == {
        "span": [f"{label}9/strip"],
        "i": [f"{label}10/strip"],
        "two": [f"{label}14/body", f"{label}15/prune"],
    }
    links = (
        Outlink("https://press.example/whole", via=UrlSource.SINGLE_PAGE),
        Outlink("https://press.example/harbour/wall?page=2", via=UrlSource.NEXT),
    )
    assert directive_matches(rule_file, SMALL, URL) == findings.matches
    assert findings.values == SiteRuleValues("in", ("Ann Lee",), ("2024-05-03", "May"), links, ("pixel",))
    assert findings.evidence == (f"native_ad={label}24/native_ad_clue",)
    matches = [f"{m.label.removeprefix(label)} {m.count} {m.sample or '-'}" for m in findings.matches]
    assert matches == MATCHES.splitlines()
    assert not any(match.problem for match in findings.matches)


SHARED = Path(os.environ.get("BROADSHEET_SHARED") or Path(__file__).resolve().parents[4] / "shared")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("news.example.txt", ".news.example.txt", "sport.news.example.txt", "global.txt", "LICENSE.txt"):
        (tmp_path / name).write_text(f"strip: //div[@id='{name}']\n", "utf-8")
    return tmp_path


def test_the_nearest_file_speaks_for_a_host_and_global_after_it(folder):
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


def test_files_are_read_when_a_host_comes(folder):
    rules = SiteRuleFolder(folder)
    (folder / "news.example.txt").write_text("strip: //changed\n", "utf-8")
    assert rules.for_host("news.example")[0].directives_named("strip")[0].value == "//changed"


def test_a_file_that_cannot_be_read_is_a_problem(folder):
    rules = SiteRuleFolder(folder)
    (folder / "news.example.txt").unlink()
    (problem,) = rules.for_host("news.example")[0].problems
    assert "cannot be read" in str(problem)


def test_a_folder_that_is_none_is_refused_in_one_line(tmp_path):
    with pytest.raises(SiteRulesError, match="cannot read the folder of site rules"):
        SiteRuleFolder(tmp_path / "none")


@pytest.mark.slow
def test_every_file_of_a_real_collection_loads(tmp_path):
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


def test_directives_keep_their_order_and_lines():
    rule = parse_rule_file(RULE, "news.example.txt")
    assert rule.problems == ()
    assert [directive.value for directive in rule.directives_named("body")] == ["//div[@id='story']", "//main"]
    assert rule.directives_named("strip") == (Directive("strip", "//aside", 6),)
    assert rule.label(rule.directives_named("strip")[0]) == "site:news.example.txt:6/strip"


def test_switches_replacements_headers_and_tests():
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


def test_an_empty_replacement_takes_the_string_out():
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
def test_a_bad_line_is_named_and_the_rest_holds(line, message):
    rule = parse_rule_file(f"title: //h1\n{line}\nstrip: //aside\n", "bad.example.txt")
    (problem,) = rule.problems
    assert str(problem).startswith(f"bad.example.txt:2: {message}")
    assert [directive.value for directive in rule.directives_named("strip")][-1:] == ["//aside"]


def test_comments_and_marks_are_passed_over():
    assert parse_rule_file("\ufeff# words: here\n// more: words\n\n", "a.txt").directives == ()


STORY_URL = "https://a.example/story"
STORY_PAGE = """<html><body><h1>The  wall</h1><h2></h2><h3>Third<script>x</script></h3>
<p class="who">Ann Lee</p><p class="who">Bo Chen</p><p class="site">the press</p>
<meta name="day" content=" 2024-05-03 "><time datetime="2024-05-04">May</time><i content=" said ">shown</i>
<b content="c"></b>
<a class="all" href="/story?print=1">1</a><a class="self" href="/story">2</a><a class="next" href="?page=2">3</a>
<a class="bad" href="  ">4</a><img src="/a.jpg"></body></html>"""


def finder(*rules: str, samples: bool = False) -> DirectiveFinder:
    tree = parse(STORY_PAGE)
    assert tree is not None
    return DirectiveFinder(tree, [parse_rule_file(text, f"{n}.txt") for n, text in enumerate(rules)], samples=samples)


def values(*rules: str) -> SiteRuleValues:
    return read_values(finder(*rules), STORY_URL)


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
def test_an_expression_finds_elements_texts_and_truths(expression, count, sample):
    found = finder(f"title: {expression}", samples=True)
    read_values(found, STORY_URL)
    assert [(match.count, match.sample, match.problem) for match in found.matches] == [(count, sample, "")]


def test_an_expression_that_fails_is_reported_and_a_sample_is_made_where_it_is_read():
    failing = finder()
    results, problem = failing.evaluate("//p[foo()]")
    assert results == []
    assert problem.startswith("//p[foo()]: ")
    found = finder("title: //h1")
    read_values(found, STORY_URL)
    assert found.matches[0].sample == ""


ALL, NEXT = (
    Outlink(f"{STORY_URL}?print=1", via=UrlSource.SINGLE_PAGE),
    Outlink(f"{STORY_URL}?page=2", via=UrlSource.NEXT),
)


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
            (Outlink(f"{STORY_URL}?page=2", via=UrlSource.SINGLE_PAGE),),
        ),
        ("single_page_link: //a[@class='all']\nsingle_page_link: //a[@class='next']", (ALL,)),
    ],
)
def test_a_link_is_the_first_whose_condition_holds(rule, links):
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
        ({"links": (Outlink(STORY_URL, via=UrlSource.SINGLE_PAGE),)}, {}),
        ({"excluded_image_parts": ("logo",)}, {"image": ""}),
        ({"excluded_image_parts": ("other", "")}, {}),
    ],
)
def test_values_take_the_place_of_the_page_s_and_say_so(found, changed):
    metadata = override_metadata(OWN, SiteRuleValues(**found), STORY_URL, "2024-05-04T00:00:00+00:00")
    assert {name: getattr(metadata, name) for name in changed} == changed
    assert metadata.sources == {**OWN.sources, **dict.fromkeys(changed, "site_rule")}
    unchanged = ("title", "authors", "published", "canonical_url", "image")
    assert all(getattr(metadata, name) == getattr(OWN, name) for name in unchanged if name not in changed)


def test_links_of_rules_are_added_or_mark_those_of_the_page():
    own = (Outlink(ALL.url, "text"), Outlink(f"{STORY_URL}/other", "text"))
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
def test_the_first_that_has_a_text_counts_and_an_attribute_before_it(rules, found):
    read = values(*rules)
    assert (read.title, read.authors, read.dates) == found
