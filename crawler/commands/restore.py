"""`broadsheet restore` and `broadsheet remove`: rulings by which a person overrules the cleaner on a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlite_utils import Database

from crawler.console.open_archive import open_read_only, refuse
from crawler.console.terminal import cut_line, format_table, print_text, terminal_width
from output.db.clock import utc_now
from output.verdicts.apply_rulings import RulingEffect, TextChange, carry_out_ruling, preview_ruling
from output.verdicts.rulings import Ruling, block_text, find_article, stored_ruling
from output.write.archive import Archive

_MAX_ARTICLES = 20  # articles that are listed
WIDE_COLUMNS = 160  # of a terminal on which a ruling and its text fit in one line
VERDICT_VERBS = {True: "restored", False: "removed"}


@dataclass(frozen=True, slots=True)
class RulingRequest:
    """The ruling that a person asks for. `article` is a URL or id, or None; `host` too may be None."""

    block_id: int
    keep: bool
    article: str | None = None
    host: str | None = None
    note: str = ""
    undo: bool = False
    dry_run: bool = False


class _UnknownTargetError(Exception):
    """The archive does not know the block or its scope; the text follows the archive's path in one line."""


def rule_on(options: Mapping[str, Any], *, keep: bool) -> int:
    """Restore (`keep`) or remove a block, or undo that; 1 if the archive does not know the block or its scope."""
    if options["article"] is not None and options["host"] is not None:
        raise click.UsageError("an article has its host already: give --article or --host, not both")
    path = options["db"]
    request = RulingRequest(keep=keep, **{name: value for name, value in options.items() if name != "db"})
    try:
        if request.dry_run or not Path(path).exists():
            with open_read_only(path) as db:
                ruling = _build_ruling(db, request)
                return _print_effect(db, request, preview_ruling(db, ruling, undo=request.undo), ruling)
        with Archive.open(path) as archive:
            ruling = _build_ruling(archive.db, request)
            return _print_effect(archive.db, request, carry_out_ruling(archive.db, ruling, undo=request.undo), ruling)
    except _UnknownTargetError as error:
        return refuse(f"{path} {error}")


def _build_ruling(db: Database, request: RulingRequest) -> Ruling:
    """The requested ruling, once the block and its scope are found. _UnknownTargetError if the archive has no such
    block."""
    if block_text(db, request.block_id) is None:
        raise _UnknownTargetError(f"has no block {request.block_id} (broadsheet explain lists a page's blocks)")
    article_id = find_article(db, request.article) if request.article is not None else None
    if request.article is not None and article_id is None:
        raise _UnknownTargetError(f"has no article {request.article}")
    ruling = Ruling(
        request.block_id, request.keep, article_id, request.host and request.host.lower(), utc_now(), request.note
    )
    if request.undo:
        if stored_ruling(db, ruling) is None:
            raise _UnknownTargetError(f"has no ruling on block {request.block_id}{_scope_text(request)}")
    elif not preview_ruling(db, ruling).page_count:
        raise _UnknownTargetError(f"has no block {request.block_id}{_scope_text(request) or ' on any page now'}")
    return ruling


def _scope_text(request: RulingRequest) -> str:
    if request.article is not None:
        return f" in article {request.article}"
    return f" on {request.host}" if request.host else ""


def _print_effect(db: Database, request: RulingRequest, effect: RulingEffect, ruling: Ruling) -> int:
    """Print what changes, or has changed: the block, the articles and their numbers of words."""
    verb = "taken back" if effect.takes_back else VERDICT_VERBS[request.keep]
    scope_text = _scope_text(request) or ", wherever it stands"
    print_text(
        cut_line(
            f"{'would be ' if request.dry_run else ''}{verb}: block {ruling.block_id}{scope_text}", terminal_width()
        )
    )
    print_text("  " + cut_line(block_text(db, ruling.block_id) or "", terminal_width() - 2))
    article_changes = [change for change in effect.text_changes if not change.is_shelved]
    _print_changes(article_changes)
    copy_count = len(effect.text_changes) - len(article_changes)
    pages_text = f"{_count_text(effect.page_count, 'page')} carry it" if effect.page_count != 1 else "1 page carries it"
    articles_text = f"{_count_text(len(article_changes), 'article')} {'would change' if request.dry_run else 'changed'}"
    print_text(
        f"{pages_text}; {articles_text}" + (f", and {_count_text(copy_count, 'copy')} of them" if copy_count else "")
    )
    return 0


def _print_changes(changes: Sequence[TextChange]) -> None:
    rows = [
        (f"{change.words_before:,}", "→", f"{change.words_after:,}", "words", change.title, change.url)
        for change in changes[:_MAX_ARTICLES]
    ]
    if rows:
        lines = format_table(rows, terminal_width() - 2, right_aligned=frozenset({0, 2})).splitlines()
        print_text("\n".join(f"  {line}" for line in lines))
    if len(changes) > _MAX_ARTICLES:
        print_text(f"  … and {len(changes) - _MAX_ARTICLES:,} more")


def _count_text(count: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"
