"""`broadsheet clean`: a page or a text to its article."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from broadsheet.crawler.cli import cli
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands.clean import _is_html
from tests.crawler.scripted_site import page
from tests.crawler.shell import ACTIVE, HOSTILE, verb_here


def run_clean(*arguments: str, given: bytes = b"") -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["clean", *arguments], input=given, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, result.stdout


def test_text_is_told_from_html(tmp_path):
    file = tmp_path / "extracted.txt"
    story = [f"The council counted the {n} boats again, and wrote the number down as it had before." for n in "abc"]
    file.write_text("\n".join(["Home > News", "The boats that were counted twice", *story, "Share this"]))
    _, out = run_clean(str(file))
    assert out.splitlines() == ["The boats that were counted twice", "", *story]
    _, as_html = run_clean("--html", str(file))
    assert "Home > News" in as_html


def test_a_fragment_is_html_and_a_text_that_quotes_a_tag_is_text():
    _, out = run_clean("-", "--format", "json", given=b"<div><p>One</p><p>Two</p></div>")
    assert "page_type" in json.loads(out)
    _, out = run_clean("-", "--format", "json", given=b"A heading is written <h1> and ended </h1> in HTML.")
    assert "page_type" not in json.loads(out)


def test_many_comments_before_the_first_tag_take_no_time():
    """Doubled by each comment, the time would be that of years."""
    assert _is_html(b"<!-- a -->\n" * 60 + b"<div><p>One</p><p>Two</p></div>", None)
    assert not _is_html(b"<!-- a -->\n" * 60 + b"One", None)


def test_what_acts_on_a_terminal_is_made_inert():
    for options in ([], ["--explain"], ["--format", "json"], ["--format", "markdown"]):
        _, out = run_clean("-", *options, given=page(HOSTILE).encode())
        assert not set(out) & ACTIVE, options


def test_the_setting_says_whether_trafilatura_is_asked(monkeypatch):
    html = page("river").encode()
    for word, voters in (("always", {"extractor", "model"}), ("never", {"model"})):
        monkeypatch.setenv("BROADSHEET_EXTRACTOR", word)
        _, out = run_clean("-", "--format", "json", "--explain", given=html)
        votes = [vote for block in json.loads(out)["blocks"] for vote in block["votes"]]
        assert {vote["voter"] for vote in votes if vote["reason"] == "selected"} == voters
    monkeypatch.setenv("BROADSHEET_EXTRACTOR", "often")
    with pytest.raises(CommandError, match="BROADSHEET_EXTRACTOR must be one of always, in-doubt, never"):
        run_clean("-", given=html)


@pytest.mark.parametrize(
    ("text", "is_page"),
    [
        ("<!DOCTYPE html>x", True), ("<?xml version='1.0'?>\n<!-- a -->\n<html>", True), ("  <BODY>", True),
        ("words <p>one</p>", False), ("words <p>one</p><br>", True), ("words <q>one</q><x><y>", False),
        (f"{'w' * 19_985}<p>one</p><br>", True), (f"{'w' * 20_000}<p>one</p><br>", False),
        (f"{'w' * 19_990}<p>one</p><br>", False),
    ],
)  # fmt: skip
def test_a_page_is_told_from_a_text_by_its_first_twenty_thousand_characters(text, is_page):
    assert _is_html(text.encode(), None) is is_page
    assert (_is_html(text.encode(), "html"), _is_html(text.encode(), "text")) == (True, False)


def test_files_and_folders_are_cleaned_in_order_and_one_that_cannot_be_read_costs_the_others_nothing(tmp_path):
    (tmp_path / "below.html").mkdir()
    (tmp_path / "below.html" / "two.HTM").write_text(page("two"))
    (tmp_path / "below.html" / "four.TXT").write_text("Words of a text.")
    (tmp_path / "one.html").write_text(page("one"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    files = [str(tmp_path / name) for name in ("below.html/four.TXT", "below.html/two.HTM", "one.html")]
    _, out = run_clean(str(tmp_path))
    assert [line for line in out.splitlines() if line.startswith("==>")] == [f"==> {name} <==" for name in files]
    code, out = run_clean(str(tmp_path), "-", "--format", "json", given=page("three").encode())
    values = [json.loads(line) for line in out.splitlines()]
    assert (code, [value["file"] for value in values]) == (0, [*files, "-"])
    assert all(value["text"] for value in values)
    code, out, errors = verb_here("clean", tmp_path / "none.html", tmp_path / "one.html")
    assert (code, "one.html <==" in out, errors.count("\n"), "cannot read" in errors) == (1, True, 1, True)
