"""Runs of inline content: text, markdown, link characters.

Tables of data and tables that lay a page out.
"""

from __future__ import annotations

import pytest
from lxml import html

from broadsheet.cleaners.page.inline_text import InlineRun, fold_spaces, is_data_table, read_table


def run_of(markup: str) -> tuple[str, str, int]:
    return InlineRun.from_element(
        html.fragment_fromstring(f"<td>{markup}</td>", create_parent="table").find(".//td")
    ).take()


def collected(*steps: tuple[str, ...]) -> tuple[str, str, int]:
    run = InlineRun()
    for name, *arguments in steps:
        getattr(run, name)(*arguments)
    return run.take()


def test_fold_gives_one_line_in_nfc_without_what_is_never_seen():
    assert fold_spaces(" a\n b\u00a0c\u200b\u00add ") == "a b cd"
    assert fold_spaces("e\u0301") == "é"
    assert fold_spaces("") == ""


def test_links_are_counted_and_written():
    steps = [("add", "see "), ("open_link", "/a b(c)"), ("add", "the mill"), ("close_link",), ("add", ".")]
    assert collected(*steps) == ("see the mill.", "see [the mill](/a%20b%28c%29).", 8)


@pytest.mark.parametrize("href", ["", "#note", "javascript:void(0)"])
def test_a_link_that_leads_nowhere_counts_and_is_not_written(href):
    assert collected(("open_link", href), ("add", "top"), ("close_link",)) == ("top", "top", 3)


def test_marks_nest_and_an_empty_one_vanishes():
    steps = [("open_mark", "*"), ("open_mark", "**"), ("add", "x"), ("close_mark", "**"), ("close_mark", "*")]
    assert collected(*steps)[1] == "***x***"
    assert collected(("open_mark", "*"), ("add", " "), ("close_mark", "*"), ("add", "y"))[:2] == ("y", "y")


def test_a_line_break_is_a_newline_and_two_are_a_boundary():
    run = InlineRun()
    run.add("one ")
    assert not run.line_break()
    run.add(" two")
    assert not run.line_break()
    assert run.line_break()
    assert run.take()[0] == "one\ntwo"


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("<code>a` &lt;b&gt; `c</code>", "a\\` \\<b> \\`c"),
        ("<code>a ` &lt;b&gt;</code><code>`</code>", "a \\` \\<b>\\`"),
        ("a*b_c [d] &lt;e>", r"a\*b\_c \[d\] \<e>"),
        ("<p>one</p><p>two</p>x<br>y", "one two x y"),
        ("<a href='JavaScript:x()'>a</a>", "a"),
        ("<a href=' data:text/html,x'>a</a>", "a"),
        ("<a href='/?a=1&amp;b=2'>a</a>", "[a](/?a=1&b=2)"),
        ("<a href='java&amp;#115;cript:x()'>a</a>", "[a](java&amp;#115;cript:x%28%29)"),
    ],
)
def test_what_would_end_code_or_begin_a_script_is_text(markup, markdown):
    assert run_of(markup)[1] == markdown


ROWS = "<tr><th>Year</th><th>Mills</th></tr><tr><td>1999</td><td>2 <a href='/m'>mills</a></td></tr>"


def table(inside: str, attributes: str = "") -> html.HtmlElement:
    return html.fromstring(f"<table {attributes}>{inside}</table>")


def test_a_hidden_row_is_not_read_and_an_empty_table_says_nothing():
    assert read_table(table(ROWS + "<tr hidden><td>2000</td><td>3</td></tr>"))[0].count("\n") == 1
    assert read_table(table("<tr><td> </td><td></td></tr>")) == ("", "", 0)


@pytest.mark.parametrize(
    ("inside", "attributes", "data"),
    [
        (ROWS, "", True),
        (ROWS, 'role="presentation"', False),
        (ROWS.replace("1999", "<nav>1999</nav>"), "", False),
        (ROWS.replace("1999", "word " * 400), "", False),
        (f"<tr><td>{'x' * 120}</td><td>{'y' * 120}</td></tr>" * 2, "", True),
        (f"<tr><td>{'x' * 120}</td><td>{'y' * 121}</td></tr>" * 2, "", False),
        ("<tr><td>1</td><td>2</td></tr>" * 3 + "<tr><td>1</td></tr>" * 2, "", True),
        ("<tr><td>1</td><td>2</td></tr>" * 2 + "<tr><td>1</td></tr>" * 2, "", False),
        ("<tr><td>1</td><td>2</td></tr>", "", False),
        ("<tr><td>1</td></tr><tr><td>2</td></tr>", "", False),
    ],
)
def test_a_data_table_has_short_cells_in_rows_and_columns(inside, attributes, data):
    assert is_data_table(table(inside, attributes)) is data
