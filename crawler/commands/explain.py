"""`broadsheet explain`: the blocks of a stored page in order, each with its verdict and its id for a ruling."""

from __future__ import annotations

import shlex
import sys
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from broadsheet.output.read.plain_words import count_text, fact_words, reason_text, shelving_words

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import format_blocks, one_line, print_json, print_pages, print_text, terminal_width
from .verb_options import REFERENCE, archive_argument, article_reference, verb

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.cleaners.judge import certainty as certainty_module
    from broadsheet.output.archive import archive_file
    from broadsheet.output.read import page_lookup
    from broadsheet.output.settle import recleaned_pages
    from broadsheet.output.write import run_records

    from .. import options
    from ..cli import archive_access
    from ..crawl import processes, run_parts
    from ..replay import recleaning, recorded_response

_COLUMN_HEADS = ("#", "verdict", "why", "rule", "on", "trafilatura", "text")
_WIDE_COLUMNS = 120
_HINT_WORDS = 3  # of a text, in the command that is shown


@verb
@archive_argument
@click.argument("words", nargs=-1, required=True, metavar=f"{REFERENCE}...")
@click.option("--full", is_flag=True, help="Show whole texts, and the block_id of each.")
@click.option("--extractor", is_flag=True, help="Also show what trafilatura would keep, run again on the raw response.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(db: str, words: tuple[str, ...], full: bool, extractor: bool, as_json: bool) -> int:
    """Show a stored page's verdict and its blocks in order: their numbers, kept or removed, why, and by which rule.

    ARTICLE is its URL, a path, its number, its title, or words that search finds it by. A block's number is what
    `broadsheet restore` and `broadsheet remove` take.
    """
    reference = " ".join(words)
    with archive_access.open_read_only(db) as archive_db:
        page = page_lookup.find_page(archive_db, article_reference(archive_db, db, reference))
        url_outcome = None if page else page_lookup.find_url_state(archive_db, reference)
        choice = _ask_extractor(archive_db, db, page) if page and extractor else _Choice()
    if page is None:
        url, state, reason = url_outcome or (reference, "", "")
        outcome = f": {state}{reason and f' ({reason_text(reason)})'}" if url_outcome else ""
        return archive_access.refuse(f"{db} has no page of {url}{outcome}")
    if as_json:
        print_json(_page_values(page, choice))
        return int(not page.blocks)
    if not page.blocks:
        print_text("\n".join(map(one_line, _page_lines(page))))
        return archive_access.refuse(f"judged as {page.page_type}, so its blocks are not stored")
    head = [*_page_lines(page), *choice.lines(page)]
    blocks_text = _full_blocks(page, choice) if full else _block_table(page, choice)
    print_pages("\n".join([*map(one_line, head), blocks_text, *_hint_lines(db, page)]))
    return 0


@dataclass(frozen=True, slots=True)
class _Choice:
    """Choice of trafilatura: by a block's position, whether it would keep it; or why that is not known."""

    keeps: Mapping[int, bool] = field(default_factory=dict)
    failure: str = ""

    def lines(self, page: page_lookup.StoredPage) -> list[str]:
        """Compare the choice with the verdicts in one line; empty if trafilatura was not asked."""
        if self.failure:
            return [f"trafilatura could not be asked: {self.failure}"]
        if not self.keeps:
            return []
        verdicts = {block.position: block.is_kept for block in page.blocks}
        added = sum(keeps and not verdicts[n] for n, keeps in self.keeps.items())
        missed = sum(verdicts[n] and not keeps for n, keeps in self.keeps.items())
        return [
            f"trafilatura would keep {count_text(sum(self.keeps.values()), 'block')}: {added:,} of those removed, "
            f"without {missed:,} of those kept"
        ]

    def words(self, position: int) -> str:
        """Return `keeps` or `removes` for a block; empty if unknown."""
        return "" if position not in self.keeps else "keeps" if self.keeps[position] else "removes"


def _ask_extractor(archive_db: Database, path: str, page: page_lookup.StoredPage) -> _Choice:
    """Ask trafilatura about a page, with the site rules of the last run."""
    raw_page = recleaned_pages.page_with_raw(archive_db, page.url)
    if raw_page is None:
        return _Choice(failure="it is not known how this page was fetched")
    try:
        folder = run_parts.site_rules_of(options.CrawlOptions((), site_rules=run_records.latest_site_rules(archive_db)))
        rules = folder.for_host(raw_page.host) if folder else ()
        arguments = (raw_page, str(archive_file.archive_path(path)), rules)
        answer = processes.run_in_worker(recleaning.hear_extractor_again, *arguments)
    except (click.ClickException, options.OptionError) as error:
        return _Choice(failure=str(error))
    if isinstance(answer, recorded_response.UnreadResponse):
        return _Choice(failure=answer.detail)
    selected: defaultdict[str, deque[bool]] = defaultdict(deque)  # by text, in the order of the page
    for text, is_selected in answer:
        selected[text].append(is_selected)
    blocks = [block for block in page.blocks if block.text in selected]
    return _Choice({block.position: selected[block.text].popleft() for block in blocks if selected[block.text]})


def _block_table(page: page_lookup.StoredPage, choice: _Choice) -> str:
    texts = [block.text for block in page.blocks]
    cells = [_block_cells(block, choice) for block in page.blocks]
    return format_blocks(_COLUMN_HEADS, cells, texts, terminal_width(), wide_columns=_WIDE_COLUMNS)


def _full_blocks(page: page_lookup.StoredPage, choice: _Choice) -> str:
    """Format every block with its number in the archive and its whole text."""
    lines = []
    for block in page.blocks:
        position, *cells, extractor = _block_cells(block, choice)
        cells = [*filter(None, cells), *([f"trafilatura {extractor}"] if extractor else [])]
        lines += [one_line(f"{position}: {', '.join(cells)} ({block.reason}, block_id {block.block_id})")]
        lines += wrap(one_line(block.text), terminal_width(), initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def _hint_lines(path: str, page: page_lookup.StoredPage) -> list[str]:
    """Return the command that restores the longest removed block; empty without a terminal or a removed block."""
    removed_blocks = [block for block in page.blocks if not block.is_kept]
    if not sys.stdout.isatty() or not removed_blocks:
        return []
    block = max(removed_blocks, key=lambda candidate: len(candidate.text))
    words = shlex.join(one_line(block.text).split()[:_HINT_WORDS])
    command = f"broadsheet restore {shlex.quote(path)} {shlex.quote(page.url)} {block.position} {words}"
    return ["", f"To bring a block back, or take one out with remove: {one_line(command)}"]


def _page_values(page: page_lookup.StoredPage, choice: _Choice) -> dict[str, object]:
    """Return the page as JSON values; block ids are text, since they have more bits than a JSON number keeps."""
    return {
        "url": page.url,
        "title": page.title,
        "page_type": page.page_type,
        "own_type": page.own_type,
        "evidence": list(page.evidence),
        "article_id": page.article_id,
        "shelved": page.shelving_reason or None,
        "corrected": {own.field: own.text for own in page.corrected},
        "kept": page.kept_count,
        "removed": page.removed_count,
        "certainty": page.certainty,
        "images": [asdict(image) for image in page.images],
        "blocks": [_block_values(block, choice) for block in page.blocks],
        "extractor_failure": choice.failure or None,
    }


def _block_values(block: page_lookup.StoredBlock, choice: _Choice) -> dict[str, object]:
    overruled = {"reason": block.own_reason, "rule": block.own_rule} if block.own_rule else None
    return {
        "position": block.position,
        "block_id": block.block_id,
        "kept": block.is_kept,
        "reason": block.reason,
        "rule": block.rule,
        "repeats": block.repeats,
        "overruled": overruled,
        "pages": block.page_count,
        "of_pages": block.of_pages,
        "extracted": choice.keeps.get(block.position),
        "text": block.text,
    }


def _page_lines(page: page_lookup.StoredPage) -> list[str]:
    page_type = page.page_type + (f" (by itself {page.own_type})" if page.own_type != page.page_type else "")
    lines = [f"{page.url}: {page.title or '(no title)'}", f"{page_type}; {', '.join(map(fact_words, page.evidence))}"]
    if page.article_id is not None:
        lines.append(
            f"article {page.article_id}: {count_text(page.kept_count, 'block')} kept, {page.removed_count:,} removed"
            f"{_certainty_words(page.certainty)}"
        )
    if page.shelving_reason:
        lines.append(f"shelved: {shelving_words(page.shelving_reason)}")
    return lines + [f"{own.field} by correction; the page says {own.text or 'nothing'}" for own in page.corrected]


def _certainty_words(certainty: float | None) -> str:
    return (
        ""
        if certainty is None
        else f"; certainty {certainty_module.certainty(certainty)} (expected F1 {certainty:.2f})"
    )


def _block_cells(block: page_lookup.StoredBlock, choice: _Choice) -> list[str]:
    overruled = f" (was {block.own_reason}, {block.own_rule})" if block.own_rule else ""
    verdict = "kept" if block.is_kept else "removed"
    reason = block.reason + ("" if block.repeats is None else f", as block {block.repeats}")
    on_pages = "" if block.page_count is None else f"{block.page_count} of {block.of_pages} pages"
    return [str(block.position), verdict, reason, block.rule + overruled, on_pages, choice.words(block.position)]
