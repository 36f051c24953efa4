"""`broadsheet show`: an article to read, as text, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from shlex import quote
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.read.plain_words import count_text, joined, reason_text, shelving_words

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import UNBOUNDED, one_line, print_json, print_pages, terminal_width
from .verb_options import REFERENCE, archive_argument, article_reference, verb

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.cleaners.judge import certainty as certainty_module
    from broadsheet.output.archive import stored_text
    from broadsheet.output.read import edit_history, page_lookup, stored_articles

    from ..cli import archive_access

_READING_WIDTH = 100  # columns beyond which a line is hard to follow


@verb
@archive_argument
@click.argument("words", nargs=-1, required=True, metavar=f"{REFERENCE}...")
@click.option("--markdown", is_flag=True, help="Print Markdown, with headings, lists and links.")
@click.option("--removed", "with_removed", is_flag=True, help="Also print what was removed from the page, and why.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(db: str, words: tuple[str, ...], markdown: bool, with_removed: bool, as_json: bool) -> int:
    """Print an article by its URL, a path, its number, its title, or words that search finds it by: the best hit.

    A long article is shown page by page (PAGER, else less).
    """
    reference = " ".join(words)
    with archive_access.open_read_only(db) as archive_db:
        named = article_reference(archive_db, db, reference)
        found = _find(archive_db, db, named)
        page = None if found else page_lookup.find_page(archive_db, named)
    if found is None:
        reason = shelving_words(page.shelving_reason) if page and page.shelving_reason else ""
        return archive_access.refuse(f"{db} has no article {reference}{reason and ': '}{reason}")
    if as_json:
        print_json(_article_values(found, with_removed=with_removed))
    else:
        blocks = _markdown_parts(found) if markdown else _text_parts(found, with_removed=with_removed)
        parts = [*blocks, *(_removed_parts(found) if markdown and with_removed else ())]
        print_pages(stored_text.inert_text("\n\n".join(parts)))
    return 0


@dataclass(frozen=True, slots=True)
class _FoundArticle:
    """An article, its page, its revisions, and the archive's path."""

    article: stored_articles.Article
    page: page_lookup.StoredPage
    revisions: Sequence[edit_history.Revision]
    archive: str


def _find(db: Database, archive: str, named: str) -> _FoundArticle | None:
    """Find the article that `article_reference` has named."""
    article = stored_articles.find_stored_article(db, named)
    if article is None:
        return None
    page = page_lookup.read_page(db, article.page_id)
    return _FoundArticle(article, page, edit_history.revisions_of(db, article.id), archive)


def _text_parts(found: _FoundArticle, *, with_removed: bool) -> Iterator[str]:
    """Yield the head of an article and its paragraphs, with removed blocks in place if asked for."""
    yield "\n".join(_head_lines(found))
    width = min(_READING_WIDTH, terminal_width()) if terminal_width() < UNBOUNDED else UNBOUNDED
    if not with_removed:
        yield from (_paragraph(line, width, "") for line in found.article.text.splitlines() if line.strip())
        return
    for block in found.page.blocks:
        text = block.text if block.is_kept else f"[removed, {block.reason}: {block.text}]"
        yield _paragraph(text, width, "" if block.is_kept else "    ")


def _paragraph(text: str, width: int, indent: str) -> str:
    lines = wrap(
        one_line(text), width, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return "\n".join(lines)


def _markdown_parts(found: _FoundArticle) -> Iterator[str]:
    title, *facts = _head_lines(found)
    yield f"# {title}"
    yield "  \n".join(facts)
    yield found.article.markdown or found.article.text


def _removed_parts(found: _FoundArticle) -> Iterator[str]:
    """Yield a section of Markdown with the blocks that were removed."""
    removed = [block for block in found.page.blocks if not block.is_kept]
    yield "## Removed from the page"
    yield "\n".join(f"- {block.reason}: {one_line(block.text)}" for block in removed) or "Nothing."


def _head_lines(found: _FoundArticle) -> Iterator[str]:
    article, page = found.article, found.page
    yield one_line(article.title) or "(no title)"
    yield one_line(article.url)
    day = article.published_day
    facts = (
        day.isoformat() if isinstance(day, date) else "no date",
        one_line(joined(article.authors)), one_line(article.sitename or article.host), article.language,
        count_text(article.word_count, "word"),
        "" if page.certainty is None else f"{certainty_module.certainty(page.certainty)} certainty",
        f"number {article.id}",
    )  # fmt: skip
    yield " · ".join(filter(None, facts))
    if article.page_type == "teaser":
        yield "Only its free beginning could be read."
    yield from _history_lines(found)


def _history_lines(found: _FoundArticle) -> Iterator[str]:
    """Yield lines about edits and a withdrawal since the article was first seen."""
    last = found.revisions[-1] if found.revisions else None
    if last and last.change == EditKind.WITHDRAWN:
        why = f" ({reason_text(last.note)})" if last.note else ""
        yield f"Withdrawn by its site, {last.seen_at[:10]}{why}; the archive keeps it."
    if edits := len(found.revisions) - 1:
        command = f"broadsheet diff {quote(found.archive)} {found.article.id} shows the last"
        yield f"{count_text(edits, 'edit')} since it was first seen, {found.revisions[0].seen_at[:10]} ({command})"


def _time_text(moment: date) -> str:
    return utc_text(moment) if isinstance(moment, datetime) else moment.isoformat()


def _article_values(found: _FoundArticle, *, with_removed: bool) -> dict[str, Any]:
    """Return the article as JSON values; times are ISO 8601, unknown values null."""
    values: dict[str, Any] = {
        name: _time_text(value) if isinstance(value, date) else value for name, value in asdict(found.article).items()
    }
    own_columns = {name: value for name, value in values.pop("own_columns").items() if not isinstance(value, bytes)}
    values |= {
        "certainty": found.page.certainty,
        "withdrawn": bool(found.revisions) and found.revisions[-1].change == EditKind.WITHDRAWN,
        "revisions": len(found.revisions),
        "own_columns": own_columns,
    }
    if with_removed:
        values["removed"] = [
            {"position": block.position, "reason": block.reason, "rule": block.rule, "text": block.text}
            for block in found.page.blocks if not block.is_kept
        ]  # fmt: skip
    return values
