"""`broadsheet update`: a crawl that revisits known pages; the edits that it found are what it says first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from broadsheet.crawler.commands.crawl import crawl
from broadsheet.crawler.crawl.archive_access import open_read_only
from broadsheet.crawler.crawl.command_line import CommandError
from broadsheet.output.archive.article_storage import latest_seq
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.edit_history import list_edits

_NO_CRAWL_OPTIONS = {
    "urls": (), "urls_file": None, "include": (), "exclude": (), "since": None, "language": (), "max_depth": None,
}  # fmt: skip


def update(options: Mapping[str, Any], on_failure: Callable[[str], object] = str) -> int:
    """Revisit as the options say, print a summary and the edits, and return the exit code. `on_failure` is as in
    `crawl`."""
    if options["everything"] and options["every"] is not None:
        raise CommandError("--all looks at everything now: give --all or --every, not both")
    db = options["db"]
    with Archive.open(db) as archive:  # an older one is upgraded
        last_seq = latest_seq(archive.db)
    revisit_options = {"revisit": "all" if options["everything"] else "update", "every": options["every"] or 0.0}
    return crawl(
        dict(options) | _NO_CRAWL_OPTIONS | revisit_options,
        print_first=lambda: _print_edit_counts(db, last_seq),
        on_failure=on_failure,
    )


def _print_edit_counts(db: str, after_seq: int) -> None:
    with open_read_only(db) as archive_db:
        new_edits = list_edits(archive_db, after_seq=after_seq)
    counts: dict[str, int] = {}
    for edit in new_edits:
        counts[edit.kind] = counts.get(edit.kind, 0) + 1
    counts_text = ", ".join(f"{kind} {count:,}" for kind, count in counts.items()) or "none"
    click.echo(f"Edits: {counts_text}" + (f" (broadsheet changes {db} --since {after_seq})" if counts else ""))
