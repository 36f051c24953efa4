"""`broadsheet correct`: correct the fields of an article, list all corrections, or write rulings as a rule file.

The file has a rule for each removed block, and a test case for each restored one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.command_line import CommandError, language
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import (
    cut_line,
    format_blocks,
    format_table,
    one_line,
    print_json_lines,
    print_pages,
    print_text,
    terminal_width,
)
from .verb_options import PATH, REFERENCE, Options, archive_argument, article_reference, open_output, verb, with_options

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.cleaners import document
    from broadsheet.cleaners.rules import layout_rules, rule_files
    from broadsheet.cleaners.rules import rule as rule_module
    from broadsheet.output.archive import atomic_writes, page_rows, stored_text, stored_values
    from broadsheet.output.read import page_lookup, ruling_examples, stored_articles
    from broadsheet.output.write import applied_rulings, archive_writer, corrections, person_verdicts, site_fields

    from ..cli import archive_access
    from ..replay import recleaning
    from ..workers import settle_pool
    from . import restore

_FILE_HEADER = """\
# Rules and test cases made from rulings on blocks. Rules are in the form of cleaners/rules/phrases/*.toml:
# look at each, widen its pattern if it should say more, give it the reason that fits, and move it to its
# language's file.
# A case is a block that a rule removed and a person put back: a negative example for that rule.
"""
_NO_RULES = "rule = []\n"
_COMMENT_CHARS = 110


def export_rules(db: Database, listed_rulings: Sequence[person_verdicts.ListedRuling], target: str) -> int:
    """Write the file; blocks without a usable word are named on standard error. Returns 1 if the file is empty."""
    rules: list[str] = []
    cases: list[str] = []
    for listed_ruling in listed_rulings:
        entry = _case_entry(db, listed_ruling) if listed_ruling.ruling.is_kept else _rule_entry(db, listed_ruling)
        if entry is None:
            click.echo(f"broadsheet: block {listed_ruling.ruling.block_id} has no words to make a rule from", err=True)
        else:
            (cases if listed_ruling.ruling.is_kept else rules).append(entry)
    with open_output(db, target) as stream:
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
    """Guess the reason: that of a layout rule, of the nearest removed block, or `promo`."""
    if block_place is None:
        return document.RemovalReason.PROMO
    rule = layout_rules.explain_layout(block_place.block.path, block_place.block.landmarks)
    layout_reason = rule.reason if rule else None
    nearby_reasons = (
        document.RemovalReason(verdict.reason)
        for verdict in block_place.surrounding_verdicts
        if not verdict.kept and verdict.reason in rule_module.REASONS
    )
    return layout_reason or next(nearby_reasons, document.RemovalReason.PROMO)


def _comment_lines(lines: Sequence[str]) -> str:
    return "".join(f"# {cut_line(line, _COMMENT_CHARS)}\n" for line in lines)


_CORRECT_OPTIONS: Options = (
    archive_argument,
    click.argument("words", nargs=-1, metavar=f"[{REFERENCE}]..."),
    click.option("--title", metavar="TEXT", help="The right title."),
    click.option("--author", "authors", multiple=True, metavar="NAME",
                 help="The right author. Repeatable; '' removes all."),
    click.option("--published", metavar="DAY", help="The right day of publication, as 2024-01-31; '' removes it."),
    click.option("--tag", "tags", multiple=True, metavar="TEXT", help="The right tag. Repeatable; '' removes all."),
    click.option("--language", type=language, metavar="CODE", help="The right language: en, es …"),
    click.option("--not-article", "kind", flag_value="none", help="The page is not an article: take it out."),
    click.option("--article", "kind", flag_value="article", help="The page is an article, whatever it looks like."),
    click.option("--same-layout", is_flag=True,
                 help="Show what would change on all pages with this layout; --yes does it."),
    click.option("--yes", is_flag=True, help="Apply what --same-layout shows, with a correction for each page."),
    click.option("--note", default="", metavar="TEXT", help="Why; stored with the correction."),
    click.option("--undo", "undone", type=click.IntRange(0), metavar="NUMBER",
                 help="Take back the correction with this number."),
    click.option("--export-rules", "target", type=PATH, metavar="FILE",
                 help="Write the rulings on blocks as rules and test cases, in TOML."),
    click.option("--json", "as_json", is_flag=True, help="List the corrections, a JSON object per line."),
)  # fmt: skip


@verb
@with_options(_CORRECT_OPTIONS)
def correct(db: str, words: tuple[str, ...], **options: Any) -> int:
    """Correct an article's fields, or whether a page is an article. No update, reclean or merge undoes it.

    ARTICLE is its URL, a path, its number, its title, or words that no other article has. Without ARTICLE, all
    corrections are listed, with those of blocks that `broadsheet restore` and `broadsheet remove` make.
    """
    values = _corrected_values(options)
    if options["kind"]:
        values = {"kind": options["kind"]}
    if options["undone"] is not None:
        return _undo(db, options["undone"])
    if not words and not values:
        return _list(db, options["target"], as_json=options["as_json"])
    if not words or not values:
        raise CommandError("name an article and its corrections: --title, --author … or --not-article")
    return _correct(db, " ".join(words), values, options)


def _corrected_values(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the given fields as corrections store them. CommandError for an invalid day."""
    lists = {name: [text for text in options[name] if text.strip()] for name in ("authors", "tags") if options[name]}
    texts = {name: options[name] for name in ("title", "published", "language") if options[name] is not None}
    if day := texts.get("published"):
        try:
            texts["published"] = corrections.stored_day(day)
        except ValueError:
            raise CommandError(f"--published {day!r} is not a date: write it as 2024-01-31") from None
    if not texts.get("title", "title").strip():
        raise CommandError("--title has no words")
    return texts | {name: stored_text.as_json(values) for name, values in lists.items()}


def _correct(path: str, words: str, values: Mapping[str, str], options: Mapping[str, Any]) -> int:
    """Store and apply the corrections, and print the changes; or preview them for all pages of the same layout."""
    with archive_access.open_to_write(path) as archive:
        reference = article_reference(archive.db, path, words, must_be_one=True)
        named = (page_lookup.find_page if "kind" in values else stored_articles.find_stored_article)(
            archive.db, reference
        )
        if named is None:
            return archive_access.refuse(f"{path} has no {'page of' if 'kind' in values else 'article'} {words}")
        before = {named.url: _states(archive.db, named.url, values)}
        if options["same_layout"]:
            is_article = int(values.get("kind") != "article")
            urls = [other for (other,) in archive.db.execute(_OF_LAYOUT, [named.url, is_article]).fetchall()]
            states = {other: _states(archive.db, other, values) for other in urls}
            before |= {other: state for other, state in states.items() if state != _right(values)}
            if not options["yes"]:
                return _preview(before, values)
        at = stored_values.utc_now()
        made = [
            corrections.Correction(
                corrections.CorrectedField(name),
                value,
                article_id=page_rows.article_id(url),
                url=url,
                at=at,
                note=options["note"],
            )
            for url in before
            for name, value in values.items()
        ]
        with atomic_writes.write_transaction(archive.db):
            corrections.put_corrections(archive.db, made, undo=False, at=at)
            site_fields.apply_field_corrections(archive.db, at)
        if "kind" in values:
            _apply_kinds(archive)
        after = {url: _states(archive.db, url, values) for url in before}
    for url in before:
        print_text(one_line(url))
        for name, number in ((correction.field, correction.id) for correction in made if correction.url == url):
            print_text(one_line(f"  {name}: {before[url][name]} → {after[url][name]} (number {number})"))
    return 0


def _states(db: Database, url: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the present values of the corrected fields of the page at a URL, as words."""
    if "kind" in values:
        page = page_lookup.find_page(db, url)
        is_out = page is not None and page.shelving_reason == "withdrawn"
        return {"kind": "withdrawn" if is_out else page.page_type if page else "none"}
    article = stored_articles.find_stored_article(db, url)
    return {name: _shown(getattr(article, _FIELDS.get(name, name))) for name in values}


_OF_LAYOUT = """SELECT u.url FROM pages p JOIN urls u ON u.id = p.id LEFT JOIN articles a ON a.page_id = p.id
    WHERE p.layout_id = (SELECT o.layout_id FROM urls v JOIN pages o ON o.id = v.id WHERE v.url = ?1) AND u.url <> ?1
        AND CASE WHEN ?2 THEN a.id IS NOT NULL ELSE p.article_id IS NULL END ORDER BY u.url"""


def _right(values: Mapping[str, str]) -> dict[str, str]:
    """Return corrected values as words."""
    if "kind" in values:
        return {"kind": "withdrawn" if values["kind"] == "none" else "article"}
    lists = ("authors", "tags")
    return {name: _shown(stored_values.json_texts(value) if name in lists else value) for name, value in values.items()}


def _preview(states: Mapping[str, Mapping[str, str]], values: Mapping[str, str]) -> int:
    """Print how many pages of a layout would change, and some of them."""
    print_text(f"{count_text(len(states), 'page')} of this layout would change; --yes applies it")
    for url, state in list(states.items())[:_MOST_EXAMPLES]:
        changes = ", ".join(f"{name}: {state[name]} → {right}" for name, right in _right(values).items())
        print_text(one_line(f"{url} {changes}"))
    if len(states) > _MOST_EXAMPLES:
        print_text(f"  … and {len(states) - _MOST_EXAMPLES:,} more")
    return 0


_MOST_EXAMPLES = 5


def _apply_kinds(archive: archive_writer.Archive) -> None:
    """Apply corrections that say whether a page is an article."""
    if unread := recleaning.clean_as_told(archive.db, archive.path):
        message = f"{unread} without a raw response that can be read: they become what you say when they are fetched"
        click.echo(f"broadsheet: {message}", err=True)
    settle_pool.settle_in_processes(archive.db)


_FIELDS = {"published": "published_day"}
"""The field of an article that shows a corrected one, where it has another name."""


def _shown(value: object) -> str:
    return (", ".join(value) if isinstance(value, tuple) else str(value or "")) or "none"


def _undo(path: str, number: int) -> int:
    """Take back the correction with this number, and apply those that remain."""
    with archive_access.open_to_write(path) as archive:
        in_force = (correction for correction in corrections.list_corrections(archive.db) if not correction.undone_at)
        undone = next((correction for correction in in_force if correction.id == number), None)
        if undone is None:
            return archive_access.refuse(f"{path} has no correction {number} in force")
        at = stored_values.utc_now()
        if undone.block_id is not None:
            ruling = person_verdicts.Ruling(undone.block_id, undone.value == "kept", undone.article_id, undone.host, at)
            applied_rulings.carry_out_ruling(archive.db, ruling, undo=True)
        else:
            with atomic_writes.write_transaction(archive.db):
                corrections.undo_correction(archive.db, undone, at)
                site_fields.apply_field_corrections(archive.db, at)
            if undone.field is corrections.CorrectedField.KIND:
                _apply_kinds(archive)
    print_text(one_line(f"taken back: {undone.field} {undone.url or undone.host or 'everywhere'}"))
    return 0


def _list(path: str, target: str | None, *, as_json: bool) -> int:
    """List all corrections, or write the rulings on blocks to a file of rules."""
    with archive_access.open_read_only(path) as archive_db:
        listed_rulings = person_verdicts.list_rulings(archive_db)
        fields = [listed for listed in corrections.list_corrections(archive_db) if listed.block_id is None]
        if listed_rulings and target is not None:
            return export_rules(archive_db, listed_rulings, target)
    if as_json:
        print_json_lines([*map(_ruling_values, listed_rulings), *map(_field_values, fields)])
        return 0
    if target is not None or not (listed_rulings or fields):
        return archive_access.refuse(f"{path} has no {'rulings on blocks' if fields else 'corrections'}")
    if listed_rulings:
        heads = ("block_id", "verdict", "pages", "at", "overruled", "where", "note", "text")
        cells = [_ruling_cells(listed_ruling) for listed_ruling in listed_rulings]
        texts = [ruling.text for ruling in listed_rulings]
        print_pages(format_blocks(heads, cells, texts, terminal_width(), wide_columns=restore.WIDE_COLUMNS))
    if fields:
        print_pages(format_table([_FIELD_HEADS, *map(_field_cells, fields)], terminal_width()))
    return 0


_FIELD_HEADS = ("number", "field", "value", "at", "where", "note")


def _field_cells(listed: corrections.Correction) -> tuple[str, ...]:
    value = ", ".join(stored_values.json_texts(listed.value)) if listed.field in ("authors", "tags") else listed.value
    notes = "; ".join(filter(None, (listed.undone_at and f"taken back {listed.undone_at[:10]}", listed.note)))
    where = listed.url or listed.host or "anywhere"
    return (str(listed.id), listed.field, value or "none", listed.at[:10], where, notes)


def _field_values(correction: corrections.Correction) -> dict[str, object]:
    """Return the correction of a field as JSON values."""
    return {
        "number": correction.id,
        "field": str(correction.field),
        "value": correction.value,
        "article_id": correction.article_id,
        "url": correction.url or None,
        "host": correction.host,
        "at": correction.at,
        "note": correction.note,
        "undone_at": correction.undone_at,
    }


def _ruling_values(listed_ruling: person_verdicts.ListedRuling) -> dict[str, object]:
    """Return a ruling as JSON values."""
    ruling = listed_ruling.ruling
    return {
        "number": ruling.id,
        "block_id": ruling.block_id,
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
