"""A cleaned page as the rows that the archive stores: everything that can be computed before the database is asked.

Numbers of texts, digests, counts and the packed layout are made where the page was cleaned, in a worker process, and
only for an article is there a text and a ledger. So the value that crosses to the crawl is small and quick to read,
and the one thread that writes does little besides writing. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cleaners.document import Cleaned, Metadata, PageVerdict
from cleaners.lineage import Lineage, lineage
from output.db.ids import text_digest
from output.db.text import count_words, storable
from output.store.leads import leads_of
from output.store.ledger import LedgerRows, ledger_rows


@dataclass(frozen=True, slots=True)
class PreparedPage:
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
    leads: tuple[tuple[str, str, bool], ...] = ()  # to the article's next page and to all of it, where it is one
    lineage: Lineage | None = None  # what it was made by

    @property
    def is_article(self) -> bool:
        """Whether the page enters `articles`."""
        return self.verdict.is_article


def prepared(cleaned: Cleaned | PreparedPage, site_rules: str = "") -> PreparedPage:
    """The rows of a cleaned page; one that is prepared already stays as it is.

    `site_rules` is the digest of a person's rules that it was cleaned by.
    """
    if isinstance(cleaned, PreparedPage):
        return cleaned
    text, keeps = storable(cleaned.text), cleaned.is_article
    return PreparedPage(
        url=cleaned.url,
        verdict=cleaned.verdict,
        metadata=cleaned.metadata,
        robots=cleaned.robots,
        cleaner_version=cleaned.cleaner_version,
        text=text if keeps else "",
        markdown=storable(cleaned.markdown) if keeps else "",
        words=count_words(text),
        digest=text_digest(text),
        blocks=len(cleaned.blocks),
        kept=sum(verdict.kept for verdict in cleaned.verdicts),
        outlinks=len(cleaned.outlinks),
        ledger=ledger_rows(cleaned.blocks, cleaned.verdicts) if keeps else LedgerRows(),
        leads=leads_of(cleaned.outlinks) if keeps else (),
        lineage=replace(lineage(), site_rules=site_rules),
    )


def marked(page: PreparedPage, fact: str) -> PreparedPage:
    """The page with one more fact beside its verdict."""
    return replace(page, verdict=replace(page.verdict, evidence=(*page.verdict.evidence, fact)))


# Evidence that `settle` adds to a page's own begins with this name; a page judged again keeps it until then.
SETTLED_EVIDENCE = "repeats="
