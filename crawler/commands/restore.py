"""The verbs by which a person overrules the cleaner: restore and remove a block, and list what was ruled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from sqlite_utils import Database

from crawler.commands.export import archive
from crawler.commands.rulings import export_rules
from crawler.console.terminal import cut, one_line, say, say_blocks, table, width
from output.db.clock import utc_now
from output.verdicts.apply_rulings import Effect, TextChange, carry_out, preview
from output.verdicts.rulings import Listed, Ruling, block_text, find_article, listed, stored_ruling
from output.write.archive import Archive

_SHOWN = 20  # articles
_ROOMY = 160  # columns
_VERBS = {True: "restored", False: "removed"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks of a block. `article` is a URL or number, or None; `host` too may be None."""

    block_id: int
    kept: bool
    article: str | None = None
    host: str | None = None
    note: str = ""
    undo: bool = False
    dry_run: bool = False


class _Unknown(Exception):  # noqa: N818 - an answer, caught where it is told
    """What the archive does not know; told in one line, with exit code 1."""


def rule_on(path: str, asked: Asked) -> int:
    """Restore or remove a block, or take that back; 1 if the archive does not know what is named."""
    try:
        if asked.dry_run or not Path(path).exists():
            with archive(path) as db:
                return _show(db, asked, preview(db, ruling := _ruling(db, asked), undo=asked.undo), ruling)
        with Archive.open(path) as owned:
            ruling = _ruling(owned.db, asked)
            return _show(owned.db, asked, carry_out(owned.db, ruling, undo=asked.undo), ruling)
    except _Unknown as unknown:
        click.echo(one_line(f"broadsheet: {path} {unknown}"), err=True)
        return 1


def rulings(path: str, target: str | None) -> int:
    """List the rulings, or write them as rules and test cases; 1 if there is none."""
    with archive(path) as db:
        found = listed(db)
        if found and target is not None:
            return export_rules(db, found, path, target)
    if not found:
        click.echo(one_line(f"broadsheet: {path} has no rulings"), err=True)
        return 1
    heads = ("block", "verdict", "pages", "at", "overruled", "where", "note", "text")
    texts = ["(no longer stored)" if each.text is None else each.text for each in found]
    say_blocks(heads, [_cells(each) for each in found], texts, width(), roomy=_ROOMY)
    return 0


def _ruling(db: Database, asked: Asked) -> Ruling:
    """The ruling that is asked for, once all that it names is known."""
    if block_text(db, asked.block_id) is None:
        raise _Unknown(f"has no block {asked.block_id} (broadsheet explain lists a page's blocks)")
    article = find_article(db, asked.article) if asked.article is not None else None
    if asked.article is not None and article is None:
        raise _Unknown(f"has no article {asked.article}")
    ruling = Ruling(asked.block_id, asked.kept, article, asked.host and asked.host.lower(), utc_now(), asked.note)
    if asked.undo:
        if stored_ruling(db, ruling) is None:
            raise _Unknown(f"has no ruling on block {asked.block_id}{_where(asked)}")
    elif not preview(db, ruling).pages:
        raise _Unknown(f"has no block {asked.block_id}{_where(asked) or ' on any page now'}")
    return ruling


def _where(asked: Asked) -> str:
    if asked.article is not None:
        return f" in article {asked.article}"
    return f" on {asked.host}" if asked.host else ""


def _show(db: Database, asked: Asked, effect: Effect, ruling: Ruling) -> int:
    """Print what changes, or changed: the block, the articles and their words."""
    verb = "taken back" if effect.taken_back else _VERBS[asked.kept]
    where = _where(asked) or ", wherever it stands"
    say(cut(f"{'would be ' if asked.dry_run else ''}{verb}: block {ruling.block_id}{where}", width()))
    say("  " + cut(block_text(db, ruling.block_id) or "", width() - 2))
    shown = [change for change in effect.changes if not change.shelved]
    _list(shown)
    copies = len(effect.changes) - len(shown)
    pages = f"{_counted(effect.pages, 'page')} carry it" if effect.pages != 1 else "1 page carries it"
    texts = f"{_counted(len(shown), 'article')} {'would change' if asked.dry_run else 'changed'}"
    say(f"{pages}; {texts}" + (f", and {_counted(copies, 'copy')} of them" if copies else ""))
    return 0


def _list(changes: Sequence[TextChange]) -> None:
    rows = [(f"{each.before:,}", "→", f"{each.after:,}", "words", each.title, each.url) for each in changes[:_SHOWN]]
    if rows:
        lines = table(rows, width() - 2, right=frozenset({0, 2})).splitlines()
        say("\n".join(f"  {line}" for line in lines))
    if len(changes) > _SHOWN:
        say(f"  … and {len(changes) - _SHOWN:,} more")


def _cells(each: Listed) -> list[str]:
    ruling = each.ruling
    where = each.url or (f"article {ruling.article_id}" if ruling.article_id is not None else ruling.host or "anywhere")
    overruled = f"{ruling.reason} {ruling.rule}".strip()
    pages = f"{each.pages:,}"
    return [str(ruling.block_id), _VERBS[ruling.kept], pages, ruling.at[:10], overruled, where, ruling.note]


def _counted(count: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"
