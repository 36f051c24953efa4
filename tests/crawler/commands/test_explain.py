"""`broadsheet explain`."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from types import SimpleNamespace

import pytest

from broadsheet.cleaners.document import ArticleImage, Block, BlockKind, Verdict
from broadsheet.crawler.cli import run
from broadsheet.crawler.commands import explain
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.commands.conftest import CAPTION, RIVER, SIMILAR_WORDS
from tests.crawler.shell import ACTIVE, rows
from tests.internal_tables import BLOCKS as BLOCKS_TABLE
from tests.output.cleaned_pages import with_page
from tests.output.conftest import Maker

BLOCKS = f"SELECT {{}} FROM {BLOCKS_TABLE} WHERE url = '{RIVER}' ORDER BY position"


@pytest.mark.parametrize("columns", ["80", "200"])
def test_explain_shows_every_block_with_its_number(archive_path, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert run(["restore", str(archive_path), str(block_id(CAPTION))]) == 0
    capsys.readouterr()
    assert run(["explain", str(archive_path), RIVER]) == 0
    output = capsys.readouterr().out
    assert "article; 9 words of text" in output
    numbers = [int(number) for number in re.findall(r"^ *(\d+)  (?:kept|removed) ", output, re.MULTILINE)]
    assert numbers == [position for (position,) in rows(archive_path, BLOCKS.format("position"))]
    assert str(block_id(CAPTION)) not in output
    assert "restored by hand" in output
    assert CAPTION[:20] in output
    assert not ACTIVE & set(output)
    [(number,)] = rows(archive_path, f"SELECT id FROM articles WHERE url = '{RIVER}'")
    assert run(["explain", str(archive_path), str(number)]) == 0
    assert capsys.readouterr().out == output


def test_nothing_is_cut_where_the_output_is_no_terminal(archive_path, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert run(["explain", str(archive_path), RIVER]) == 0
    output = capsys.readouterr().out
    assert SIMILAR_WORDS in output
    assert "…" not in output
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["explain", str(archive_path), RIVER]) == 0
    assert SIMILAR_WORDS not in capsys.readouterr().out


def test_explain_says_how_certain_a_text_is_and_lists_its_pictures(archive_path, capsys):
    url, make = "https://a.example/certain", Maker()
    picture = ArticleImage("https://a.example/i.jpg", "The mill", "Photo: Ana Sol", "A mill")
    with Archive.open(archive_path, make.clock) as archive:
        outcome = make.outcome(url, "one two", removed=("three",), chances=bytes([255, 0]), images=(picture,))
        archive.save([outcome])
    assert run(["explain", str(archive_path), url]) == 0
    assert "1 removed; certainty high (expected F1 1.00)" in capsys.readouterr().out
    assert run(["explain", str(archive_path), url, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["certainty"], values["images"]) == (1.0, [asdict(picture)])
    assert run(["explain", str(archive_path), RIVER]) == 0
    assert "certainty" not in capsys.readouterr().out


def test_what_is_said_twice_names_the_block_that_it_repeats(archive_path, capsys):
    url, make = "https://a.example/twice", Maker()
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text) for n, text in enumerate(("Mill", "River", "River")))
    kept, again = Verdict(True, "selected", "s"), Verdict(False, "said twice", "context/duplicate", repeats=1)
    with Archive.open(archive_path, make.clock) as archive:
        archive.save(
            [with_page(make.outcome(url, "x"), blocks=blocks, verdicts=(kept, kept, again), text="Mill\nRiver")]
        )
    assert run(["explain", str(archive_path), url]) == 0
    assert "said twice, as block 1" in capsys.readouterr().out
    assert run(["explain", str(archive_path), url, "--json"]) == 0
    assert [block["repeats"] for block in json.loads(capsys.readouterr().out)["blocks"]] == [None, None, 1]


def test_on_a_terminal_the_longest_removed_block_has_a_command_that_brings_it_back(archive_path, monkeypatch):
    page = SimpleNamespace(
        url="https://a.example/a page",
        blocks=[
            SimpleNamespace(is_kept=True, text="kept " * 40, position=0),
            SimpleNamespace(is_kept=False, text="short", position=1),
            SimpleNamespace(is_kept=False, text="it's the longest of those that were removed", position=2),
            SimpleNamespace(is_kept=False, text="middling one", position=3),
        ],
    )
    monkeypatch.setattr(explain.sys.stdout, "isatty", lambda: False)
    assert explain._hint_lines("a.db", page) == []  # type: ignore[arg-type]
    monkeypatch.setattr(explain.sys.stdout, "isatty", lambda: True)
    words = "'it'\"'\"'s' the longest of those that were removed".split()[: explain._HINT_WORDS]
    assert explain._hint_lines("my a.db", page) == [  # type: ignore[arg-type]
        "",
        "To bring a block back, or take one out with remove: "
        f"broadsheet restore 'my a.db' 'https://a.example/a page' 2 {' '.join(words)}",
    ]
    page.blocks = page.blocks[:1]
    assert explain._hint_lines("a.db", page) == []  # type: ignore[arg-type]
