"""unclosed: a title or attribute that is never closed costs its line, not the page."""

import pytest

from broadsheet.cleaners.page.markup_repairs import MIN_CHARS_TO_CLOSE, close_noscript, close_unclosed, has_no_text
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks

STORY = "".join(f"<p>Paragraph {number} tells of the rain in May, at some length.</p>\n" for number in range(30))


def blocks_of(html: str) -> list[str]:
    tree = parse(html)
    return [] if tree is None else [block.text for block in read_blocks(tree)]


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
def test_what_is_never_closed_swallows_no_page(beginning: str) -> None:
    assert len(beginning + STORY) >= MIN_CHARS_TO_CLOSE
    texts = blocks_of(beginning + STORY)
    assert [text for text in texts if text.startswith("Paragraph")] == STORY.replace("<p>", "").split("</p>\n")[:-1]


def test_a_title_that_is_closed_late_keeps_its_line() -> None:
    tree = parse("<html><head><title>Rain in May\n</head><body>" + STORY)
    assert tree is not None
    assert [title.text for title in tree.iter("title")] == ["Rain in May"]


@pytest.mark.parametrize(
    "html",
    [
        "<html><head><title>Rain</title></head><body class='story'>" + STORY,
        '<a title="Rain" href="/x">a</a><img alt="two" src="/y">',
        "<title>Rain</title><textarea>\n</textarea><iframe src='/x'></iframe>",
    ],
)
def test_what_is_closed_stays_as_it_is(html: str) -> None:
    assert close_unclosed(html) == html


def test_a_page_with_text_is_not_touched() -> None:
    """The picture's words are never closed here, but the page has its text."""
    page = "<body>" + STORY + '<img alt="a long line>\n'
    assert len(blocks_of(page)) == 30


@pytest.mark.parametrize(
    "code", ["<script>document.write('<p>x')</script>", "<noscript><p>switch it on</p></noscript>", ""]
)
def test_a_page_that_scripts_fill_has_no_text(code: str) -> None:
    tree = parse(f"<html><head><title>t</title></head><body>\n<div> {code} </div></body>")
    assert tree is not None
    assert has_no_text(tree)
    with_text = parse(f"<body><div>{code}</div> after")
    assert with_text is not None
    assert not has_no_text(with_text)


def test_many_open_titles_take_time_in_proportion() -> None:
    assert close_unclosed("<title>\n" * 50_000).count("</title>") == 50_000


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
def test_a_noscript_that_is_never_closed_swallows_no_page(noscript: str, shown: list[str], before: str) -> None:
    story = STORY.replace("<p>", "").split("</p>\n")[:-1]
    assert blocks_of(f"<html><head></head><body>{before}{noscript}{STORY}</body>")[bool(before) :] == [*shown, *story]


@pytest.mark.parametrize(
    "page",
    [
        f"<p>a</p><noscript>{PIXEL}</noscript><p>b</p>",
        f"<!-- <noscript> --><noscript>{PIXEL}</noscript>",
        "<script>write('<noscript>')</script><noscript>x</noscript>",
        "<script>write('<noscript>'",
        "no script",
    ],
)
def test_a_noscript_that_is_closed_stays_as_it_is(page: str) -> None:
    assert close_noscript(page) == page


def test_many_open_noscripts_take_time_in_proportion() -> None:
    assert close_noscript("<noscript><!-- " * 50_000).count("</noscript>") == 1
    assert close_noscript("<noscript>x<b>" * 50_000).count("</noscript>") == 50_000
