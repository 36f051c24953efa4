"""Verbs that read an archive: `search`, `show`, `explain`, `changes`, `diff`, `report`, `verify` and `datasette`.

What they print of an archive with rows of all kinds stands in `transcripts`; here is what those do not have."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from rich.console import Console

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.document import ArticleImage, Block, BlockKind, Verdict
from broadsheet.crawler.cli import command_line, run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import explain
from broadsheet.crawler.commands.changes import RevisionChoice, _choose_revisions, _render_words, parse_since
from broadsheet.crawler.commands.search import _coloured_parts
from broadsheet.crawler.commands.show import _paragraph
from broadsheet.crawler.crawl import processes
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.archive.revisions import RevisionChange, RevisionMark
from broadsheet.output.raw import stored_credentials
from broadsheet.output.read import report_figures, report_text
from broadsheet.output.read.edit_history import Revision
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.commands.conftest import CAPTION, RIVER, SIMILAR_WORDS
from tests.crawler.commands.earlier_cleaner import archive as earlier_archive
from tests.crawler.commands.earlier_cleaner import kept_all, town
from tests.crawler.crawls import REPOSITORY
from tests.crawler.shell import ACTIVE, HOSTILE, rows, verb_here
from tests.internal_tables import REVISION_BLOCKS
from tests.output.cleaned_pages import with_page
from tests.output.conftest import Maker


def execute(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


# --- search --------------------------------------------------------------------------------------------------------
@pytest.fixture
def french(tmp_path: Path) -> Path:
    """Two articles of which one has a word in the plural, and one a date and a low certainty."""
    file, make = tmp_path / "made.db", Maker()
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome("https://a.example/a/index.html", "Les armées passent le pont.", title="Le pont")])
        archive.save([make.outcome("https://a.example/b", "Une tour sur la rive.", title="La tour")])
        archive.db.execute("UPDATE articles SET published_day = '2024-01-31' WHERE url LIKE '%/b'")
        archive.db.execute("UPDATE pages SET certainty = .5 + .1 * (title = 'La tour')")
    return file


@pytest.mark.parametrize(
    ("words", "titles", "said"),
    [
        ("armée", ["Le pont"], ""),
        ("tours", ["La tour"], ""),
        ("tou", [], "no article matches tou: none has tou"),  # a short word stays as it is
        ("pont xylophone", [], "no article matches pont xylophone: none has xylophone"),
        ("pont tour", [], "no article matches pont tour: no article has all of it"),
        ("pont --since 2024", [], "no article matches pont within these filters: none has pont"),
        ("--language en", [], "no article within these filters"),
        ("", ["La tour", "Le pont"], ""),
        ("--sort certainty", ["Le pont", "La tour"], ""),
        ("--since 2024", ["La tour"], ""),
        ("l* --sort date", ["La tour", "Le pont"], ""),
        ("l* --sort certainty", ["Le pont", "La tour"], ""),
        ("--limit 1", ["La tour"], ""),
    ],
)
def test_a_search_finds_filters_and_sorts_or_says_which_word_is_nowhere(french, words, titles, said):
    code, _, errors = verb_here("search", french, *words.split())
    assert (code, errors) == ((1, f"broadsheet: {said}\n") if said else (0, ""))
    code, out, _ = verb_here("search", french, *words.split(), "--json")
    found = json.loads(out)
    assert (code, [article["title"] for article in found["articles"]]) == (int(bool(said)), titles)
    assert found["missing"] == [word for word in ("xylophone", "tou", "pont") if said.endswith(f"none has {word}")]


def test_what_a_stranger_stored_does_nothing_on_a_terminal(db):
    execute(
        db,
        "UPDATE articles SET language = char(7, 155, 8238) || 'en'",
        "UPDATE articles SET text = char(27) || '[2J' || text || char(8238, 7)",
    )
    code, out, _ = verb_here("search", db, "river")
    assert (code, set("\x1b\x07\x9b\u202e") & set(out)) == (0, set())
    execute(db, "UPDATE articles SET published_day = char(27) || '[2J'")
    code, _, errors = verb_here("search", db, "river")
    assert (code, "is damaged at articles/published_day row " in errors) == (1, True)


YELLOW, PLAIN = "\x1b[33m\x1b[1m", "\x1b[0m"


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (26, f"a {YELLOW}dredger{PLAIN} in the {YELLOW}channel{PLAIN}."),
        (16, f"a {YELLOW}dredger{PLAIN} in th…"),
        (5, f"a {YELLOW}dr…{PLAIN}"),
    ],
)
def test_matches_are_in_colour_as_far_as_the_line_goes(columns, shown):
    parts = [(False, "a "), (True, "dredger"), (False, " in the "), (True, "channel"), (False, ".")]
    assert _coloured_parts(parts, columns) == shown


# --- show ----------------------------------------------------------------------------------------------------------
def test_an_article_is_printed_with_its_facts_and_as_json(tmp_path):
    url, file, make = "https://a.example/a/index.html", tmp_path / "made.db", Maker()
    with Archive.open(file, make.clock) as archive:
        paragraphs = ("It has three arches.", "Nobody counted.")
        archive.save([make.outcome(url, *paragraphs, removed=("Share",), title="The \x1b[2Jbridge")])
        [(number,)] = archive.db.execute("SELECT id FROM articles").fetchall()
        row = {"article_id": number, "title": "", "text_digest": "", "seen_at": "2026-02-01T00:00:00Z"}
        archive.db["revisions"].insert(row | {"change": "withdrawn", "number": 2, "note": "http_410"})
    head, *blocks = verb_here("show", file, url)[1].rstrip().split("\n\n")
    assert (blocks, "\x1b" in head) == (list(paragraphs), False)
    assert head.splitlines()[1:] == [
        url,
        f"no date · a.example · 6 words · number {number}",
        "Withdrawn by its site, 2026-02-01 (HTTP 410 Gone); the archive keeps it.",
        f"1 edit since it was first seen, 2026-01-01 (broadsheet diff {file} {number} shows the last)",
    ]
    assert verb_here("show", file, url, "--markdown", "--removed")[1].endswith(
        "## Removed from the page\n\n- share buttons: Share\n"
    )
    values = json.loads(verb_here("show", file, url, "--json", "--removed")[1])
    assert (values["url"], values["withdrawn"], values["revisions"]) == (url, True, 2)
    assert [block["reason"] for block in values["removed"]] == ["share buttons"]
    assert "removed" not in json.loads(verb_here("show", file, url, "--json")[1])


def test_words_are_broken_neither_at_hyphens_nor_anywhere_else():
    assert _paragraph("a well-known long-distance-runner https://a.example/very/long", 16, "  ") == (
        "  a well-known\n  long-distance-runner\n  https://a.example/very/long"
    )


# --- explain -------------------------------------------------------------------------------------------------------
def test_explain_shows_each_block_with_its_number_and_who_ruled_on_it(archive_path):
    assert verb_here("restore", archive_path, block_id(CAPTION))[0] == 0
    positions, numbers = zip(
        *rows(archive_path, f"SELECT position, block_id FROM blocks WHERE url = '{RIVER}' ORDER BY 1"), strict=True
    )
    code, out, _ = verb_here("explain", archive_path, RIVER)
    assert (code, "article; 9 words of text" in out, "certainty" in out) == (0, True, False)
    shown = re.findall(r"^ *(\d+)  (?:kept|removed) ", out, re.MULTILINE)
    assert [int(number) for number in shown] == list(positions)
    assert (str(block_id(CAPTION)) in out, "restored by hand" in out, ACTIVE & set(out)) == (False, True, set())
    blocks = json.loads(verb_here("explain", archive_path, RIVER, "--json")[1])["blocks"]
    assert [block["block_id"] for block in blocks] == list(numbers)
    [block] = [block for block in blocks if block["block_id"] == block_id(CAPTION)]
    assert (block["kept"], block["text"]) == (True, CAPTION)
    assert block["overruled"] == {"reason": "share buttons", "rule": "share.icons"}


def test_nothing_is_cut_where_the_output_is_no_terminal(archive_path, monkeypatch):
    for columns, is_whole in (({}, True), ({"COLUMNS": "80"}, False)):
        monkeypatch.delenv("COLUMNS", raising=False)
        monkeypatch.setattr("tests.crawler.shell.environment", lambda columns=columns: columns)
        out = verb_here("explain", archive_path, RIVER)[1]
        assert (SIMILAR_WORDS in out, "…" in out) == (is_whole, not is_whole)


def test_explain_says_how_certain_a_text_is_what_is_said_twice_and_lists_pictures(archive_path):
    certain, twice, make = "https://a.example/certain", "https://a.example/twice", Maker()
    picture = ArticleImage("https://a.example/i.jpg", "The mill", "Photo: Ana Sol", "A mill")
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text) for n, text in enumerate(("Mill", "River", "River")))
    kept, again = Verdict(True, "selected", "s"), Verdict(False, "said twice", "context/duplicate", repeats=1)
    with Archive.open(archive_path, make.clock) as archive:
        first = make.outcome(certain, "one two", removed=("three",), chances=bytes([255, 0]), images=(picture,))
        second = with_page(make.outcome(twice, "x"), blocks=blocks, verdicts=(kept, kept, again), text="Mill\nRiver")
        archive.save([first, second])
    assert "1 removed; certainty high (expected F1 1.00)" in verb_here("explain", archive_path, certain)[1]
    values = json.loads(verb_here("explain", archive_path, certain, "--json")[1])
    assert (values["certainty"], values["images"]) == (1.0, [asdict(picture)])
    assert "said twice, as block 1" in verb_here("explain", archive_path, twice)[1]
    values = json.loads(verb_here("explain", archive_path, twice, "--json")[1])
    assert [block["repeats"] for block in values["blocks"]] == [None, None, 1]


def test_explain_asks_trafilatura_with_the_raw_response_and_says_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "run_in_worker", lambda function, *arguments: function(*arguments))
    bodies, was = town(river=kept_all)
    body = bodies["/river"].replace("</body>", "<footer><p>Printed in Quillmere.</p></footer></body>")
    file, story = earlier_archive(tmp_path, {"/river": body}, was), "https://a.example/river"
    blocks = json.loads(verb_here("explain", file, story, "--json", "--extractor")[1])["blocks"]
    assert [(block["text"][:5], block["extracted"]) for block in blocks if block["kept"]] == [
        ("The s", True), ("River", True), ("River", True), ("River", True), ("Share", True), ("Print", False)
    ]  # fmt: skip
    assert {block["extracted"] for block in json.loads(verb_here("explain", file, story, "--json")[1])["blocks"]} == {
        None
    }
    said = "trafilatura would keep 5 blocks: 0 of those removed, without 1 of those kept\n"
    short, full = (verb_here("explain", file, story, "--extractor", *more)[1] for more in ((), ("--full",)))
    assert (said in short, said in full, full.count("trafilatura removes")) == (True, True, 1)
    (tmp_path / "a.warc.gz").unlink()
    code, out, errors = verb_here("explain", file, story, "--extractor")
    assert (code, errors, "River paragraph 1" in out) == (0, "", True)
    assert "trafilatura could not be asked: raw_missing: a.warc.gz: No such file or directory\n" in out
    execute(file, "UPDATE captures SET warc_file = NULL, warc_offset = NULL, warc_length = NULL")
    values = json.loads(verb_here("explain", file, story, "--extractor", "--json")[1])
    assert values["extractor_failure"] == "the archive has no raw response of this page"


def test_on_a_terminal_the_longest_removed_block_has_a_command_that_brings_it_back(monkeypatch):
    texts = ("kept " * 40, "short", "it's the longest of those that were removed", "middling one")
    blocks = [SimpleNamespace(is_kept=not at, text=text, position=at) for at, text in enumerate(texts)]
    page: Any = SimpleNamespace(url="https://a.example/a page", blocks=blocks)
    words = "'it'\"'\"'s' the longest of those that were removed".split()[: explain._HINT_WORDS]
    hint = f"broadsheet restore 'my a.db' 'https://a.example/a page' 2 {' '.join(words)}"
    for is_terminal, lines in (
        (False, []),
        (True, ["", f"To bring a block back, or take one out with remove: {hint}"]),
    ):
        monkeypatch.setattr(explain.sys.stdout, "isatty", lambda is_terminal=is_terminal: is_terminal)
        assert explain._hint_lines("my a.db", page) == lines
    page.blocks = blocks[:1]
    assert explain._hint_lines("a.db", page) == []


# --- changes and diff ----------------------------------------------------------------------------------------------
STORY, GONE, EVIL = (f"http://a.test/{name}" for name in ("story", "gone", "evil"))
ONE = "The council of the harbour town voted on Tuesday to keep the second dredger in service until spring."
TWO = "Its harbour master had told the members that the first one would be in the yard for eleven weeks."
THREE = "The ferry to the outer island ends its service after ninety years, as the company wrote to its riders."
FOUR = "Nobody spoke against the new fence, and the chair closed the sitting after a quarter of an hour at most."
NOTICE = "Correction: An earlier version of this article said that the vote was on Tuesday."


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A story corrected and then given another title, one that went, and one with a hostile title."""
    file, make = tmp_path_factory.mktemp("watched") / "a.db", Maker()
    monday = (ONE.replace("Tuesday", "Monday"), TWO, NOTICE)
    looks = (
        [
            make.outcome(STORY, ONE, TWO, title="Dredger stays"),
            make.outcome(GONE, THREE, title="Ferry ends"),
            make.outcome(EVIL, FOUR, title=HOSTILE),
        ],
        [make.outcome(STORY, *monday, title="Dredger stays"), make.failure(GONE, "http_410")],
        [
            make.outcome(STORY, *monday, title="Second dredger stays"),
            make.outcome(EVIL, f"{FOUR} {HOSTILE}", title="Evil \x1b[2J other"),
        ],
    )
    with Archive.open(file, make.clock) as archive:
        for outcomes in looks:
            archive.save(outcomes)
            settle(archive.db, make.clock)
    return file


def test_edits_are_listed_in_order_with_what_they_did_since_a_number_and_by_kind(edited):
    code, out, errors = verb_here("changes", edited)
    lines = out.splitlines()
    assert (code, errors, ACTIVE & set(out), max(map(len, lines)) <= 100) == (0, "", set(), True)
    assert [line.split()[3] for line in lines[::3][:2]] == ["correction,", "withdrawn"]
    assert "blocks: 1 rewritten, 1 added; “Correction: An earlier version" in lines[1]
    assert (lines[2].strip(), lines[4].strip(), "was “Dredger stays”" in out) == (STORY, "HTTP 410 Gone", True)

    def listed(*options: object) -> list[dict[str, Any]]:
        return [json.loads(line) for line in verb_here("changes", edited, "--json", *options)[1].splitlines()]

    edits = listed()
    assert [edit["kind"] for edit in edits] == ["correction", "withdrawn", "headline", "headline"]
    assert edits[0]["kinds"] == ["correction", "lead"]
    assert listed("--since", edits[1]["seq"]) == edits[2:]
    assert [edit["url"] for edit in listed("--kind", "lead", "--kind", "withdrawn")] == [STORY, GONE, EVIL]
    assert [edit["url"] for edit in listed("--kind", "new")] == [STORY, GONE, EVIL]
    assert listed("--since", "2100-01-01") == []
    code, _, errors = verb_here("diff", edited, GONE)
    assert (code, "has only one text (withdrawn: HTTP 410 Gone" in errors) == (1, True)


@pytest.mark.slow
def test_on_a_terminal_a_diff_is_in_colour_and_nothing_acts(edited):
    reading, writing = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    words = [sys.executable, "-m", "broadsheet.crawler.cli", "diff", str(edited), EVIL]
    subprocess.run(words, stdout=writing, env=environment, check=True)
    os.close(writing)
    shown = b""
    try:
        while part := os.read(reading, 65_536):
            shown += part
    except OSError:
        pass
    os.close(reading)
    assert (b"\x1b[1;32m" in shown, b"\x1b[2J" in shown, "\u202e" in shown.decode()) == (True, False, False)


def test_a_text_that_was_not_kept_is_one_line(tmp_path):
    make = Maker()
    with Archive.open(tmp_path / "a.db", make.clock) as archive:
        for text in (ONE, TWO):
            archive.save([make.outcome(STORY, text)])
            settle(archive.db, make.clock)
        archive.db.execute(f"DELETE FROM {REVISION_BLOCKS}")
    code, out, errors = verb_here("diff", tmp_path / "a.db", STORY)
    assert (code, out, "the text of revision 1" in errors, errors.count("\n")) == (1, "", True, 1)


def test_a_duration_goes_back_from_now_in_utc_and_a_time_without_zone_is_local(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        for text, seconds in (("2h", 7_200), ("7d", 604_800), ("30m", 1_800)):
            moment = datetime.fromisoformat(parse_since(text)[1])
            assert abs((moment - datetime.now(UTC) + timedelta(seconds=seconds)).total_seconds()) < 60
            assert moment.utcoffset() == timedelta()
        assert parse_since("90") == (90, "")
        assert parse_since("2026-03-01T12:00") == (0, "2026-03-01T03:00:00Z")
        assert parse_since(" 2026-03-01T12:00+02:00 ") == (0, "2026-03-01T10:00:00Z")
        assert parse_since("2026-03-01") == (0, "2026-02-28T15:00:00Z")
    finally:
        monkeypatch.undo()
        time.tzset()


# --- report, verify, datasette -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("count", "named"),
    [(0, "no host"), (1, "h0"), (5, "h0, h1, h2, h3, h4"), (6, "h0, h1, h2, h3, h4 …")],
)
def test_hosts_are_named_where_the_one_asked_for_is_unknown(db, monkeypatch, count, named):
    hosts = [f"h{number}" for number in range(count)]
    monkeypatch.setattr(report_figures, "known_hosts", lambda _, host: [] if host else hosts)
    line = f"broadsheet: {db} has nothing of a.exampel; it has {named}\n"
    assert verb_here("report", db, "--host", "a.exampel") == (1, "", line)


@pytest.mark.parametrize(("is_terminal", "shown"), [(True, 20), (False, 1_000_000)])
def test_lists_of_a_report_are_whole_where_the_output_is_no_terminal(db, monkeypatch, is_terminal, shown):
    bounds: list[int] = []
    monkeypatch.setattr(report_text, "render", lambda _report, _looks, _letter, _width, most: bounds.append(most) or "")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert run(["report", str(db), "--all"]) == 0
    assert bounds == [shown]


@pytest.mark.slow
def test_verify_names_what_is_broken_reads_a_part_a_day_and_warns_of_credentials(db, monkeypatch):
    assert verb_here("verify", db) == (0, "in order: 2 articles\n", "")
    for words, part in ((("--sample", "3/7"), "3/7"), ((), None)):
        values = json.loads(verb_here("verify", db, "--json", *words)[1])
        assert values == {"articles": 2, "pictures": 0, "sample": part, "problems": []}
    with monkeypatch.context() as patch:
        patch.setattr(stored_credentials, "credentials_warning", lambda _, file: f"{file} tells\nall")
        assert verb_here("verify", db) == (0, "in order: 2 articles\n", f"broadsheet: {db} tells all\n")
    execute(db, "UPDATE articles SET word_count = 5 WHERE url LIKE '%river'")
    codes = []
    for day in range(1, 8):
        with monkeypatch.context() as patch:
            patch.setattr(command_line, "datetime", Mock(now=lambda zone, day=day: datetime(2026, 3, day, tzinfo=zone)))
            codes.append(verb_here("verify", db, "--sample", "7")[0])
    explicit = [verb_here("verify", db, "--sample", f"{number}/7")[0] for number in range(1, 8)]
    assert sorted(codes) == sorted(explicit) == [0] * 6 + [1]
    execute(db, "UPDATE articles SET text = 'other'")
    code, out, _ = verb_here("verify", db)
    texts = [line for line in out.splitlines() if line.startswith("article_texts: ")]
    assert (code, len(texts), all(line.endswith(" is not its kept blocks") for line in texts)) == (1, 2, True)


def test_datasette_starts_with_metadata_about_this_file_and_what_follows_is_its_own(db, monkeypatch, capfd):
    code, out, _ = verb_here("datasette", db, "--print")
    printed = json.loads(out)
    assert (code, list(printed["databases"])) == (0, ["made"])
    assert out == json.dumps(printed, ensure_ascii=False, indent=2) + "\n"
    monkeypatch.setenv("PATH", str(db.parent))
    monkeypatch.setattr("sys.executable", str(db.parent / "python"))
    code, _, errors = verb_here("datasette", db)
    assert (code, "pipx install datasette" in errors) == (2, True)
    program = db.parent / "datasette"
    program.write_text('#!/bin/sh\necho "$1" "$4" "$5"; /bin/cat "$3"; exit 3\n')
    program.chmod(0o755)
    assert verb_here("datasette", db, "--", "--port", "0")[0] == 3
    first, *rest = capfd.readouterr().out.splitlines()
    assert (first, list(json.loads("\n".join(rest))["databases"])) == (f"{db} --port 0", ["made"])


def revision(number: int, change: RevisionChange = EditKind.BODY, *kinds: RevisionChange, note: str = "") -> Revision:
    return Revision(number, f"2026-01-0{number}T12:00:00Z", f"T{number}", change, kinds, 0, 0, 0, note, number)


REVISIONS = (
    revision(1, RevisionMark.FIRST), revision(2), revision(3, EditKind.WITHDRAWN), revision(4),
    revision(5, EditKind.RETURNED),
)  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "numbers"),
    [
        (RevisionChoice(), (2, 4)),
        (RevisionChoice(first=1), (1, 4)),
        (RevisionChoice(first=3), (3, 4)),
        (RevisionChoice(last=2), (1, 2)),
        (RevisionChoice(last=3), (2, 3)),
        (RevisionChoice(last=1), (1, 1)),
        (RevisionChoice(first=4, last=1), (4, 1)),
        (RevisionChoice(at="2026-01-01T12:00:00Z"), (1, 4)),
        (RevisionChoice(at="2026-01-02T11:59:59Z"), (1, 4)),
        (RevisionChoice(at="2026-01-02T12:00:00Z"), (2, 4)),
        (RevisionChoice(at="2026-01-02T13:30:00+02:00"), (1, 4)),
        (RevisionChoice(at="2026-01-03T23:00:00Z"), (2, 4)),
        (RevisionChoice(at="2026-01-09T00:00:00Z", last=2), (4, 2)),
    ],
)
def test_revisions_are_chosen_by_number_or_time_and_else_the_last_two_texts(choice, numbers):
    first, last = _choose_revisions(REVISIONS, choice)
    assert (first.number, last.number) == numbers


@pytest.mark.parametrize(
    ("choice", "refusal"),
    [
        (RevisionChoice(first=6), "there is no revision 6: they go from 1 to 5"),
        (RevisionChoice(last=6), "there is no revision 6: they go from 1 to 5"),
        (
            RevisionChoice(at="2026-01-01T11:59:59Z"),
            "first seen at 2026-01-01T12:00:00Z, after 2026-01-01T11",
        ),
        (RevisionChoice(at="soon"), "--at 'soon' is not a time: write 2026-01-31"),
        (RevisionChoice(at="0001-01-01T00:00+23:59"), "is not a time"),
    ],
)
def test_what_cannot_be_chosen_is_said(choice, refusal):
    with pytest.raises(CommandError, match=refusal):
        _choose_revisions(REVISIONS, choice)


def drawn(words: tuple[tuple[str, str], ...], *, on_terminal: bool = False, in_colour: bool = True) -> str:
    console = Console(
        file=io.StringIO(), force_terminal=on_terminal, no_color=not in_colour, color_system="standard", width=200
    )
    console.print(_render_words(words, console, bold=True))
    return str(console.file.getvalue()).rstrip("\n")  # type: ignore[attr-defined]


def test_words_have_marks_where_there_are_no_colours():
    words = (("=", "The "), ("-", "mill "), ("+", "barn\x1b "), ("=", "burned."))
    assert drawn(words) == "The [-mill-] {+barn+} burned."
    assert drawn(words, on_terminal=True, in_colour=False).count("[-mill-]") == 1
    coloured = drawn(words, on_terminal=True)
    assert "[-" not in coloured
    assert "{+" not in coloured
    assert "\x1b[1;31" in coloured or "\x1b[1;9;31m" in coloured
    assert "\x1b[1;32m" in coloured


URL = "https://a.example/news/index.html"
VERBS = {
    "show": (),
    "diff": (),
    "explain": (),
    "forget": ("--dry-run",),
    "restore": ("1", "--dry-run"),
    "remove": ("0", "--dry-run"),
}
NAMES = (URL, "https://a.example/news/", "/news/", "the  FERRY", "pontoons counted", "pontoo")
"""The article's URL, the one without its index page, a path, its title, words of its text, the beginning of a word."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An article of two texts with a removed block, and two of one title that say the same word."""
    made, make = tmp_path / "made.db", Maker()
    with Archive.open(made, make.clock) as archive:
        for text in ("It has three pontoons.", "It has four pontoons."):
            archive.save([make.outcome(URL, text, "Nobody counted.", removed=("Share",), title="The Ferry")])
        settle(archive.db)
        archive.save([make.outcome(f"https://a.example/{n}", f"Locks of {n}.", title="Twice") for n in range(2)])
    return made


def ran(capsys: pytest.CaptureFixture[str], verb: str, file: Path, name: str) -> tuple[int, str, str]:
    code = run([verb, str(file), name, *VERBS[verb]])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(
    ("verb", "name"), [*(("show", name) for name in (*NAMES, "number")), *((verb, NAMES[3]) for verb in VERBS)]
)
def test_a_name_means_the_same_article_to_each_verb(file, capsys, verb, name):
    [(number,)] = rows(file, f"SELECT id FROM articles WHERE url = '{URL}'")
    by_url = ran(capsys, verb, file, URL)
    assert by_url[0] == 0
    assert any(words in by_url[1] for words in (URL, "Ferry", "Nobody counted."))
    assert ran(capsys, verb, file, str(number) if name == "number" else name) == by_url


@pytest.mark.parametrize("verb", VERBS)
def test_of_several_a_reader_takes_the_best_and_a_writer_asks(file, capsys, verb):
    before = rows(file, "SELECT id, text FROM articles ORDER BY id")
    code, _, said = ran(capsys, verb, file, "locks")
    assert f"(broadsheet search {file} locks lists them)" in said
    if verb in ("forget", "restore", "remove"):
        assert (code, said.count("\n"), "2 articles match locks" in said) == (2, 1, True)
    else:
        assert "The best of 2 articles that match" in said
    assert rows(file, "SELECT id, text FROM articles ORDER BY id") == before


@pytest.mark.parametrize("verb", VERBS)
def test_words_that_nothing_matches_are_a_line(file, capsys, verb):
    code, out, said = ran(capsys, verb, file, "no such lighthouse")
    assert (code, out, said.count("\n")) == (1, "", 1)
    assert "no such lighthouse" in said
