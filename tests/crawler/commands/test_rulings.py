"""`broadsheet rulings`: the list, and the rule file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from broadsheet.cleaners.document import Block, BlockKind
from broadsheet.cleaners.rules.matcher import RuleBook
from broadsheet.cleaners.rules.rule import BodyPosition
from broadsheet.cleaners.rules.rule_files import OWN_PREFIX, parse_rules
from broadsheet.crawler.cli import run
from broadsheet.output.archive.ledger import block_id
from tests.crawler.commands.conftest import CAPTION, PROMO, RIVER, SAME_BUT_NUMBER, SIMILAR_WORDS
from tests.crawler.shell import ACTIVE


def test_rulings_are_listed(
    archive_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["rulings", str(archive_path)]) == 1
    assert run(["rulings", str(archive_path), "--export-rules", str(archive_path.parent / "own.toml")]) == 1
    assert not (archive_path.parent / "own.toml").exists()
    run(["remove", str(archive_path), str(block_id(PROMO)), "--host", "a.example", "--note", "an \x1b[2J ad"])
    run(["restore", str(archive_path), str(block_id(CAPTION)), "--article", RIVER])
    capsys.readouterr()
    for columns in ("80", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        assert run(["rulings", str(archive_path)]) == 0
        output = capsys.readouterr().out
        assert not ACTIVE & set(output)
        assert "The dredger" in output
        assert "share buttons share.icons" in output
        assert max(map(len, output.splitlines())) <= int(columns)


def export_three_rulings(archive_path: Path) -> Path:
    """A rule file made from a removal, a removal of what has no words, and a restoration."""
    target = archive_path.parent / "own.toml"
    run(["remove", str(archive_path), str(block_id(PROMO)), "--note", 'says "free"'])
    run(["remove", str(archive_path), str(block_id("***"))])
    run(["restore", str(archive_path), str(block_id(CAPTION))])
    assert run(["rulings", str(archive_path), "--export-rules", str(target)]) == 0
    return target


def test_exported_rules_load_and_keep_their_own_examples(
    archive_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = export_three_rulings(archive_path).read_text("utf-8")
    assert f"block {block_id('***')} has no words" in capsys.readouterr().err
    assert not ACTIVE & set(text)
    [rule] = parse_rules(OWN_PREFIX, text)
    assert rule.name.startswith("own/read-our-other-")
    assert rule.positive == (PROMO, SAME_BUT_NUMBER)
    assert rule.negative == (SIMILAR_WORDS,)
    book = RuleBook((rule,))
    for example in rule.positive:
        assert book.match(Block(0, BlockKind.PARAGRAPH, example), BodyPosition()) is rule
    for example in rule.negative:
        assert book.match(Block(0, BlockKind.PARAGRAPH, example), BodyPosition()) is None
    assert book.match(Block(0, BlockKind.PARAGRAPH, PROMO.replace("12", "1,204")), BodyPosition()) is rule


def test_exported_cases_say_which_rule_was_wrong(archive_path: Path) -> None:
    [case] = tomllib.loads(export_three_rulings(archive_path).read_text("utf-8"))["case"]
    assert case == {
        "url": RIVER,
        "text": CAPTION,
        "kind": "paragraph",
        "path": "body>main>p",
        "reason": "share buttons",
        "rule": "share.icons",
        "kept": True,
    }


def test_a_file_of_cases_alone_is_a_rule_file_too(archive_path: Path) -> None:
    target = archive_path.parent / "own.toml"
    run(["restore", str(archive_path), str(block_id(CAPTION))])
    assert run(["rulings", str(archive_path), "--export-rules", str(target)]) == 0
    assert parse_rules(OWN_PREFIX, target.read_text("utf-8")) == ()


@pytest.mark.parametrize("target", ["made.db", ".", "none/own.toml"])
def test_a_target_that_cannot_be_is_refused(
    archive_path: Path, target: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(archive_path.parent)
    run(["restore", str(archive_path), str(block_id(CAPTION))])
    bytes_before = archive_path.read_bytes()
    capsys.readouterr()
    assert run(["rulings", str(archive_path), "--export-rules", target]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert archive_path.read_bytes() == bytes_before
