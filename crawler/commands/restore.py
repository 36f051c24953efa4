"""`broadsheet restore` and `broadsheet remove`: rulings by which a person overrules the cleaner on a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
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
    from broadsheet.output.write import applied_rulings, archive_writer, person_verdicts

    from ..cli import archive_access

_MAX_ARTICLES = 20  # articles that are listed
WIDE_COLUMNS = 160  # of a terminal on which a ruling and its text fit in one line
VERDICT_VERBS = {True: "restored", False: "removed"}


_MAX_OTHER_BLOCKS = 3  # blocks that are named where the one asked for begins otherwise
_FIRST_WORDS = 6  # words that say which block is meant


@dataclass(frozen=True, slots=True)
class RulingRequest:
    """The ruling that a person asks for.

    `block_id` names the block, or `page` (a URL or an article's id) and `position`; its text must begin with
    `first_words`. `is_for_own_article`: the ruling is for the article of `page`.
    """

    keep: bool
    block_id: int | None = None
    page: str = ""
    position: int = 0
    first_words: str = ""
    article: str | None = None
    is_for_own_article: bool = False
    host: str | None = None
    note: str = ""
    undo: bool = False
    dry_run: bool = False


class _UnknownTargetError(Exception):
    """Block or scope that the archive does not know; the text follows the archive's path in one line."""


_RULING_OPTIONS: Options = (
    archive_argument,
    click.argument("target", metavar=f"{REFERENCE}|ID"),
    click.argument("position", metavar="BLOCK", type=click.IntRange(0), required=False),
    click.argument("words", metavar="[FIRST WORDS]", nargs=-1),
    click.option("--everywhere", is_flag=True, help="Wherever the block's text stands, now and later."),
    click.option("--host", metavar="HOST", help="Wherever it stands on this host."),
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
    explain`. Add the FIRST WORDS of its text, and no other block is touched if the page has changed since. A block_id
    from the view removed or blocks, instead of ARTICLE and BLOCK, means the text wherever it stands.
    """
    return rule_on(options, keep=True)


@verb
@with_options(_RULING_OPTIONS)
def remove(**options: Any) -> int:
    """Take out a block that was wrongly kept, now and whenever its pages are judged again.

    ARTICLE is a URL, a path, a number, a title or words; BLOCK is the number in the first column of `broadsheet
    explain`. Add the FIRST WORDS of its text, and no other block is touched if the page has changed since. A block_id
    from the view removed or blocks, instead of ARTICLE and BLOCK, means the text wherever it stands.
    """
    return rule_on(options, keep=False)


def rule_on(options: Mapping[str, Any], *, keep: bool) -> int:
    """Restore (`keep`) or remove a block, or undo that; 1 if the archive does not know the block or its scope."""
    path, request = options["db"], _read_request(options, keep=keep)
    try:
        if request.dry_run or not Path(path).exists():
            with archive_access.open_read_only(path) as db:
                request = _named_block(db, _referenced(db, path, request))
                ruling = _build_ruling(db, request)
                return _print_effect(db, request, applied_rulings.preview_ruling(db, ruling, undo=request.undo), ruling)
        with archive_access.told_faults(path), archive_writer.Archive.open(path) as archive:
            archive_access.print_notices(archive.recovery)
            request = _named_block(archive.db, _referenced(archive.db, path, request))
            ruling = _build_ruling(archive.db, request)
            return _print_effect(
                archive.db, request, applied_rulings.carry_out_ruling(archive.db, ruling, undo=request.undo), ruling
            )
    except _UnknownTargetError as error:
        return archive_access.refuse(f"{path} {error}")


def _referenced(db: Database, archive: str, request: RulingRequest) -> RulingRequest:
    """Name the page and the article of a request by a URL or a number. CommandError if several match its words."""
    names = {"page": request.page or None, "article": request.article}
    found = {name: words and article_reference(db, archive, words, must_be_one=True) for name, words in names.items()}
    return replace(request, page=found["page"] or "", article=found["article"])


def _read_request(options: Mapping[str, Any], *, keep: bool) -> RulingRequest:
    """Read the ruling from the command line. UsageError where it says too much or too little."""
    common = {name: options[name] for name in ("host", "note", "undo", "dry_run")} | {"keep": keep}
    if options["position"] is None:
        return RulingRequest(block_id=_block_id(options["target"]), article=options["article"], **common)
    block = {"page": options["target"], "position": options["position"], "first_words": " ".join(options["words"])}
    is_own = options["host"] is None and options["article"] is None and not options["everywhere"]
    return RulingRequest(article=options["article"], is_for_own_article=is_own, **block, **common)


def _block_id(target: str) -> int:
    if not (target.isascii() and target.isdigit()):
        raise click.UsageError("say which block of the page: its number in the first column of broadsheet explain")
    if len(target) > len(str(stored_values.LARGEST_INTEGER)) or int(target) > stored_values.LARGEST_INTEGER:
        raise click.BadParameter(f"{target} is not the number of a block")
    return int(target)


def _named_block(db: Database, request: RulingRequest) -> RulingRequest:
    """Add the block's id to the request. _UnknownTargetError if there is no such block, or it begins otherwise."""
    if request.block_id is not None:
        return request
    page = page_lookup.find_page(db, request.page)
    if page is None or not page.blocks:
        raise _UnknownTargetError(f"has no blocks of {request.page}")
    block = next((block for block in page.blocks if block.position == request.position), None)
    if block is None:
        raise _UnknownTargetError(
            f"has no block {request.position} of {page.url}: they go up to {page.blocks[-1].position}"
        )
    if not block.begins_with(request.first_words):
        raise _UnknownTargetError(_other_words_text(page, block, request.first_words))
    article = str(page.article_id) if request.is_for_own_article else request.article
    return replace(request, block_id=block.block_id, page=page.url, article=article)


def _other_words_text(page: page_lookup.StoredPage, block: page_lookup.StoredBlock, first_words: str) -> str:
    """Say how the block begins instead, and which blocks of its page begin with the words."""
    positions = [str(candidate.position) for candidate in page.blocks if candidate.begins_with(first_words)]
    hint = (
        f"; block {' or '.join(positions[:_MAX_OTHER_BLOCKS])} begins so"
        if positions
        else "; no block of the page begins so"
    )
    return f"has another text there: block {block.position} of {page.url} begins “{_first_words(block.text)}”{hint}"


def _first_words(text: str) -> str:
    return " ".join(text.split()[:_FIRST_WORDS])


def _build_ruling(db: Database, request: RulingRequest) -> person_verdicts.Ruling:
    """Build the requested ruling. _UnknownTargetError if the archive does not have its block, scope or ruling."""
    assert request.block_id is not None
    if not request.undo and person_verdicts.block_text(db, request.block_id) is None:
        raise _UnknownTargetError(f"has no block {request.block_id} (broadsheet explain lists a page's blocks)")
    article_id = person_verdicts.find_article(db, request.article) if request.article is not None else None
    if request.article is not None and article_id is None:
        raise _UnknownTargetError(f"has no article {request.article}")
    ruling = person_verdicts.Ruling(
        request.block_id,
        request.keep,
        article_id,
        request.host and request.host.lower(),
        stored_values.utc_now(),
        request.note,
    )
    if request.undo:
        if person_verdicts.stored_ruling(db, ruling) is None:
            raise _UnknownTargetError(f"has no ruling on {_block_name(request)}{_scope_text(request)}")
    elif not applied_rulings.preview_ruling(db, ruling).page_count:
        raise _UnknownTargetError(f"has no block {request.block_id}{_scope_text(request) or ' on any page now'}")
    return ruling


def _block_name(request: RulingRequest) -> str:
    return f"block {request.position} of {request.page}" if request.page else f"block {request.block_id}"


def _scope_text(request: RulingRequest) -> str:
    if request.is_for_own_article:
        return ", in this article"
    if request.article is not None:
        return f" in article {request.article}"
    return f" on {request.host}" if request.host else ""


def _print_effect(
    db: Database, request: RulingRequest, effect: applied_rulings.RulingEffect, ruling: person_verdicts.Ruling
) -> int:
    """Print what changes, or has changed: the block, the articles and their numbers of words."""
    verb = "taken back" if effect.takes_back else VERDICT_VERBS[request.keep]
    number = request.position if request.page else ruling.block_id
    scope_text = _scope_text(request) or ", wherever it stands"
    line = f"{'would be ' if request.dry_run else ''}{verb}: block {number}{scope_text}"
    print_text(cut_line(line, terminal_width()))
    print_text("  " + cut_line(person_verdicts.block_text(db, ruling.block_id) or "", terminal_width() - 2))
    article_changes = [change for change in effect.text_changes if not change.is_shelved]
    _print_changes(article_changes)
    copy_count = len(effect.text_changes) - len(article_changes)
    pages_text = f"{count_text(effect.page_count, 'page')} carry it" if effect.page_count != 1 else "1 page carries it"
    articles_text = f"{count_text(len(article_changes), 'article')} {'would change' if request.dry_run else 'changed'}"
    print_text(
        f"{pages_text}; {articles_text}" + (f", and {count_text(copy_count, 'copy')} of them" if copy_count else "")
    )
    if request.is_for_own_article:
        _print_other_pages(person_verdicts.count_pages(db, ruling.block_id) - effect.page_count)
    return 0


def _print_other_pages(count: int) -> None:
    if count > 0:
        verb = "has" if count == 1 else "have"
        print_text(
            f"{count_text(count, 'other page')} {verb} the same text: --host HOST or --everywhere takes it there too"
        )


def _print_changes(changes: Sequence[applied_rulings.TextChange]) -> None:
    rows = [
        (f"{change.words_before:,}", "→", f"{change.words_after:,}", "words", change.title, change.url)
        for change in changes[:_MAX_ARTICLES]
    ]
    if rows:
        lines = format_table(rows, terminal_width() - 2, right_aligned=frozenset({0, 2})).splitlines()
        print_text("\n".join(f"  {line}" for line in lines))
    if len(changes) > _MAX_ARTICLES:
        print_text(f"  … and {len(changes) - _MAX_ARTICLES:,} more")
