"""`broadsheet changes`: the edits to an archive's articles, newest last, a line or a JSON object each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.cleaners.document import PageType
from broadsheet.crawler.crawl.archive_access import open_read_only
from broadsheet.crawler.crawl.command_line import CommandError, duration
from broadsheet.crawler.crawl.terminal import (
    cut_line,
    fit,
    one_line,
    print_json_lines,
    print_text,
    reason_text,
    terminal_width,
)
from broadsheet.output.archive.revisions import RevisionMark
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.write.edit_history import EDIT_KINDS, NEW, ListedEdit, list_edits

_INDENT = 8
_DURATION = re.compile(r"\d+(?:\.\d+)?\s*[smhd]", re.IGNORECASE)


def changes(archive_path: str, since: str | None, kinds: Sequence[str], *, as_json: bool) -> int:
    """List the edits since a time, since a number of `changes`, or of the last hours or days."""
    after_seq, since_time = parse_since(since or "0")
    with open_read_only(archive_path) as db:
        listed_edits = list_edits(db, after_seq=after_seq, since=since_time, kinds=kinds or EDIT_KINDS)
    for edit in listed_edits:
        if as_json:
            print_json_lines([asdict(edit) | {"summary": edit_summary(edit)}])
        else:
            _print_edit(edit)
    if not listed_edits and not as_json:
        click.echo("no edits" + (f" since {one_line(since)}" if since else ""), err=True)
    return 0


def parse_since(text: str) -> tuple[int, str]:
    """--since as (number of `changes`, UTC time); one of both is 0 or empty. CommandError if the text is neither."""
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
        raise CommandError(f"--since {text!r} is no time: {hint}") from None


def edit_summary(edit: ListedEdit) -> str:
    """What the edit changed, in a few words."""
    if edit.kind == EditKind.WITHDRAWN:
        return _WITHDRAWAL_TEXTS.get(edit.note) or reason_text(edit.note)
    if edit.kind in (EditKind.RETURNED, NEW, RevisionMark.CLEANER):
        return _KIND_TEXTS[edit.kind]
    parts = [f"was “{edit.title_before}”"] if EditKind.HEADLINE in edit.kinds else []
    counts = ((edit.rewritten, "rewritten"), (edit.added, "added"), (edit.removed, "removed"))
    count_texts = [f"{count} {verb}" for count, verb in counts if count]
    parts += [f"blocks: {', '.join(count_texts)}"] if count_texts else []
    parts += [f"“{edit.note}”"] if edit.note else []
    return "; ".join(parts) or _KIND_TEXTS.get(edit.kind, "")


_WITHDRAWAL_TEXTS: dict[str, str] = {
    OutcomeReason.REDIRECT: "redirects to a start page or a list",
    PageType.TEASER: "only its beginning is free to read now",
}
_KIND_TEXTS: dict[str, str] = {
    EditKind.BODY: "paragraphs in another order",
    EditKind.DATE: "dated otherwise",
    EditKind.RETURNED: "back at its address",
    NEW: "new article",
    RevisionMark.CLEANER: (
        "the text comes from another version of the cleaner; what the publication changed cannot be told"
    ),
}


def _print_edit(edit: ListedEdit) -> None:
    columns = terminal_width()
    head = f"{edit.seq:>6}  {edit.at[:16].replace('T', ' ')}  {', '.join(edit.kinds):<16}  "
    print_text(fit(head + one_line(edit.title or "(no title)"), columns))
    print_text(" " * _INDENT + cut_line(edit_summary(edit), columns - _INDENT))
    print_text(" " * _INDENT + one_line(edit.url))


def _utc_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
