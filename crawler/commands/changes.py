"""`broadsheet changes`: the edits of an archive, newest last, a line or a JSON object each."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import click

from crawler.commands.export import archive
from crawler.console.option_types import Mistake, duration
from crawler.console.reasons import meaning
from crawler.console.terminal import cut, fit, one_line, say, width
from output.db.text import escaped
from output.store.revisions import CLEANER, RETURNED, WITHDRAWN
from output.watch.edit_list import EDIT_KINDS, NEW, ListedEdit, edits

_INDENT = 8
_AGO = re.compile(r"\d+(?:\.\d+)?\s*[smhd]", re.IGNORECASE)


def changes(path: str, since: str | None, kinds: Sequence[str], *, as_json: bool) -> int:
    """List the edits since a time, a number of `changes`, or a while ago."""
    seq, at = since_of(since or "0")
    with archive(path) as db:
        found = edits(db, after_seq=seq, since=at, kinds=kinds or EDIT_KINDS)
    for edit in found:
        if as_json:
            say(escaped(json.dumps(asdict(edit) | {"summary": summary(edit)}, ensure_ascii=False)))
        else:
            _show(edit)
    if not found and not as_json:
        click.echo("no edits" + (f" since {one_line(since)}" if since else ""), err=True)
    return 0


def since_of(text: str) -> tuple[int, str]:
    """(number of `changes`, UTC time) from which to list, of which one says nothing. Mistake if it is neither."""
    said = text.strip()
    if said.isdigit():
        return int(said), ""
    if _AGO.fullmatch(said):
        return 0, _utc(datetime.now(UTC) - timedelta(seconds=duration(said)))
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        hint = "write 2026-01-31, 2026-01-31T12:00, 7d, or a number of changes"
        raise Mistake(f"--since {text!r} is no time: {hint}") from None
    return 0, _utc(moment)  # without a zone it is local time, as a person at this machine means it


def summary(edit: ListedEdit) -> str:
    """What the edit did, in a few words."""
    if edit.kind == WITHDRAWN:
        return _WITHDRAWN.get(edit.note) or meaning(edit.note)
    if edit.kind in (RETURNED, NEW, CLEANER):
        return _WORDS[edit.kind]
    parts = [f"was “{edit.title_before}”"] if "headline" in edit.kinds else []
    counts = ((edit.rewritten, "rewritten"), (edit.added, "added"), (edit.removed, "removed"))
    told = [f"{count} {what}" for count, what in counts if count]
    parts += [f"blocks: {', '.join(told)}"] if told else []
    parts += [f"“{edit.note}”"] if edit.note else []
    return "; ".join(parts) or _WORDS.get(edit.kind, "")


_WITHDRAWN = {
    "redirect": "redirects to a start page or a list",
    "teaser": "only its beginning is free to read now",
}
_WORDS = {
    "body": "paragraphs in another order",
    "date": "dated otherwise",
    RETURNED: "back at its address",
    NEW: "new article",
    CLEANER: "the text comes from another version of the cleaner; what the publication changed cannot be told",
}


def _show(edit: ListedEdit) -> None:
    columns = width()
    head = f"{edit.seq:>6}  {edit.at[:16].replace('T', ' ')}  {', '.join(edit.kinds):<16}  "
    say(fit(head + one_line(edit.title or "(no title)"), columns))
    say(" " * _INDENT + cut(summary(edit), columns - _INDENT))
    say(" " * _INDENT + one_line(edit.url))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
