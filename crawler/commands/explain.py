"""`broadsheet explain`: the blocks of a stored page in order, each with its verdict and its id for a ruling."""

from __future__ import annotations

from crawler.console.open_archive import open_read_only, refuse
from crawler.console.reasons import reason_text
from crawler.console.terminal import one_line, print_blocks, print_text, terminal_width
from output.read.explain import StoredBlock, StoredPage, find_page, find_url_state
from output.store.shelf import ShelvingReason

_COLUMN_HEADS = ("#", "block", "verdict", "reason", "rule", "on", "text")
_WIDE_COLUMNS = 140  # columns; a block's number alone takes nineteen
_SHELVED_TEXTS: dict[str, str] = {
    ShelvingReason.DUPLICATE: "the same text stands under another URL, which names the article",
    ShelvingReason.LIST: "it only repeats other articles",
    ShelvingReason.PART: "its text is in the article of another page",
}


def explain(path: str, url_or_id: str) -> int:
    """Print the blocks of the page that a URL or an article's id names; 1 if the archive has no page or no blocks of
    it."""
    with open_read_only(path) as db:
        page = find_page(db, url_or_id)
        url_outcome = None if page else find_url_state(db, url_or_id)
    if page is None:
        message = (
            f"has no page of {url_or_id}"
            if url_outcome is None
            else f"has no page of {url_outcome[0]}: {_outcome_text(*url_outcome[1:])}"
        )
        return refuse(f"{path} {message}")
    for line in _page_lines(page):
        print_text(one_line(line))
    if not page.blocks:
        return refuse(f"judged as {page.page_type}, so no blocks of it are stored")
    cells = [_block_cells(block) for block in page.blocks]
    print_blocks(
        _COLUMN_HEADS, cells, [block.text for block in page.blocks], terminal_width(), wide_columns=_WIDE_COLUMNS
    )
    return 0


def _outcome_text(state: str, reason: str) -> str:
    return f"{state} ({reason_text(reason)})" if reason else state


def _page_lines(page: StoredPage) -> list[str]:
    page_type = page.page_type + (f" (by itself {page.own_type})" if page.own_type != page.page_type else "")
    lines = [f"{page.url}: {page.title or '(no title)'}", f"{page_type}; {', '.join(page.evidence)}"]
    if page.article_id is not None:
        lines.append(f"article {page.article_id}: {page.kept_count:,} blocks kept, {page.removed_count:,} removed")
    if page.shelving_reason:
        lines.append(f"shelved: {_SHELVED_TEXTS.get(page.shelving_reason, page.shelving_reason)}")
    return lines


def _block_cells(block: StoredBlock) -> list[str]:
    overruled = f" (was {block.own_reason} {block.own_rule})" if block.own_rule else ""
    verdict = "kept" if block.is_kept else "removed"
    return [str(block.position), str(block.block_id), verdict, block.reason, block.rule + overruled, block.evidence]
