"""The verb that takes articles down: what would go is shown first, and a person has to agree."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from crawler.commands.export import archive
from crawler.console.option_types import Mistake
from crawler.console.terminal import one_line, say
from output.write.archive import Archive
from output.write.forget import Takedown, backups_of, pattern_of, plan, wipe
from output.write.forget import forget as take_down

_SHOWN = 10


def forget(path: str, text: str, note: str, *, dry_run: bool, yes: bool) -> int:
    """Take down a URL or pattern; 1 if the archive knows none, or if the person says no."""
    pattern = pattern_of(text)
    if dry_run:
        with archive(path) as db:
            found = plan(db, pattern)
        return _show(found, path) if found.urls else _unknown(pattern, path)
    if not Path(path).exists():
        with archive(path):  # says what is wrong
            return 1
    with Archive.open(path) as owned:
        found = plan(owned.db, pattern)
        if not found.urls:
            return _unknown(pattern, path)
        _show(found, path)
        if not yes and not _agreed():
            return 1
        take_down(owned.db, pattern, note)
        wipe(owned.db)
    say(f"forgotten: {_counted(len(found.articles), 'article')}, {_counted(len(found.urls), 'URL')}")
    return 0


def _unknown(pattern: str, path: str) -> int:
    click.echo(one_line(f"broadsheet: {path} knows no URL {pattern}"), err=True)
    return 1


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise Mistake("nobody to ask: add --yes to go ahead, or --dry-run to look only")
    return click.confirm("Remove all this for good?")


def _show(found: Takedown, path: str) -> int:
    """Print what goes, and where its words remain."""
    counts = (
        _counted(len(found.articles), "article"),
        _counted(found.pages, "page"),
        _counted(found.captures, "capture"),
        _counted(found.blocks, "block text"),
        _counted(len(found.urls), "URL"),
    )
    say(one_line(f"{found.pattern}: {', '.join(counts)}"))
    _list([f"{url}: {title or '(no title)'}" for title, url in found.articles])
    named = {url for _, url in found.articles}
    _list([f"also {url}" for url in found.urls if url not in named])
    _list([f"stays: the response in {file}" for file in found.warc_files])
    _list([f"stays: what the backup {file} holds" for file in backups_of(Path(path))])
    _list([f"stays: the same words on {url}" for url in found.copies])
    return 0


def _list(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        say("  " + one_line(line))
    if len(lines) > _SHOWN:
        say(f"  … and {len(lines) - _SHOWN:,} more")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
