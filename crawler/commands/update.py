"""`broadsheet update`: a crawl that looks again, and the edits that it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from crawler.commands.crawl import crawl, holds_something
from crawler.commands.export import archive
from crawler.console.option_types import Mistake
from output.watch.edit_list import edits, latest_seq
from output.write.archive import Archive

_NOTHING_MORE = {
    "urls": (), "urls_file": None, "include": (), "exclude": (), "since": None, "language": (), "max_depth": None,
}  # fmt: skip


def update(given: Mapping[str, Any]) -> int:
    """Look again as the command line says, show what came of it, and return the exit code."""
    if given["everything"] and given["every"]:
        raise Mistake("--all looks at everything now: give --all or --every, not both")
    db = given["db"]
    if not holds_something(db):
        raise Mistake(f"{db} is no archive yet: broadsheet crawl https://… --db {db}")
    with Archive.open(db) as before:  # an older one is upgraded
        seq = latest_seq(before.db)
    asked = {"revisit": "all" if given["everything"] else "update", "every": given["every"] or 0.0}
    code = crawl(dict(given) | _NOTHING_MORE | asked)
    if not given["quiet"]:
        _show_edits(db, seq)
    return code


def _show_edits(db: str, seq: int) -> None:
    with archive(db) as after:
        found = edits(after, after_seq=seq)
    counts: dict[str, int] = {}
    for edit in found:
        counts[edit.kind] = counts.get(edit.kind, 0) + 1
    told = ", ".join(f"{kind} {count:,}" for kind, count in counts.items()) or "none"
    click.echo(f"Edits:   {told}" + (f" (broadsheet changes {db} --since {seq})" if counts else ""))
