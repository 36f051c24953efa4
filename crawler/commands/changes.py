"""`broadsheet changes` and `broadsheet diff`: the edits to an archive's articles, and one of them word by word."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.compare.text_comparison import ADDED_SIGN, REMOVED_SIGN, SAME_SIGN, WordChanges
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.read.plain_words import reason_text

from ..cli.command_line import CommandError, duration
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import cut_line, fit, one_line, print_json, print_json_lines, print_text, terminal_width
from .verb_options import EDIT_KINDS, REFERENCE, archive_argument, article_reference, verb

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import revisions, stored_text
    from broadsheet.output.read import edit_history

    from ..cli import archive_access

_INDENT = 8
_DURATION = re.compile(r"\d+(?:\.\d+)?\s*[smhd]", re.IGNORECASE)


@verb
@archive_argument
@click.option("--since", metavar="TIME|SEQ|7d", help="Only edits since a time, after a number, or of the last days.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    type=click.Choice(EDIT_KINDS),
    help=f"Only these kinds: {', '.join(EDIT_KINDS)}. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object per line.")
def changes(db: str, since: str | None, kinds: tuple[str, ...], as_json: bool) -> int:
    """List the edits of articles, newest last: corrections, new headlines, withdrawals and others."""
    after_seq, since_time = parse_since(since or "0")
    with archive_access.open_read_only(db) as archive_db:
        edit = None
        for edit in edit_history.list_edits(
            archive_db, after_seq=after_seq, since=since_time, kinds=kinds or edit_history.EDIT_KINDS
        ):
            if as_json:
                print_json_lines([{**edit._asdict(), "summary": edit_summary(edit)}])
            else:
                columns = terminal_width()
                head = f"{edit.seq:>6}  {edit.at[:16].replace('T', ' ')}  {', '.join(edit.kinds):<16}  "
                print_text(fit(head + one_line(edit.title or "(no title)"), columns))
                print_text(" " * _INDENT + cut_line(edit_summary(edit), columns - _INDENT))
                print_text(" " * _INDENT + one_line(edit.url))
    if edit is None and not as_json:
        click.echo("no edits" + (f" since {one_line(since)}" if since else ""), err=True)
    return 0


def parse_since(text: str) -> tuple[int, str]:
    """Parse --since as (number of `changes`, UTC time), one of which is 0 or empty. CommandError for other text."""
    stripped = text.strip()
    try:
        if stripped.isdecimal():
            return int(stripped), ""
        if _DURATION.fullmatch(stripped):
            return 0, utc_text(datetime.now(UTC) - timedelta(seconds=duration(stripped)))
        # Without a zone it is local time, as a person at this machine means it.
        return 0, utc_text(datetime.fromisoformat(stripped))
    except (ValueError, OverflowError):
        hint = "write 2026-01-31, 2026-01-31T12:00, 7d, or a number of changes"
        raise CommandError(f"--since {text!r} is not a time: {hint}") from None


def edit_summary(edit: edit_history.ListedEdit) -> str:
    """Describe the edit, in a few words."""
    if edit.kind == EditKind.WITHDRAWN:
        return _WITHDRAWAL_TEXTS.get(edit.note) or reason_text(edit.note)
    if edit.kind in (EditKind.RETURNED, edit_history.NEW, revisions.RevisionMark.CLEANER):
        return _KIND_TEXTS[edit.kind]
    parts = [f"was “{edit.title_before}”"] if EditKind.HEADLINE in edit.kinds else []
    counts = ((edit.rewritten, "rewritten"), (edit.added, "added"), (edit.removed, "removed"))
    count_texts = [f"{count} {verb}" for count, verb in counts if count]
    parts += [f"blocks: {', '.join(count_texts)}"] if count_texts else []
    parts += [f"“{edit.note}”"] if edit.note else []
    return "; ".join(parts) or _KIND_TEXTS.get(edit.kind, "")


_WITHDRAWAL_TEXTS: dict[str, str] = {
    "redirect": "redirects to a start page or a list",
    "teaser": "only its beginning is free to read now",
}
_KIND_TEXTS: dict[str, str] = {
    EditKind.BODY: "paragraphs in another order",
    EditKind.DATE: "dated otherwise",
    EditKind.RETURNED: "back at its address",
    "new": "new article",
    "cleaner": ("the text comes from another version of the cleaner; what the publication changed cannot be told"),
}


_TERMINAL_STYLES = {SAME_SIGN: "", REMOVED_SIGN: "red strike", ADDED_SIGN: "green bold"}
_PLAIN_MARKS = {SAME_SIGN: ("", ""), REMOVED_SIGN: ("[-", "-]"), ADDED_SIGN: ("{+", "+}")}


@dataclass(frozen=True, slots=True)
class RevisionChoice:
    """Revisions to compare: numbers, or the one in force at a time with the latest; by default the last two."""

    first: int | None = None
    last: int | None = None
    at: str | None = None


@verb
@archive_argument
@click.argument("words", nargs=-1, required=True, metavar=f"{REFERENCE}...")
@click.option("--from", "first", type=click.IntRange(min=1), metavar="N", help="The earlier revision.")
@click.option("--to", "last", type=click.IntRange(min=1), metavar="M", help="The later revision.")
@click.option("--at", metavar="TIME", help="Compare the revision in force at TIME with the latest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def diff(**options: Any) -> int:
    """Show what a publication changed in an article, word by word: the last two revisions, or those named.

    ARTICLE is its URL, a path, its number, its title, or words that search finds it by.
    """
    path, words = options["db"], " ".join(options["words"])
    choice = RevisionChoice(options["first"], options["last"], options["at"])
    with archive_access.open_read_only(path) as db:
        article = edit_history.find_revised_article(db, article_reference(db, path, words))
        if article is None:
            return archive_access.refuse(f"{path} has no article {words}")
        comparison = _compare(db, article, choice)
    if isinstance(comparison, str):
        return archive_access.refuse(comparison)
    if options["as_json"]:
        print_json(_json_values(comparison))
    else:
        _print_comparison(comparison)
    return 0


def _compare(
    db: Database, article: edit_history.RevisedArticle, choice: RevisionChoice
) -> edit_history.Comparison | str:
    """Compare the chosen revisions; return the comparison, or a sentence that says why it is impossible."""
    revisions = edit_history.revisions_of(db, article.id)
    text_count = sum(not revision.is_textless for revision in revisions)
    if choice == RevisionChoice() and text_count < 2:
        last = revisions[-1] if revisions else None
        change_text = f" ({_change_text(last)} {last.seen_at[:16]})" if last and last.is_textless else ""
        return f"{article.url} has only one text{change_text}: nothing to compare"
    first, last = _choose_revisions(revisions, choice)
    try:
        return edit_history.compare_revisions(db, article, first, last)
    except edit_history.TextNotKeptError as error:
        return str(error)


def _choose_revisions(
    revisions: Sequence[edit_history.Revision], choice: RevisionChoice
) -> tuple[edit_history.Revision, edit_history.Revision]:
    by_number = {revision.number: revision for revision in revisions}
    for number in (choice.first, choice.last):
        if number is not None and number not in by_number:
            raise CommandError(f"there is no revision {number}: they go from 1 to {max(by_number, default=0)}")
    with_text = [revision for revision in revisions if not revision.is_textless]
    last = by_number[choice.last] if choice.last is not None else with_text[-1]
    if choice.at is not None:
        try:
            moment = utc_text(datetime.fromisoformat(choice.at))
        except (ValueError, OverflowError):
            raise CommandError(f"--at {choice.at!r} is not a time: write 2026-01-31 or 2026-01-31T12:00") from None
        earlier = [revision for revision in with_text if revision.seen_at <= moment]
        if not earlier:
            raise CommandError(f"the article was first seen at {with_text[0].seen_at}, after {choice.at}")
        return earlier[-1], last
    if choice.first is not None:
        return by_number[choice.first], last
    return next((revision for revision in reversed(with_text) if revision.number < last.number), with_text[0]), last


def _change_text(revision: edit_history.Revision) -> str:
    kinds = ", ".join(revision.kinds or (revision.change,))
    return f"{kinds}: {reason_text(revision.note)}" if revision.change == EditKind.WITHDRAWN else kinds


def _print_comparison(comparison: edit_history.Comparison) -> None:
    from rich.console import Console

    print_text(one_line(comparison.article.url))
    for revision in (comparison.first, comparison.last):
        print_text(
            one_line(f"revision {revision.number}, {revision.seen_at[:16].replace('T', ' ')}: {_change_text(revision)}")
        )
    console = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print()
    console.print(_render_words(comparison.title, console, bold=True))
    skipped = 0
    for row in comparison.rows:
        if row.kind == "same":
            skipped += 1
            continue
        skipped = _print_unchanged_count(skipped, console)
        console.print()
        console.print(_render_words(row.words, console))
    _print_unchanged_count(skipped, console)


def _print_unchanged_count(count: int, console: Console) -> int:
    from rich.text import Text

    if count:
        console.print()
        console.print(Text(f"… {count} block{'s' if count > 1 else ''} unchanged", style="dim"))
    return 0


def _render_words(words: WordChanges, console: Console, *, bold: bool = False) -> Text:
    """Render the words: in colour on a terminal, elsewhere with marks around removed and added words."""
    from rich.text import Text

    is_coloured = console.is_terminal and not console.no_color
    rendered = Text(style="bold" if bold and is_coloured else "")
    for change, text in words:
        begin, end = ("", "") if is_coloured else _PLAIN_MARKS[change]
        space = "" if text == text.rstrip() or change == SAME_SIGN else text[len(text.rstrip()) :]
        rendered.append(
            begin + stored_text.inert_text(text.rstrip() if space else text) + end,
            style=_TERMINAL_STYLES[change] if is_coloured else "",
        )
        rendered.append(space)
    return rendered


def _json_values(comparison: edit_history.Comparison) -> dict[str, object]:
    changed_rows = [row for row in comparison.rows if row.kind != "same"]
    return {
        "article_id": comparison.article.id,
        "url": comparison.article.url,
        "from": comparison.first,
        "to": comparison.last,
        "title": {"before": comparison.first.title, "after": comparison.last.title},
        "blocks": [
            {"change": row.kind, "before": row.before, "after": row.after, "words": row.words} for row in changed_rows
        ],
        "unchanged": len(comparison.rows) - len(changed_rows),
    }
