"""Rulings as a rule file: a rule for each removed block, and a test case for each restored one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from sqlite_utils import Database

from cleaners.document import Block
from cleaners.rules.from_text import own_rule, rule_removes, rule_toml, toml_string
from cleaners.rules.layout import explain_layout
from cleaners.rules.rule import REASONS
from crawler.console.option_types import Mistake
from crawler.console.terminal import cut, one_line
from output.read.examples import Place, near_in_words, place_of, same_but_for_numbers
from output.verdicts.rulings import Listed

_HEAD = """# Rules and test cases made from rulings on blocks. Rules are in the form of cleaners/rules/phrases/*.toml:
# look at each, widen its pattern if it should say more, give it the reason that fits, and move it to its
# language's file.
# A case is a block that a rule removed and a person put back: a negative example for that rule.
"""
_NO_RULES = "rule = []\n"
_UNKNOWN_REASON = "promo"
_COMMENT = 110


def export_rules(db: Database, found: Sequence[Listed], path: str, target: str) -> int:
    """Write the file; what cannot be said as a rule is told on standard error. 1 if nothing could."""
    rules: list[str] = []
    cases: list[str] = []
    for each in found:
        entry = _case(db, each) if each.ruling.kept else _rule(db, each)
        if entry is None:
            click.echo(f"broadsheet: block {each.ruling.block_id} has no words left to make a rule of", err=True)
        else:
            (cases if each.ruling.kept else rules).append(entry)
    _write(path, target, "\n".join([_HEAD, *(rules or [_NO_RULES]), *cases]))
    click.echo(one_line(f"written to {target}: rules {len(rules)}, cases {len(cases)}"), err=True)
    return int(not rules and not cases)


def _rule(db: Database, each: Listed) -> str | None:
    if each.text is None:
        return None
    place = place_of(db, each.ruling)
    like = same_but_for_numbers(db, each.text, kept=False)
    rule = own_rule(each.text, each.ruling.block_id, _reason(place), like, near_in_words(db, each.text))
    if rule is None:
        return None
    kept = [text for text in same_but_for_numbers(db, each.text, kept=True) if rule_removes(rule, text)]
    notes = [_told("removed", each, place), "The reason is a guess from where the block stands."]
    notes += [f"It would also remove, kept so far: {text}" for text in kept[:3]]
    return _commented(notes) + rule_toml(rule) + "\n"


def _case(db: Database, each: Listed) -> str | None:
    place = place_of(db, each.ruling)
    if each.text is None:
        return None
    block = place.block if place else None
    said = {
        "url": place.url if place else each.url or "",
        "text": each.text,
        "kind": str(block.kind) if block else "",
        "path": block.path if block else "",
        "reason": each.ruling.reason,
        "rule": each.ruling.rule,
        "note": each.ruling.note,
    }
    lines = [f"{name} = {toml_string(value)}" for name, value in said.items() if value]
    return _commented([_told("restored", each, place)]) + "\n".join(["[[case]]", *lines, "kept = true"]) + "\n"


def _told(verb: str, each: Listed, place: Place | None) -> str:
    ruling = each.ruling
    scope = each.url or ruling.host or "anywhere"
    where = f", for example on {place.url}" if place and ruling.article_id is None else ""
    return f"Block {ruling.block_id}, {verb} {ruling.at[:10]} ({scope}{where})" + (ruling.note and f": {ruling.note}")


def _reason(place: Place | None) -> str:
    """The reason that the layout gives, else the one of the nearest removed block; a block of no place promotes."""
    if place is None:
        return _UNKNOWN_REASON
    explained = _layout_reason(place.block)
    nearby = (verdict.reason for verdict in place.around if not verdict.kept and verdict.reason in REASONS)
    return explained or next(nearby, _UNKNOWN_REASON)


def _layout_reason(block: Block) -> str:
    rule = explain_layout(block.path, block.landmarks)
    return rule.reason if rule else ""


def _commented(lines: Sequence[str]) -> str:
    return "".join(f"# {cut(line, _COMMENT)}\n" for line in lines)


def _write(path: str, target: str, text: str) -> None:
    """Write beside the file first, so that a file that was there is replaced by a whole one or not at all."""
    file = Path(target)
    if file.is_dir():
        raise Mistake(f"{target} is a folder; name a file")
    if file.exists() and file.samefile(path):
        raise Mistake(f"{target} is the archive itself")
    part = file.with_name(file.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Mistake(f"cannot write {file}: {error.strerror}") from error
