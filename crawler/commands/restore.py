"""`broadsheet restore` and `broadsheet remove`: rulings by which a person overrules the cleaner on a block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from broadsheet.output.read.plain_words import count_text

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import cut_line, format_table, print_text, terminal_width
from .verb_options import REFERENCE, Options, archive_argument, article_reference, verb, with_options

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import stored_values
    from broadsheet.output.read import page_lookup
    from broadsheet.output.write import applied_rulings, person_verdicts

    from ..cli import archive_access

_MAX_ARTICLES = 20  # articles that are listed
WIDE_COLUMNS = 160  # of a terminal on which a ruling and its text fit in one line
VERDICT_VERBS = {True: "restored", False: "removed"}


_MAX_OTHER_BLOCKS = 3  # blocks that are named where the one asked for begins otherwise
_FIRST_WORDS = 6  # words of a block that a message quotes


@dataclass(frozen=True, slots=True)
class _RequestedRuling:
    """A ruling that a person asks for. In a sentence, `block` and `scope` name its block and where it holds."""

    ruling: person_verdicts.Ruling
    number: int
    block: str
    scope: str
    is_for_own_article: bool


class _UnknownTargetError(Exception):
    """Block or scope that the archive does not know; the text follows the archive's path in one line."""


_RULING_OPTIONS: Options = (
    archive_argument,
    click.argument("target", metavar=f"{REFERENCE}|ID"),
    click.argument("position", metavar="BLOCK", type=click.IntRange(0), required=False),
    click.argument("words", metavar="[FIRST WORDS]", nargs=-1),
    click.option("--everywhere", is_flag=True, help="Wherever the block's text stands, now and later."),
    click.option("--host", metavar="HOST", help="Wherever it appears on this host."),
    click.option("--article", metavar=REFERENCE, help="Only in this article. With ARTICLE BLOCK that is the default."),
    click.option("--note", default="", metavar="TEXT", help="Why; stored with the ruling."),
    click.option("--undo", is_flag=True, help="Take the ruling back: the page's own verdict holds again."),
    click.option("--dry-run", is_flag=True, help="Show what would change; change nothing."),
)


@verb
@with_options(_RULING_OPTIONS)
def restore(**options: Any) -> int:
    """Put back a block that was wrongly removed, now and whenever its pages are judged again.

    ARTICLE is a URL, a path, a number, a title or words; BLOCK is the number in the first column of `broadsheet
    explain`. Given the FIRST WORDS of its text, the command refuses a block that begins otherwise, as after a change of
    the page. A block_id from the view removed or blocks, instead of ARTICLE and BLOCK, means the text wherever it
    stands.
    """
    return rule_on(options, keep=True)


@verb
@with_options(_RULING_OPTIONS)
def remove(**options: Any) -> int:
    """Take out a block that was wrongly kept, now and whenever its pages are judged again.

    ARTICLE is a URL, a path, a number, a title or words; BLOCK is the number in the first column of `broadsheet
    explain`. Given the FIRST WORDS of its text, the command refuses a block that begins otherwise, as after a change of
    the page. A block_id from the view removed or blocks, instead of ARTICLE and BLOCK, means the text wherever it
    stands.
    """
    return rule_on(options, keep=False)


def rule_on(options: Mapping[str, Any], *, keep: bool) -> int:
    """Restore (`keep`) or remove a block, or undo that; 1 if the archive does not know the block or its scope."""
    path, is_undone = options["db"], options["undo"]
    block_id = _block_id(options["target"]) if options["position"] is None else None
    try:
        if options["dry_run"]:
            with archive_access.open_read_only(path) as db:
                asked = _requested_ruling(db, options, block_id, keep=keep)
                return _print_effect(db, asked, applied_rulings.preview_ruling(db, asked.ruling, undo=is_undone), True)
        with archive_access.open_to_write(path) as archive:
            asked = _requested_ruling(archive.db, options, block_id, keep=keep)
            effect = applied_rulings.carry_out_ruling(archive.db, asked.ruling, undo=is_undone)
            return _print_effect(archive.db, asked, effect, False)
    except _UnknownTargetError as error:
        return archive_access.refuse(f"{path} {error}")


def _block_id(target: str) -> int:
    if not (target.isascii() and target.isdigit()):
        raise click.UsageError("say which block of the page: its number in the first column of broadsheet explain")
    if len(target) > len(str(stored_values.LARGEST_INTEGER)) or int(target) > stored_values.LARGEST_INTEGER:
        raise click.BadParameter(f"{target} is not the number of a block")
    return int(target)


def _requested_ruling(
    db: Database, options: Mapping[str, Any], block_id: int | None, *, keep: bool
) -> _RequestedRuling:
    """Build the ruling. _UnknownTargetError if the archive lacks its block, its scope, or the ruling to undo.

    CommandError if several articles match the words.
    """
    host, article, is_own = options["host"], options["article"], False
    if article is not None:
        article = article_reference(db, options["db"], article, must_be_one=True)
    number, name = block_id or 0, f"block {block_id}"
    if block_id is None:
        page, block = _named_block(db, options)
        block_id, number, name = block.block_id, block.position, f"block {block.position} of {page.url}"
        is_own = host is None and article is None and not options["everywhere"]
        article = str(page.article_id) if is_own else article
    scope = ", in this article" if is_own else f" in article {article}" if article is not None else ""
    scope = scope or (f" on {host}" if host else "")
    if not options["undo"] and person_verdicts.block_text(db, block_id) is None:
        raise _UnknownTargetError(f"has no block {block_id} (broadsheet explain lists a page's blocks)")
    article_id = None if article is None else person_verdicts.find_article(db, article)
    if article is not None and article_id is None:
        raise _UnknownTargetError(f"has no article {article}")
    at = stored_values.utc_now()
    ruling = person_verdicts.Ruling(block_id, keep, article_id, host and host.lower(), at, options["note"])
    if options["undo"]:
        if person_verdicts.stored_ruling(db, ruling) is None:
            raise _UnknownTargetError(f"has no ruling on {name}{scope}")
    elif not applied_rulings.preview_ruling(db, ruling).page_count:
        raise _UnknownTargetError(f"has no block {block_id}{scope or ' on any page now'}")
    return _RequestedRuling(ruling, number, name, scope, is_own)


def _named_block(db: Database, options: Mapping[str, Any]) -> tuple[page_lookup.StoredPage, page_lookup.StoredBlock]:
    """Find a block by its page and position. _UnknownTargetError if it does not exist or begins with other words."""
    reference, position = article_reference(db, options["db"], options["target"], must_be_one=True), options["position"]
    page = page_lookup.find_page(db, reference)
    if page is None or not page.blocks:
        raise _UnknownTargetError(f"has no blocks of {reference}")
    block = next((block for block in page.blocks if block.position == position), None)
    if block is None:
        raise _UnknownTargetError(f"has no block {position} of {page.url}: they go up to {page.blocks[-1].position}")
    first_words = " ".join(options["words"])
    if not block.begins_with(first_words):
        raise _UnknownTargetError(_other_words_text(page, block, first_words))
    return page, block


def _other_words_text(page: page_lookup.StoredPage, block: page_lookup.StoredBlock, first_words: str) -> str:
    """Say how the block begins instead, and which blocks of its page begin with the words."""
    positions = [str(candidate.position) for candidate in page.blocks if candidate.begins_with(first_words)]
    hint = (
        f"; block {' or '.join(positions[:_MAX_OTHER_BLOCKS])} begins so"
        if positions
        else "; no block of the page begins so"
    )
    beginning = " ".join(block.text.split()[:_FIRST_WORDS])
    return f"has another text there: block {block.position} of {page.url} begins “{beginning}”{hint}"


def _print_effect(db: Database, asked: _RequestedRuling, effect: applied_rulings.RulingEffect, is_dry_run: bool) -> int:
    """Print what changes, or has changed: the block, the articles and their numbers of words."""
    ruling = asked.ruling
    verb = "taken back" if effect.takes_back else VERDICT_VERBS[ruling.is_kept]
    would_be, would_change = ("would be ", "would change") if is_dry_run else ("", "changed")
    line = f"{would_be}{verb}: block {asked.number}{asked.scope or ', wherever it stands'}"
    print_text(cut_line(line, terminal_width()))
    print_text("  " + cut_line(person_verdicts.block_text(db, ruling.block_id) or "", terminal_width() - 2))
    article_changes = [change for change in effect.text_changes if not change.is_shelved]
    rows = [
        (f"{change.words_before:,}", "→", f"{change.words_after:,}", "words", change.title, change.url)
        for change in article_changes[:_MAX_ARTICLES]
    ]
    if rows:
        lines = format_table(rows, terminal_width() - 2, right_aligned=frozenset({0, 2})).splitlines()
        print_text("\n".join(f"  {line}" for line in lines))
    if len(article_changes) > _MAX_ARTICLES:
        print_text(f"  … and {len(article_changes) - _MAX_ARTICLES:,} more")
    copy_count = len(effect.text_changes) - len(article_changes)
    pages_text = f"{count_text(effect.page_count, 'page')} carr{'ies' if effect.page_count == 1 else 'y'} it"
    copies_text = f", and {count_text(copy_count, 'copy')} of them" if copy_count else ""
    print_text(f"{pages_text}; {count_text(len(article_changes), 'article')} {would_change}{copies_text}")
    other_count = person_verdicts.count_pages(db, ruling.block_id) - effect.page_count
    if asked.is_for_own_article and other_count > 0:
        others = f"{count_text(other_count, 'other page')} {'has' if other_count == 1 else 'have'} the same text"
        print_text(f"{others}: --host HOST or --everywhere takes it there too")
    return 0
