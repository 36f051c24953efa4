"""Cleaner for programs: its options are given once, and each page becomes a `Cleaned`. Light: nothing of a crawl."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path

from broadsheet.cleaners.clean import clean as clean_page
from broadsheet.cleaners.document import ARTICLE_TYPES, CleanedPage, ExtractorUse, Page, PageType, RemovalReason
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.cleaners.judge.site_rule_files import SiteRuleFolder, SiteRulesError
from broadsheet.cleaners.lineage import lineage, site_rules_digest
from broadsheet.cleaners.page.canonical_urls import host_of
from broadsheet.output.archive.metadata_columns import StatedMetadata, read_stated_date, typed_metadata
from broadsheet.output.archive.page_rows import page_certainty
from broadsheet.output.archive.stored_text import count_words
from broadsheet.output.archive.url_words import OutcomeReason

from ..options import CrawlOptions, OptionError

KEEPABLE = (RemovalReason.COMMENTS.key,)
"""Parts of a page that a program may have in the text: those that the rules tell from the rest of it."""


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
    visible blocks. `certainty` is the estimated accuracy of the text (word F1, 0 to 1) if the page is an article,
    whatever it was judged as; None where that is not known.
    `left_out` says why the options leave an article out: `language` or `too_old`; empty for any other page.
    """

    url: str
    text: str = field(repr=False)
    markdown: str = field(repr=False)
    page_type: PageType
    evidence: tuple[str, ...] = field(repr=False)
    blocks: tuple[CleanedBlock, ...] = field(repr=False)
    certainty: float | None = None
    left_out: str = ""

    @property
    def is_article(self) -> bool:
        """Return whether the page is an article, or the free beginning of one."""
        return self.page_type in ARTICLE_TYPES

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


class Cleaner:
    """Cleaner with fixed options. It has no state: share it between threads, send it to other processes (pickle).

    `rules` is a folder of rule files by host, which is read here and not again. `keep` names what stays in the text
    besides the article: `comments`, those of readers. `language` and `since` tell an article that is wanted, as codes
    (`"en de"`, or a list) and as a day; `Cleaned.left_out` says which one is not. `extractor` says on which pages
    trafilatura is asked: `in-doubt`, `always`, `never`. Raises OptionError with one line.

    >>> Cleaner(language="de").clean('<html lang="en"><p>The mill on the river burned down on Monday night.</p>').text
    'The mill on the river burned down on Monday night.'
    """

    def __init__(
        self,
        *,
        rules: str | Path | None = None,
        keep: Iterable[str] = (),
        language: str | Iterable[str] = (),
        since: str | date | None = None,
        extractor: str = ExtractorUse.IN_DOUBT,
    ) -> None:
        bounds = {"seeds": ("page",), "languages": language, "since": since, "extractor": extractor}
        self.crawl_options = CrawlOptions.from_arguments(bounds | {"site_rules": rules and Path(rules).absolute()})
        """The same options for a crawl or an import."""
        self._extractor = ExtractorUse(extractor)
        self._keep = frozenset((keep,) if isinstance(keep, str) else keep)
        if unknown := sorted(self._keep.difference(KEEPABLE)):
            raise OptionError(f"keep may name {', '.join(KEEPABLE)}, not {unknown[0]!r}")
        try:
            self._rules = SiteRuleFolder(rules) if rules else None
        except SiteRulesError as error:
            raise OptionError(str(error)) from error
        rule_files = tuple(self._rules.read_all()) if self._rules else ()
        self.rule_problems = tuple(str(problem) for file in rule_files for problem in file.problems)
        """Lines of the rule files that cannot be used, as sentences."""
        self.lineage = {
            **asdict(lineage(self._extractor)),
            "site_rules": site_rules_digest(rule_files),
            "keep": " ".join(sorted(self._keep)),
            "language": " ".join(sorted(self.crawl_options.languages)),
            "since": str(self.crawl_options.since or ""),
        }
        """What a text depends on: the cleaner's version, digests of its rules, models and site rules, the options."""

    def clean(self, html: str | bytes, url: str = "") -> Cleaned:
        """Clean a page: return its article, its metadata, and a verdict on each visible block.

        `html` is the page: bytes as they came, or text that is decoded already. `url` is its address, which helps to
        judge the page and resolves its links. Any bytes or text give a result, and nothing is fetched. Raises TypeError
        for neither, such as None.
        """
        if not isinstance(html, str | bytes) or not isinstance(url, str):
            wrong = type(url if isinstance(html, str | bytes) else html).__name__
            raise TypeError(f"clean() takes a page as str or bytes, and its URL as str, not {wrong}")
        body = html if isinstance(html, bytes) else html.encode("utf-8", "replace")
        return self.clean_page(Page(url, body, "" if isinstance(html, bytes) else "text/html; charset=utf-8"))

    def clean_page(self, page: Page) -> Cleaned:
        """Clean a response, with what its headers say about it."""
        rules = self._rules.for_host(host_of(page.url)) if self._rules else ()
        cleaned = clean_page(page, rules, self._extractor)
        text, markdown = cleaned.text, cleaned.markdown
        verdicts = cleaned.verdicts
        if self._keep:
            wanted = {reason for reason in RemovalReason if reason.key in self._keep}
            verdicts = tuple(replace(each, kept=each.kept or each.reason in wanted) for each in verdicts)
            text, markdown = assemble(cleaned.blocks, verdicts)
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
            for block, verdict in zip(cleaned.blocks, verdicts, strict=True)
        )
        return Cleaned(
            url=page.url,
            text=text,
            markdown=markdown,
            page_type=cleaned.verdict.page_type,
            evidence=cleaned.verdict.evidence,
            blocks=blocks,
            certainty=page_certainty(cleaned),
            left_out=self._exclusion(cleaned),
            **typed_metadata(cleaned.metadata),
        )

    def _exclusion(self, cleaned: CleanedPage) -> str:
        """Return why the options leave an article out, as a crawl does; empty if they do not."""
        languages, since = self.crawl_options.languages, self.crawl_options.since
        if not cleaned.is_article:
            return ""
        if languages and cleaned.metadata.language and cleaned.metadata.language not in languages:
            return OutcomeReason.LANGUAGE
        day = read_stated_date(cleaned.metadata.published).day
        return OutcomeReason.TOO_OLD if since and day and date.fromisoformat(day) < since else ""


_default_cleaner = cache(Cleaner)


def clean(html: str | bytes, url: str = "") -> Cleaned:
    """Clean a page by a `Cleaner` without options. The result is what a crawl first stores, before it knows the site.

    >>> clean("<h1>Mill burns</h1><p>The mill on the river burned down on Monday night, the council said.</p>").text
    'The mill on the river burned down on Monday night, the council said.'
    """
    return _default_cleaner().clean(html, url)
