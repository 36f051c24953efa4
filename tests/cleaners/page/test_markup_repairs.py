"""Repairs of markup: bounds and what is said of a cut, late pieces, template scripts, what is never closed."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.cleaners.page import markup_repairs as bounds
from broadsheet.cleaners.page.markup_repairs import (
    MAX_ATTRIBUTES,
    MAX_ELEMENTS,
    MIN_CHARS_TO_CLOSE,
    close_noscript,
    close_unclosed,
    cut_attributes,
    cut_elements,
    has_no_text,
    has_too_many_elements,
    show_script_templates,
)
from broadsheet.cleaners.page.parsed_page import MAX_DEPTH, parse, parse_page
from broadsheet.cleaners.page.visible_blocks import read_blocks

PROSE = "<p>The council had asked for the bridge in the spring, and it was built.</p>"


@pytest.mark.parametrize(
    "text",
    ["", "no markup", PROSE, "a < b" * 300_000, f"<p {'x' * 50_000}>", "<" * 300_000],
    ids=["nothing", "words", "prose", "no tags", "a word", "angles"],
)
def test_a_page_within_the_bounds_is_left_as_it_is(text):
    assert not has_too_many_elements(text)
    assert cut_attributes(text) == text


def test_of_nested_elements_the_tags_go_and_not_the_text(monkeypatch):
    monkeypatch.setattr(bounds, "MAX_ELEMENTS", 400)
    parsed = parse_page("<div>a" * 500 + "<p>The end.</p>")
    assert parsed.tree is not None
    assert len(parsed.tree.text_content().split("a")) == 501
    assert parsed.tree.text_content().endswith("The end.")
    assert not any(cut.startswith("cut=elements") for cut in parsed.cuts)


def attributes(count: int) -> str:
    return "".join(
        f' data-{number}="{number} {number}"' if number % 2 else f" data-{number}" for number in range(count)
    )


@pytest.mark.parametrize("count", [1, MAX_ATTRIBUTES, MAX_ATTRIBUTES + 1, 9_000])
def test_an_element_has_so_many_attributes_and_no_more(count):
    parsed = parse_page(f"<html><body><p{attributes(count)}>Text.</p><p>More.</p></body></html>")
    assert parsed.tree is not None
    first, second = parsed.tree.iter("p")
    assert len(first.attrib) == min(count, MAX_ATTRIBUTES)
    assert (first.text, second.text) == ("Text.", "More.")
    assert parsed.cuts == ((f"cut=attributes:{MAX_ATTRIBUTES}",) if count > MAX_ATTRIBUTES else ())


def test_quotes_stay_whole_around_what_is_cut():
    many = "".join(f" a{number}" for number in range(10_000))
    text = cut_attributes(f'<p{many} title="1 > 0" id="z">Text.</p>')
    assert text.endswith(' a3999 title="1 > 0" id="z">Text.</p>')


@pytest.mark.parametrize("script", ["for(b=0;b <f && x;b++)", "if (a <b) {", "a<b "])
def test_a_script_is_no_tag(script):
    many = " word" * 20_000
    source = f"<script>{script}{many}</script>"
    assert cut_attributes(source) == source
    unclosed = f"<p{attributes(9_000)}>x</p><script>{script}{many}"
    assert cut_attributes(unclosed).endswith(unclosed[unclosed.index("<script") :])
    assert cut_attributes(unclosed) != unclosed


@pytest.mark.parametrize(
    ("page", "bound", "cuts"),
    [
        (PROSE * 50, MAX_ELEMENTS, []),
        ("<div>" * 300 + PROSE, MAX_ELEMENTS, [f"flattened=depth:{MAX_DEPTH}"]),
        (f"<div{attributes(9_000)}></div>{PROSE}", MAX_ELEMENTS, [f"cut=attributes:{MAX_ATTRIBUTES}"]),
        (PROSE * 50, 40, [f"cut=elements:{MAX_ELEMENTS}"]),
    ],
)
def test_the_evidence_of_a_page_says_what_was_cut(page, bound, cuts, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_ELEMENTS", bound)
    facts = clean(Page("https://a.example/", page.encode())).verdict.evidence
    assert [fact for fact in facts if fact.startswith(("cut=", "flattened="))] == cuts


def test_a_page_ends_where_it_has_too_many_elements(monkeypatch):
    monkeypatch.setattr(bounds, "MAX_ELEMENTS", 3)
    text = "<p>one</p><b>two</b><i>three</i> < and<u>four</u>"
    assert (has_too_many_elements(text), has_too_many_elements(text[:32])) == (True, False)
    assert cut_elements(text) == text[:38]


def lines_of(page: str) -> list[str]:
    tree = parse(page)
    return [] if tree is None else [block.text for block in read_blocks(tree)]


POST = "<p>" + "The harbour wall was built of stone that came by sea from the quarry. " * 4 + "</p>"


def in_script(template: str, attributes: str = "type='text/template'") -> str:
    return f"<body><h1>The wall</h1><div><script {attributes}>{template}</script></div></body>"


def test_a_script_ends_at_its_own_end():
    page = in_script("{{ x }}") + in_script(POST) + "<script>let a = 1</script>"
    assert (
        show_script_templates(page)
        == in_script("{{ x }}")
        + in_script(POST).replace("<script type='text/template'>", "<div>").replace("</script>", "</div>")
        + "<script>let a = 1</script>"
    )


LATE = '<div hidden id="S:0"><p>The late part.</p></div>'
FALLBACK = '<!--$?--><template id="B:0"></template><p>Loading …</p><!--/$-->'
STORY = "".join(f"<p>Paragraph {number} tells of the rain in May, at some length.</p>\n" for number in range(30))


@pytest.mark.parametrize(
    "beginning",
    [
        "<html><head><title>Rain in May\n<meta name=a content='b'></head><body>",
        "<html><head><title>Rain in May</head><body>",
        "<html><head><title>Rain in May<title></head><body>",
        "<html><head><TITLE>Rain in May\r<body>",
        '<html><head><title>Rain</title></head><body class="story>',
        "<html><head><title>Rain</title></head><body class='story\n>",
        '<html><head><title>Rain</title><meta name="author" content="A. Writer></head><body>',
        "<html><body><textarea>A remark\n",
    ],
)
def test_what_is_never_closed_swallows_no_page(beginning):
    assert len(beginning + STORY) >= MIN_CHARS_TO_CLOSE
    texts = lines_of(beginning + STORY)
    assert [text for text in texts if text.startswith("Paragraph")] == STORY.replace("<p>", "").split("</p>\n")[:-1]


def test_a_page_with_text_is_not_touched():
    """The picture's words are never closed here, but the page has its text."""
    page = "<body>" + STORY + '<img alt="a long line>\n'
    assert len(lines_of(page)) == 30


@pytest.mark.parametrize(
    "code", ["<script>document.write('<p>x')</script>", "<noscript><p>switch it on</p></noscript>", ""]
)
def test_a_page_that_scripts_fill_has_no_text(code):
    tree = parse(f"<html><head><title>t</title></head><body>\n<div> {code} </div></body>")
    assert tree is not None
    assert has_no_text(tree)
    with_text = parse(f"<body><div>{code}</div> after")
    assert with_text is not None
    assert not has_no_text(with_text)


PIXEL = '<img src="/count" height=1>'


@pytest.mark.parametrize(
    ("noscript", "shown"),
    [
        (f"<noscript>{PIXEL}", []),
        (f"<NOSCRIPT>\n {PIXEL}<br>", []),
        ("<noscript><iframe src='/x'></iframe>", []),
        ("<noscript><style>p { color: red }</style>", []),
        ("<noscript>Please switch on JavaScript.", []),
        ("<noscript><p>Please switch on JavaScript.</p>", ["Please switch on JavaScript."]),
        (f"<noscript>{PIXEL}<noscript>{PIXEL}</noscript>", []),
        (f"<script>document.write('<noscript>')</script><noscript>{PIXEL}", []),
        (f"<div><noscript>{PIXEL}</div>", []),
    ],
)
@pytest.mark.parametrize("before", ["", "<p>The town's own paper.</p>"])
def test_a_noscript_that_is_never_closed_swallows_no_page(noscript, shown, before):
    story = STORY.replace("<p>", "").split("</p>\n")[:-1]
    assert lines_of(f"<html><head></head><body>{before}{noscript}{STORY}</body>")[bool(before) :] == [*shown, *story]


@pytest.mark.parametrize(
    ("repair", "text", "closed"),
    [
        (show_script_templates, "<script type='text/template'><p>a b c " * 20_000, ("</div>", 0)),
        (close_unclosed, "<title>\n" * 50_000, ("</title>", 50_000)),
        (close_noscript, "<noscript><!-- " * 50_000, ("</noscript>", 1)),
        (close_noscript, "<noscript>x<b>" * 50_000, ("</noscript>", 50_000)),
    ],
)
def test_a_long_page_of_what_is_never_closed_takes_time_in_proportion(repair, text, closed):
    assert repair(text).count(closed[0]) == closed[1]


PIECE = '<div hidden id="S:{}"><p>{}</p></div>'
OUTER = '<div hidden id="S:0"><p>One.</p><!--$?--><template id="B:1"></template>wait<!--/$--><p>Three.</p></div>'
NESTED = '<!--$?--><template id="B:0"></template><!--$--><p>Wait.</p><!--/$--><p>Still.</p><!--/$--><p>End.</p>'
WAITING = '<!--$?--><template id="B:0"></template>{}<!--/$--><p>End.</p>'


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (f"<h1>Title</h1>{FALLBACK}<p>End.</p>{LATE}", "Title|The late part.|End."),
        (f'<p>First.</p><template id="P:1"></template><p>Third.</p>{PIECE.format(1, "Second.")}',
         "First.|Second.|Third."),
        (f"{FALLBACK}<p>Four.</p>{OUTER}{PIECE.format(1, 'Two.')}", "One.|Two.|Three.|Four."),
        (f"{FALLBACK}<p>Four.</p>{PIECE.format(1, 'Two.')}{OUTER}", "One.|Two.|Three.|Four."),
        (NESTED + LATE, "The late part.|End."),
        (f"<p>Begin.</p>{LATE}<p>End.</p>", "Begin.|The late part.|End."),
        ('<p>Begin.</p><div hidden id="S:0"><template id="P:0"></template><p>The late part.</p></div><p>End.</p>',
         "Begin.|The late part.|End."),
        (f'<template id="B:0"></template><p>Begin.</p><p>End.</p>{LATE}', "The late part.|Begin.|End."),
        (f"<div>{FALLBACK}</div><div>before {LATE} after</div>", "The late part.|before after"),
        (WAITING.format("<p>x</p>" * 150) + LATE, "The late part.|End."),
        (WAITING.format("<p>x</p>" * 250) + LATE, "The late part.|" + "x|" * 250 + "End."),
    ],
    ids=["over its fallback", "a segment at its place", "pieces inside pieces", "the inner one first",
         "a fallback with boundaries", "no place", "a place in the piece", "a boundary without an end",
         "text around it", "an end that is near", "an end that is far"],
)  # fmt: skip
def test_a_late_piece_stands_at_its_place(body, lines):
    assert lines_of(f"<html><body>{body}</body></html>") == lines.split("|")


@pytest.mark.parametrize("attributes", ["type='text/template'", "type=text/template", 'TYPE = "text/template" '])
def test_a_post_in_a_template_script_is_text(attributes):
    shown = f"<body><h1>The wall</h1><div><div>{POST}</div></div></body>"
    assert show_script_templates(in_script(POST, attributes)) == shown


@pytest.mark.parametrize(
    "page",
    [
        in_script(POST, "type='text/javascript'"),
        in_script(POST, 'id="banner" type="text/template"'),
        in_script(POST, "type=text/template class=x"),
        in_script(POST, "type=text/x"),
        in_script(POST.replace("stone", "{{ material }}")),
        in_script(POST.replace("stone", "<%= material %>")),
        in_script("<p>Comment added</p>"),
        in_script(POST.replace("p>", "b>")),
        "<html><head><title>Rain</title></head><body class='story'>" + STORY,
        '<a title="Rain" href="/x">a</a><img alt="two" src="/y">',
        "<title>Rain</title><textarea>\n</textarea><iframe src='/x'></iframe>",
        "<TITLE>Rain\n</TITLE>",
        f"<p>a</p><noscript>{PIXEL}</noscript><p>b</p>",
        f"<!-- <noscript> --><noscript>{PIXEL}</noscript>",
        "<script>write('<noscript>')</script><noscript>x</noscript>",
        "<script>write('<noscript>'",
        "no script",
    ],
)
def test_what_is_closed_or_for_elsewhere_stays_as_it_is(page):
    assert show_script_templates(page) == close_unclosed(page) == close_noscript(page) == page
