"""`broadsheet correct`: list what a person corrected, or write it as a rule file.

The file has a rule for each removed block, and a test case for each restored one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import (
    cut_line,
    format_blocks,
    one_line,
    print_json_lines,
    print_pages,
    terminal_width,
)
from .verb_options import PATH, archive_argument, verb

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.cleaners import document
    from broadsheet.cleaners.rules import layout_rules, rule_files
    from broadsheet.cleaners.rules import rule as rule_module
    from broadsheet.output.read import ruling_examples
    from broadsheet.output.write import person_verdicts

    from ..cli import archive_access
    from . import output_target, restore

_FILE_HEADER = """\
# Rules and test cases made from rulings on blocks. Rules are in the form of cleaners/rules/phrases/*.toml:
# look at each, widen its pattern if it should say more, give it the reason that fits, and move it to its
# language's file.
# A case is a block that a rule removed and a person put back: a negative example for that rule.
"""
_NO_RULES = "rule = []\n"
_COMMENT_CHARS = 110


def export_rules(db: Database, listed_rulings: Sequence[person_verdicts.ListedRuling], target: str) -> int:
    """Write the file; blocks that give no rule are named on standard error. 1 if there is neither a rule nor a case."""
    rules: list[str] = []
    cases: list[str] = []
    for listed_ruling in listed_rulings:
        entry = _case_entry(db, listed_ruling) if listed_ruling.ruling.is_kept else _rule_entry(db, listed_ruling)
        if entry is None:
            click.echo(
                f"broadsheet: block {listed_ruling.ruling.block_id} has no words left to make a rule of", err=True
            )
        else:
            (cases if listed_ruling.ruling.is_kept else rules).append(entry)
    with output_target.open_output(db, target) as stream:
        stream.write("\n".join([_FILE_HEADER, *(rules or [_NO_RULES]), *cases]).encode())
    click.echo(one_line(f"written to {target}: rules {len(rules)}, cases {len(cases)}"), err=True)
    return int(not rules and not cases)


def _rule_entry(db: Database, listed_ruling: person_verdicts.ListedRuling) -> str | None:
    block_place = ruling_examples.find_ruling_example(db, listed_ruling.ruling)
    same_texts = ruling_examples.find_same_but_for_numbers(db, listed_ruling.text, is_kept=False)
    rule = rule_files.rule_from_text(
        listed_ruling.text,
        listed_ruling.ruling.block_id,
        _guess_reason(block_place),
        same_texts,
        ruling_examples.find_similar_blocks(db, listed_ruling.text),
    )
    if rule is None:
        return None
    kept_texts = [
        text
        for text in ruling_examples.find_same_but_for_numbers(db, listed_ruling.text, is_kept=True)
        if rule_files.rule_removes(rule, text)
    ]
    notes = [
        _ruling_comment("removed", listed_ruling, block_place),
        "The reason is a guess from where the block stands.",
    ]
    notes += [f"It would also remove, kept so far: {text}" for text in kept_texts[:3]]
    return _comment_lines(notes) + rule_files.rule_toml(rule) + "\n"


def _case_entry(db: Database, listed_ruling: person_verdicts.ListedRuling) -> str:
    block_place = ruling_examples.find_ruling_example(db, listed_ruling.ruling)
    block = block_place.block if block_place else None
    fields = {
        "url": block_place.url if block_place else listed_ruling.url or "",
        "text": listed_ruling.text,
        "kind": str(block.kind) if block else "",
        "path": block.path if block else "",
        "reason": listed_ruling.ruling.reason,
        "rule": listed_ruling.ruling.rule,
        "note": listed_ruling.ruling.note,
    }
    lines = [f"{name} = {rule_files.toml_string(value)}" for name, value in fields.items() if value]
    return (
        _comment_lines([_ruling_comment("restored", listed_ruling, block_place)])
        + "\n".join(["[[case]]", *lines, "kept = true"])
        + "\n"
    )


def _ruling_comment(
    verb: str, listed_ruling: person_verdicts.ListedRuling, block_place: ruling_examples.RulingExample | None
) -> str:
    ruling = listed_ruling.ruling
    scope = listed_ruling.url or ruling.host or "anywhere"
    example_text = f", for example on {block_place.url}" if block_place and ruling.article_id is None else ""
    return f"Block {ruling.block_id}, {verb} {ruling.ruled_at[:10]} ({scope}{example_text})" + (
        ruling.note and f": {ruling.note}"
    )


def _guess_reason(block_place: ruling_examples.RulingExample | None) -> document.RemovalReason:
    """Guess the reason: by the layout rules, else that of the nearest removed block, else `promo`."""
    if block_place is None:
        return document.RemovalReason.PROMO
    layout_reason = _layout_reason(block_place.block)
    nearby_reasons = (
        document.RemovalReason(verdict.reason)
        for verdict in block_place.surrounding_verdicts
        if not verdict.kept and verdict.reason in rule_module.REASONS
    )
    return layout_reason or next(nearby_reasons, document.RemovalReason.PROMO)


def _layout_reason(block: document.Block) -> document.RemovalReason | None:
    rule = layout_rules.explain_layout(block.path, block.landmarks)
    return rule.reason if rule else None


def _comment_lines(lines: Sequence[str]) -> str:
    return "".join(f"# {cut_line(line, _COMMENT_CHARS)}\n" for line in lines)


@verb("List what was corrected by hand.")
@archive_argument
@click.option(
    "--export-rules", "target", type=PATH, metavar="FILE", help="Write them as rules and test cases, in TOML."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def correct(db: str, target: str | None, as_json: bool) -> int:
    """List every ruling on a block: restored or removed, where, when, and what it overruled."""
    with archive_access.open_read_only(db) as archive_db:
        listed_rulings = person_verdicts.list_rulings(archive_db)
        if listed_rulings and target is not None:
            return export_rules(archive_db, listed_rulings, target)
    if as_json:
        print_json_lines(map(_ruling_values, listed_rulings))
        return 0
    if not listed_rulings:
        return archive_access.refuse(f"{db} has no rulings")
    _print_rulings(listed_rulings)
    return 0


def _print_rulings(listed_rulings: Sequence[person_verdicts.ListedRuling]) -> None:
    heads = ("block_id", "verdict", "pages", "at", "overruled", "where", "note", "text")
    cells = [_ruling_cells(listed_ruling) for listed_ruling in listed_rulings]
    texts = [ruling.text for ruling in listed_rulings]
    print_pages(format_blocks(heads, cells, texts, terminal_width(), wide_columns=restore.WIDE_COLUMNS))


def _ruling_values(listed_ruling: person_verdicts.ListedRuling) -> dict[str, object]:
    """Return a ruling as JSON values; the block's id is text, since it has more bits than a JSON number keeps."""
    ruling = listed_ruling.ruling
    return {
        "block_id": str(ruling.block_id),
        "verdict": restore.VERDICT_VERBS[ruling.is_kept],
        "article_id": ruling.article_id,
        "url": listed_ruling.url,
        "host": ruling.host,
        "pages": listed_ruling.page_count,
        "at": ruling.ruled_at,
        "overruled": {"reason": ruling.reason, "rule": ruling.rule},
        "note": ruling.note,
        "text": listed_ruling.text,
    }


def _ruling_cells(listed_ruling: person_verdicts.ListedRuling) -> list[str]:
    ruling = listed_ruling.ruling
    scope = listed_ruling.url or (
        f"article {ruling.article_id}" if ruling.article_id is not None else ruling.host or "anywhere"
    )
    overruled = f"{ruling.reason} {ruling.rule}".strip()
    pages = f"{listed_ruling.page_count:,}"
    return [
        str(ruling.block_id),
        restore.VERDICT_VERBS[ruling.is_kept],
        pages,
        ruling.ruled_at[:10],
        overruled,
        scope,
        ruling.note,
    ]
