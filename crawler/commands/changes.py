"""`broadsheet changes`: the edits to an archive's articles, newest last, a line or a JSON object each."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.output.read.plain_words import reason_text

from ..cli.command_line import CommandError, duration
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import cut_line, fit, one_line, print_json_lines, print_text, terminal_width
from .verb_options import EDIT_KINDS, archive_argument, verb

with lazy_imports():
    from broadsheet.output.archive import revisions
    from broadsheet.output.read import edit_history

    from ..cli import archive_access

_INDENT = 8
_DURATION = re.compile(r"\d+(?:\.\d+)?\s*[smhd]", re.IGNORECASE)


@verb
@archive_argument
@click.option("--since", metavar="TIME|SEQ|7d", help="From this time on, after this number, or so long ago.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    type=click.Choice(EDIT_KINDS),
    help=f"Only these: {', '.join(EDIT_KINDS)}. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def changes(db: str, since: str | None, kinds: tuple[str, ...], as_json: bool) -> int:
    """List what publications did to their articles, newest last: corrections, headlines, withdrawals and the rest."""
    after_seq, since_time = parse_since(since or "0")
    with archive_access.open_read_only(db) as archive_db:
        edit = None
        for edit in edit_history.list_edits(
            archive_db, after_seq=after_seq, since=since_time, kinds=kinds or edit_history.EDIT_KINDS
        ):
            if as_json:
                print_json_lines([{**edit._asdict(), "summary": edit_summary(edit)}])
            else:
                _print_edit(edit)
    if edit is None and not as_json:
        click.echo("no edits" + (f" since {one_line(since)}" if since else ""), err=True)
    return 0


def parse_since(text: str) -> tuple[int, str]:
    """Parse --since as (number of `changes`, UTC time); one of both is 0 or empty. CommandError if it is neither."""
    stripped = text.strip()
    try:
        if stripped.isdecimal():
            return int(stripped), ""
        if _DURATION.fullmatch(stripped):
            return 0, _utc_text(datetime.now(UTC) - timedelta(seconds=duration(stripped)))
        # Without a zone it is local time, as a person at this machine means it.
        return 0, _utc_text(datetime.fromisoformat(stripped))
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


def _print_edit(edit: edit_history.ListedEdit) -> None:
    columns = terminal_width()
    head = f"{edit.seq:>6}  {edit.at[:16].replace('T', ' ')}  {', '.join(edit.kinds):<16}  "
    print_text(fit(head + one_line(edit.title or "(no title)"), columns))
    print_text(" " * _INDENT + cut_line(edit_summary(edit), columns - _INDENT))
    print_text(" " * _INDENT + one_line(edit.url))


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
