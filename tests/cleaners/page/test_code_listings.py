"""Line numbers are set apart from the code that they count, and a table of figures stays a table."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import BlockKind, CleanedPage, Page
from tests.cleaners.building import STORY

LINES = ["./configure --prefix=/usr", "make all", "  make check", "make install"]
NUMBERS = "\n".join(map(str, range(1, 5)))
CODE = "\n".join(LINES)


def rows(number_cell: str, code_cell: str) -> str:
    return "".join(f"<tr><td {number_cell}>{n}</td><td {code_cell}>{line}</td></tr>" for n, line in enumerate(LINES, 1))


def divs(name: str, texts: list[str]) -> str:
    return "".join(f'<div class="{name}">{text}</div>' for text in texts)


def spans(texts: list[str]) -> str:
    return "".join(f'<span class="line">{text}</span><br>' for text in texts)


def columns(gutter: str, numbers: str, code: str) -> str:
    return f'<table><tr><td class="{gutter}">{numbers}</td><td class="code">{code}</td></tr></table>'


LISTINGS = {
    "a table of rows": f'<table class="highlight">{rows("class=blob-num", "class=blob-code")}</table>',
    "numbers by style": '<table>' + rows("class=blob-num", "").replace(">1<", "><").replace(">2<", "><")
    .replace(">3<", "><").replace(">4<", "><") + "</table>",
    "two columns": columns("linenos", f"<div><pre>{NUMBERS}</pre></div>", f"<div><pre>{CODE}</pre></div>"),
    "lines with breaks": columns("gutter", f"<pre>{spans(NUMBERS.split())}</pre>", f"<pre>{spans(LINES)}</pre>"),
    "lines in boxes": columns("gutter", divs("line", NUMBERS.split()), divs("line", LINES)),
    "inside of code": f"<pre><code>{columns('rouge-gutter gl', f'<pre>{NUMBERS}</pre>', f'<pre>{CODE}</pre>')}"
    "</code></pre>",
    "before each line": "<pre>"
    + "\n".join(f'<span class="lineno">{n}</span> {line}' for n, line in enumerate(LINES, 1)) + "</pre>",
    "without numbers": f"<pre>{CODE}</pre>",
}  # fmt: skip


def cleaned(inside: str) -> CleanedPage:
    above, below = ("".join(f"<p>{text}</p>" for text in part) for part in (STORY[:2], STORY[2:]))
    page = f"<html lang=en><title>The build</title><body><article><h1>The build</h1>{above}{inside}{below}</article>"
    return clean(Page("https://a.example/2024/05/the-build", page.encode()))


@pytest.mark.parametrize("kind", LISTINGS)
def test_the_code_is_in_the_text_and_its_line_numbers_are_not(kind):
    page = cleaned(LISTINGS[kind])
    kept = [block for block, verdict in zip(page.blocks, page.verdicts, strict=True) if verdict.kept]
    assert [block.text for block in kept if block.kind is BlockKind.CODE] == [CODE]
    assert [block.text for block in kept if block.kind is not BlockKind.CODE] == STORY
    removed = [v.rule for b, v in zip(page.blocks, page.verdicts, strict=True) if b.text == NUMBERS]
    assert set(removed) <= {"layout/line-numbers"}


@pytest.mark.parametrize(
    "table",
    [
        f"<table>{rows('', '')}</table>",
        f"<table>{rows('class=rank', 'class=team')}</table>",
        f"<table>{rows('class=gutter', '').replace('>2<', '>7<')}</table>",
        '<table><tr><td class="gutter">1</td><td><p>The harbour is closed for the winter.</p></td></tr></table>',
        '<table><tr><td class="gutter"></td><td><b>Harbour</b></td></tr><tr><td>a</td><td>b</td></tr></table>',
    ],
)
def test_other_tables_stay(table):
    assert not any(block.kind is BlockKind.CODE for block in cleaned(table).blocks)


@pytest.mark.parametrize("attributes", ["class=share", "class=widget", "class=search-nav", "class=ads"])
@pytest.mark.parametrize("code", ["2024-05-03 12:00", "make all", "$ date\n3 May 2024", "Share this"])
def test_no_rule_takes_code_between_two_paragraphs(attributes, code):
    assert code in cleaned(f"<div {attributes}><pre>{code}</pre></div>").text
