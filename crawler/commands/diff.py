"""`broadsheet diff`: what a publication changed in an article between two of its revisions, word by word."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import click
from rich.console import Console
from rich.text import Text
from sqlite_utils import Database

from cleaners.compare.edits import Change, Version, aligned
from cleaners.compare.word_diff import CAME, GONE, SAME, word_changes
from crawler.commands.export import archive
from crawler.console.option_types import Mistake
from crawler.console.reasons import meaning
from crawler.console.terminal import one_line, say
from output.db.text import escaped, inert
from output.store.revisions import WITHDRAWN
from output.watch.history import Revision, StoredArticle, blocks_of, revisions_of, stored_article

_STYLES = {SAME: "", GONE: "red strike", CAME: "green bold"}
_PLAIN = {SAME: ("", ""), GONE: ("[-", "-]"), CAME: ("{+", "+}")}
_Words = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which revisions to compare: numbers, or the one in force at a time with the latest; by default the last two."""

    first: int | None = None
    last: int | None = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class _Compared:
    article: StoredArticle
    first: Revision
    last: Revision
    title: _Words
    rows: tuple[Change, ...]


def diff(path: str, named: str, asked: Asked, *, as_json: bool) -> int:
    """Show two revisions of the article that a URL or number names; 1 if there is nothing to compare."""
    with archive(path) as db:
        article = stored_article(db, named)
        if article is None:
            return _complain(f"{path} has no article {named}")
        found = _compare(db, article, asked)
    if isinstance(found, str):
        return _complain(found)
    if as_json:
        say(escaped(json.dumps(_as_values(found), ensure_ascii=False, indent=2)))
    else:
        _show(found)
    return 0


def _compare(db: Database, article: StoredArticle, asked: Asked) -> _Compared | str:
    """The comparison, or why there is none."""
    revisions = revisions_of(db, article.id)
    if asked.first is None and asked.last is None and asked.at is None and _texts(revisions) < 2:
        last = revisions[-1] if revisions else None
        what = f" ({_told(last)} {last.seen_at[:16]})" if last and last.is_bare else ""
        return f"{article.url} has one text only{what}: nothing to compare"
    first, last = _chosen(revisions, asked)
    old, new = (blocks_of(db, article.id, article.page_id, each.number) for each in (first, last))
    if old is None or new is None:
        missing = first if old is None else last
        return f"the text of revision {missing.number} of {article.url} was not kept by the version that saw it"
    rows = aligned(Version(old), Version(new))
    return _Compared(article, first, last, word_changes(first.title, last.title), rows)


def _chosen(revisions: Sequence[Revision], asked: Asked) -> tuple[Revision, Revision]:
    by_number = {each.number: each for each in revisions}
    for number in (asked.first, asked.last):
        if number is not None and number not in by_number:
            raise Mistake(f"there is no revision {number}: they go from 1 to {max(by_number, default=0)}")
    texts = [each for each in revisions if not each.is_bare]
    last = by_number[asked.last] if asked.last is not None else texts[-1]
    if asked.at is not None:
        return _in_force(texts, asked.at), last
    if asked.first is not None:
        return by_number[asked.first], last
    return next((each for each in reversed(texts) if each.number < last.number), texts[0]), last


def _in_force(texts: Sequence[Revision], at: str) -> Revision:
    try:
        moment = datetime.fromisoformat(at).astimezone(UTC).isoformat(timespec="seconds")
    except ValueError:
        raise Mistake(f"--at {at!r} is no time: write 2026-01-31 or 2026-01-31T12:00") from None
    found = [each for each in texts if each.seen_at <= moment]
    if not found:
        raise Mistake(f"the article was first seen at {texts[0].seen_at}, after {at}")
    return found[-1]


def _texts(revisions: Iterable[Revision]) -> int:
    return sum(not each.is_bare for each in revisions)


def _told(revision: Revision) -> str:
    kinds = ", ".join(revision.kinds or (revision.change,))
    return f"{kinds}: {meaning(revision.note)}" if revision.change == WITHDRAWN else kinds


def _show(found: _Compared) -> None:
    say(one_line(found.article.url))
    for revision in (found.first, found.last):
        say(one_line(f"revision {revision.number}, {revision.seen_at[:16].replace('T', ' ')}: {_told(revision)}"))
    console = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print()
    console.print(_rendered(found.title, console, bold=True))
    skipped = 0
    for row in found.rows:
        if row.before == row.after:
            skipped += 1
            continue
        skipped = _say_skipped(skipped, console)
        console.print()
        console.print(_rendered(word_changes(row.before, row.after), console))
    _say_skipped(skipped, console)


def _say_skipped(count: int, console: Console) -> int:
    if count:
        console.print()
        console.print(Text(f"… {count} block{'s' if count > 1 else ''} unchanged", style="dim"))
    return 0


def _rendered(words: _Words, console: Console, *, bold: bool = False) -> Text:
    """The words in colour on a terminal; elsewhere with marks around what went and came."""
    coloured = console.is_terminal and not console.no_color
    made = Text(style="bold" if bold and coloured else "")
    for what, text in words:
        begin, end = ("", "") if coloured else _PLAIN[what]
        space = "" if text == text.rstrip() or what == SAME else text[len(text.rstrip()) :]
        made.append(begin + inert(text.rstrip() if space else text) + end, style=_STYLES[what] if coloured else "")
        made.append(space)
    return made


def _as_values(found: _Compared) -> dict[str, object]:
    changed = [row for row in found.rows if row.before != row.after]
    return {
        "article_id": found.article.id,
        "url": found.article.url,
        "from": asdict(found.first),
        "to": asdict(found.last),
        "title": {"before": found.first.title, "after": found.last.title},
        "blocks": [
            {"change": _change(row), **asdict(row), "words": word_changes(row.before, row.after)} for row in changed
        ],
        "unchanged": len(found.rows) - len(changed),
    }


def _change(row: Change) -> str:
    return "added" if not row.before else "removed" if not row.after else "rewritten"


def _complain(text: str) -> int:
    click.echo(one_line(f"broadsheet: {text}"), err=True)
    return 1
