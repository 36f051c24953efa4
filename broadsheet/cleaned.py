"""Article of a page for Python programs: `broadsheet.clean` and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from broadsheet.cleaners.clean import clean as clean_page
from broadsheet.cleaners.document import Page, PageType
from broadsheet.output.archive.metadata_columns import StatedMetadata, typed_metadata
from broadsheet.output.archive.stored_text import count_words


@dataclass(frozen=True, slots=True)
class CleanedBlock:
    """Visible block of a page: whether it is in the article's text, for which reason, and by which named rule.

    `position` counts from 0 in the order of the document. `kind` is `paragraph`, `heading`, `list_item`, `table`,
    `quote`, `code` or `caption`. `repeats` is the position of the kept block that a block which is said twice repeats.
    """

    position: int
    kind: str
    is_kept: bool
    reason: str
    rule: str
    text: str
    repeats: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned(StatedMetadata):
    """Article of a page, with the fields that a stored `Article` has of what the page states.

    `text` has a block a line, `markdown` headings, lists, emphasis and links; both may be empty. `page_type` names the
    type: `article`, `list`, `wall`, `soft_404` …; `evidence` are the facts for it, as `name=value`. `blocks` are all
    visible blocks.
    """

    url: str
    text: str = field(repr=False)
    markdown: str = field(repr=False)
    page_type: PageType
    evidence: tuple[str, ...] = field(repr=False)
    blocks: tuple[CleanedBlock, ...] = field(repr=False)

    @property
    def is_article(self) -> bool:
        """Return whether a crawl would store the page as an article, or as the free beginning of one."""
        return self.page_type in (PageType.ARTICLE, PageType.TEASER)

    @property
    def word_count(self) -> int:
        """Count the words of the text; a Chinese or Japanese character counts as one."""
        return count_words(self.text)

    @property
    def removed(self) -> tuple[CleanedBlock, ...]:
        """Return the blocks that are not in the text."""
        return tuple(block for block in self.blocks if not block.is_kept)

    def _repr_html_(self) -> str:
        """Return it as Jupyter shows it."""
        from broadsheet.output.read.notebook_html import page_card
        from broadsheet.output.read.plain_words import count_text

        removed = f"{count_text(len(self.removed), 'block')} removed"
        facts = (self.page_type, ", ".join(self.authors), self.published_day, removed)
        return page_card(self.title, self.url, facts, self.text)


def clean(html: str | bytes, url: str = "") -> Cleaned:
    """Clean a page: return its article, its metadata, and a verdict on each visible block.

    `html` is the page: bytes as they came, or text that is decoded already. `url` is its address, which helps to judge
    the page and resolves its links. Any bytes or text give a result, and nothing is fetched. The result is what a crawl
    first stores for the page, before it knows the rest of the site. Raises TypeError for neither, such as None.

    >>> clean("<h1>Mill burns</h1><p>The mill on the river burned down on Monday night, the council said.</p>").text
    'The mill on the river burned down on Monday night, the council said.'
    """
    if not isinstance(html, str | bytes) or not isinstance(url, str):
        wrong = type(url if isinstance(html, str | bytes) else html).__name__
        raise TypeError(f"clean() takes a page as str or bytes, and its URL as str, not {wrong}")
    body = html if isinstance(html, bytes) else html.encode("utf-8", "replace")
    page = clean_page(Page(url, body, "" if isinstance(html, bytes) else "text/html; charset=utf-8"))
    blocks = tuple(
        CleanedBlock(
            block.position,
            str(block.kind),
            verdict.kept,
            str(verdict.reason),
            verdict.rule,
            block.text,
            verdict.repeats,
        )
        for block, verdict in zip(page.blocks, page.verdicts, strict=True)
    )
    return Cleaned(
        url=url,
        text=page.text,
        markdown=page.markdown,
        page_type=page.verdict.page_type,
        evidence=page.verdict.evidence,
        blocks=blocks,
        **typed_metadata(page.metadata),
    )
