"""Tables of data and tables that lay a page out."""

from __future__ import annotations

import pytest
from lxml import html

from broadsheet.cleaners.html.tables import is_data_table, read_captions, read_table

ROWS = "<tr><th>Year</th><th>Mills</th></tr><tr><td>1999</td><td>2 <a href='/m'>mills</a></td></tr>"


def table(inside: str, attributes: str = "") -> html.HtmlElement:
    return html.fromstring(f"<table {attributes}>{inside}</table>")


def test_rows_are_lines_and_links_are_counted() -> None:
    text, markdown, link_chars = read_table(table(ROWS))
    assert text == "Year | Mills\n1999 | 2 mills"
    assert markdown.splitlines() == ["| Year | Mills |", "| --- | --- |", "| 1999 | 2 [mills](/m) |"]
    assert link_chars == 5


def test_a_hidden_row_is_not_read_and_an_empty_table_says_nothing() -> None:
    assert read_table(table(ROWS + "<tr hidden><td>2000</td><td>3</td></tr>"))[0].count("\n") == 1
    assert read_table(table("<tr><td> </td><td></td></tr>")) == ("", "", 0)


def test_only_captions_that_say_something_are_read() -> None:
    captions = read_captions(table(f"<caption>Fires</caption>{ROWS}"))
    assert [text for text, _, _ in captions] == ["Fires"]
    assert list(read_captions(table(f"<caption> </caption>{ROWS}"))) == []


@pytest.mark.parametrize(
    ("inside", "attributes", "data"),
    [
        (ROWS, "", True),
        (ROWS, 'role="presentation"', False),
        (ROWS.replace("1999", "<nav>1999</nav>"), "", False),
        (ROWS.replace("1999", "word " * 400), "", False),
        ("<tr><td>1</td><td>2</td></tr>", "", False),
        ("<tr><td>1</td></tr><tr><td>2</td></tr>", "", False),
    ],
)
def test_a_data_table_has_short_cells_in_rows_and_columns(inside: str, attributes: str, data: bool) -> None:
    assert is_data_table(table(inside, attributes)) is data
