"""A cleaned page as the rows that the archive stores: all that can be computed without the database.

Ids of texts, digests, counts and the packed layout are computed where the page was cleaned, in a worker process, and
only an article has text and ledger. So what is sent back to the crawl's process is small and quick to unpickle, and
the one thread that writes to the database does little else. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from broadsheet.cleaners.document import ArticleImage, CleanedPage, ExtractorUse, Metadata, PageVerdict
from broadsheet.cleaners.lineage import Lineage, lineage
from broadsheet.cleaners.verdicts.certainty import expected_verdict_f1
from broadsheet.output.db.ids import text_digest
from broadsheet.output.db.text import count_words, storable_text
from broadsheet.output.store.images import storable_image
from broadsheet.output.store.leads import page_leads
from broadsheet.output.store.ledger import LedgerRows, make_ledger_rows


@dataclass(frozen=True, slots=True)
class PageRows:
    """What the archive stores of a page. `text`, `markdown` and `ledger` are empty where the page is no article.

    `blocks`, `kept` and `outlinks` are counts; `words` and `digest` are those of the text, storable already.
    """

    url: str
    verdict: PageVerdict
    metadata: Metadata
    robots: tuple[str, ...]
    cleaner_version: str
    text: str
    markdown: str
    words: int
    digest: str
    blocks: int
    kept: int
    outlinks: int
    ledger: LedgerRows
    leads: tuple[tuple[str, str, bool], ...] = ()  # as `page_leads` returns them; empty where it is no article
    lineage: Lineage | None = None  # the cleaner that made it
    layout_signature: bytes | None = None  # of the page's markup; None where it was not taken
    images: tuple[ArticleImage, ...] = ()  # empty where it is no article
    expected_f1: float | None = None  # of the text, 0 to 1; None where it is no article or not known

    @property
    def is_article(self) -> bool:
        """Whether the page enters `articles`."""
        return self.verdict.is_article


def make_page_rows(
    cleaned: CleanedPage, site_rules: str = "", extractor_use: ExtractorUse = ExtractorUse.IN_DOUBT
) -> PageRows:
    """The rows of a cleaned page. `site_rules` is the digest of the user's site rules that it was cleaned with, and
    `extractor_use` says on which pages trafilatura was asked."""
    text, is_article = storable_text(cleaned.text), cleaned.is_article
    return PageRows(
        url=cleaned.url,
        verdict=cleaned.verdict,
        metadata=cleaned.metadata,
        robots=cleaned.robots,
        cleaner_version=cleaned.cleaner_version,
        text=text if is_article else "",
        markdown=storable_text(cleaned.markdown) if is_article else "",
        words=count_words(text),
        digest=text_digest(text),
        blocks=len(cleaned.blocks),
        kept=sum(verdict.kept for verdict in cleaned.verdicts),
        outlinks=len(cleaned.outlinks),
        ledger=make_ledger_rows(cleaned.blocks, cleaned.verdicts, cleaned.chances) if is_article else LedgerRows(),
        leads=page_leads(cleaned.outlinks) if is_article else (),
        lineage=replace(lineage(extractor_use), site_rules=site_rules),
        layout_signature=cleaned.layout_signature,
        images=tuple(map(storable_image, cleaned.images)) if is_article else (),
        expected_f1=_expected_f1(cleaned) if is_article else None,
    )


def _expected_f1(cleaned: CleanedPage) -> float | None:
    words, kept = [block.words for block in cleaned.blocks], [verdict.kept for verdict in cleaned.verdicts]
    return expected_verdict_f1(words, cleaned.chances, kept)


def with_evidence(page: PageRows, *facts: str) -> PageRows:
    """The page with more facts in the evidence of its verdict."""
    return replace(page, verdict=replace(page.verdict, evidence=(*page.verdict.evidence, *facts)))


REPEATS_EVIDENCE, LAYOUT_EVIDENCE = "repeats=", "layout="
SETTLED_EVIDENCE = (REPEATS_EVIDENCE, LAYOUT_EVIDENCE)
"""Evidence that `settle` adds to a page's own begins so; a page that is judged again keeps it until the next settle."""
