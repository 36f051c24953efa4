"""`broadsheet clean`: a page or a text to its article."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.crawler.cli import cli, run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands.clean import _is_html
from tests.crawler.scripted_site import page
from tests.crawler.shell import ACTIVE, HOSTILE


def run_clean(*arguments: str, given: bytes = b"") -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["clean", *arguments], input=given, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, result.stdout


def test_text_is_told_from_html(tmp_path: Path) -> None:
    file = tmp_path / "extracted.txt"
    story = [f"The council counted the {n} boats again, and wrote the number down as it had before." for n in "abc"]
    file.write_text("\n".join(["Home > News", "The boats that were counted twice", *story, "Share this"]))
    _, out = run_clean(str(file))
    assert out.splitlines() == ["The boats that were counted twice", "", *story]
    _, as_html = run_clean("--html", str(file))
    assert "Home > News" in as_html


def test_a_fragment_is_html_and_a_text_that_quotes_a_tag_is_text() -> None:
    _, out = run_clean("-", "--format", "json", given=b"<div><p>One</p><p>Two</p></div>")
    assert "page_type" in json.loads(out)
    _, out = run_clean("-", "--format", "json", given=b"A heading is written <h1> and ended </h1> in HTML.")
    assert "page_type" not in json.loads(out)


def test_many_comments_before_the_first_tag_take_no_time() -> None:
    """Doubled by each comment, the time would be that of years."""
    assert _is_html(b"<!-- a -->\n" * 60 + b"<div><p>One</p><p>Two</p></div>", None)
    assert not _is_html(b"<!-- a -->\n" * 60 + b"One", None)


def test_explain_lists_every_block() -> None:
    arguments = page("river").encode()
    output = clean(Page("", arguments))
    _, out = run_clean("-", "--explain", "--format", "json", given=arguments)
    blocks = json.loads(out)["blocks"]
    assert [block["text"] for block in blocks] == [block.text for block in output.blocks]
    assert {"position", "kept", "reason", "rule", "repeats", "votes", "kind", "path", "text"} == set(blocks[0])
    for columns in ("60", "140"):
        result = CliRunner(env={"COLUMNS": columns}).invoke(cli, ["clean", "-", "--explain"], input=arguments)
        lines = result.stdout.splitlines()
        assert max(map(len, lines)) <= int(columns)
        assert sum(verdict.rule in result.stdout for verdict in output.verdicts) == len(output.verdicts)


def test_what_acts_on_a_terminal_is_made_inert() -> None:
    for options in ([], ["--explain"], ["--format", "json"], ["--format", "markdown"]):
        _, out = run_clean("-", *options, given=page(HOSTILE).encode())
        assert not set(out) & ACTIVE, options


def test_no_article_is_said_and_is_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "empty.html"
    file.write_text("<html><body></body></html>")
    assert run(["clean", str(file)]) == 1
    assert "no article text found" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [b"\x7fELF\0\0\0\1\2\3" * 50, None], ids=["binary", "missing"])
def test_what_cannot_be_read_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: bytes | None
) -> None:
    file = tmp_path / "file"
    if arguments is not None:
        file.write_bytes(arguments)
    assert run(["clean", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def saved_pages(tmp_path: Path) -> Path:
    """A folder with two pages, one of them further down, a text, and a file that is no page."""
    folder = tmp_path / "saved"
    (folder / "below").mkdir(parents=True)
    (folder / "one.html").write_text(page("one"))
    (folder / "below" / "two.HTM").write_text(page("two"))
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def test_many_files_as_json_are_an_object_a_line(saved_pages: Path) -> None:
    code, out = run_clean(str(saved_pages), "-", "--format", "json", given=page("three").encode())
    values = [json.loads(line) for line in out.splitlines()]
    assert (code, [value["file"] for value in values]) == (
        0,
        [str(saved_pages / "below" / "two.HTM"), str(saved_pages / "one.html"), "-"],
    )
    assert all(value["text"] for value in values)


def test_a_folder_with_the_name_of_a_page_is_a_folder(saved_pages: Path) -> None:
    (saved_pages / "three.html").mkdir()
    (saved_pages / "three.html" / "four.TXT").write_text("Words of a text.")
    _, out = run_clean(str(saved_pages))
    assert [line for line in out.splitlines() if line.startswith("==>")] == [
        f"==> {saved_pages / name} <==" for name in ("below/two.HTM", "one.html", "three.html/four.TXT")
    ]


def test_a_file_that_cannot_be_read_costs_the_others_nothing(
    saved_pages: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["clean", str(saved_pages / "none.html"), str(saved_pages / "one.html")]) == 1
    shown = capsys.readouterr()
    assert "one.html <==" in shown.out
    assert shown.err.count("\n") == 1
    assert "cannot read" in shown.err


def test_a_folder_without_pages_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["clean", str(tmp_path)]) == 2
    assert "holds no .html" in capsys.readouterr().err


def test_the_setting_says_whether_trafilatura_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    html = page("river").encode()
    for word, voter in (("always", "extractor"), ("never", "first-look")):
        monkeypatch.setenv("BROADSHEET_EXTRACTOR", word)
        _, out = run_clean("-", "--format", "json", "--explain", given=html)
        votes = [vote for block in json.loads(out)["blocks"] for vote in block["votes"]]
        assert {vote["voter"] for vote in votes if vote["reason"] == "selected"} == {voter}
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
def test_a_page_is_told_from_a_text_by_its_first_twenty_thousand_characters(text: str, is_page: bool) -> None:
    assert _is_html(text.encode(), None) is is_page
    assert (_is_html(text.encode(), "html"), _is_html(text.encode(), "text")) == (True, False)
