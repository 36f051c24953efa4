"""Evidence of a site about its pages' authors, days and titles: what their sources state on all pages together.

A source that states one value everywhere says nothing of a page. A part that most titles end or begin with is the
template's. One day above twelve shows in which order a site writes day and month. Pure.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..document import AUTHORS, DAY_MONTH, FieldStatement
from ..page.authors import is_personal, name_key
from ..page.date_parser import swapped_day
from ..page.titles import title_parts

MIN_PAGES = 5
"""Pages that state a field before what they have in common is evidence: on fewer, chance makes them alike."""

_CONSTANT_SHARE = 0.95  # of a source's pages with one value: the source states the site's, not the page's
_VARYING_SHARE = 0.1  # of the pages on which another source names somebody: fewer are guests of a blog
_TEMPLATE_SHARE = 0.6  # of the pages whose titles have a part: a column's name is on fewer
_ORDER = (DAY_MONTH, "shown")  # field and source of the statement of an order
_ORDER_SHARE = 0.9  # of the pages that show an order of day and month


@dataclass(frozen=True, slots=True)
class StatedPage:
    """A page's own title, authors and publication, with their sources, and all that its sources state."""

    title: str
    authors: tuple[str, ...]
    published: str
    sources: Mapping[str, str]
    statements: Sequence[FieldStatement]


@dataclass(frozen=True, slots=True)
class SourceFinding:
    """Finding on a source of a field: its pages, how many values they have, and the commonest with its pages."""

    field: str
    source: str
    pages: int
    values: int
    commonest: str
    commonest_pages: int

    @property
    def is_constant(self) -> bool:
        """Return whether the source states one value everywhere."""
        return self.pages >= MIN_PAGES and self.commonest_pages >= _CONSTANT_SHARE * self.pages

    @property
    def evidence(self) -> str:
        """Return the finding in words."""
        return f"{self.source} states {self.commonest!r} on {self.commonest_pages} of {self.pages} pages"


@dataclass(frozen=True, slots=True)
class SettledField:
    """A field's value in the light of the site: the value, its source, and the evidence for the change."""

    field: str
    value: str | tuple[str, ...]
    source: str
    evidence: str


@dataclass(frozen=True, slots=True)
class SiteEvidence:
    """Evidence of a site: its author sources that state one value everywhere, whether others name persons, the order in
    which it writes day and month, the parts that most titles have, and the keys of its names, as `name_key` makes them.
    """

    constant_sources: Mapping[str, SourceFinding]
    has_varying_source: bool
    order: SourceFinding | None
    template_parts: Mapping[tuple[str, str], int]
    site_names: frozenset[str]

    @property
    def is_silent(self) -> bool:
        """Return whether it speaks against no value of any page."""
        return not (self.constant_sources or self.order or self.template_parts)


def find_sources(statements: Iterable[FieldStatement]) -> list[SourceFinding]:
    """Return the finding on each source of authors, and on the order of day and month, from all pages' statements."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for statement in statements:
        if statement.field == AUTHORS or (statement.field, statement.source) == _ORDER:
            counts[statement.field, statement.source][statement.value] += 1
    findings = []
    for (field, source), values in sorted(counts.items()):
        commonest, commonest_pages = min(values.items(), key=lambda item: (-item[1], item[0]))
        findings.append(SourceFinding(field, source, values.total(), len(values), commonest, commonest_pages))
    return findings


def weigh_evidence(
    findings: Sequence[SourceFinding], titles: Iterable[str], site_names: frozenset[str]
) -> SiteEvidence:
    """Weigh what a site's sources state and how its pages' titles begin and end; one title for each page."""
    page_count, part_counts = 0, Counter[tuple[str, str]]()
    for title in titles:
        page_count += 1
        part_counts.update(title_parts(title).items())
    enough = max(MIN_PAGES, _TEMPLATE_SHARE * page_count)
    author_findings = [finding for finding in findings if finding.field == AUTHORS]
    constant_sources = {finding.source: finding for finding in author_findings if finding.is_constant}
    order = next((finding for finding in findings if (finding.field, finding.source) == _ORDER), None)
    return SiteEvidence(
        constant_sources,
        any(
            finding.source not in constant_sources and finding.pages >= max(MIN_PAGES, _VARYING_SHARE * page_count)
            for finding in author_findings
        ),
        order if order and order.commonest_pages >= _ORDER_SHARE * order.pages else None,
        {part: count for part, count in part_counts.items() if count >= enough},
        site_names,
    )


def settle_fields(page: StatedPage, evidence: SiteEvidence) -> list[SettledField]:
    """Return the fields of a page whose values the site's evidence changes."""
    return [
        *_settled_authors(page, evidence),
        *_settled_day(page, evidence.order),
        *_settled_title(page, evidence.template_parts),
    ]


def _settled_authors(page: StatedPage, evidence: SiteEvidence) -> Iterator[SettledField]:
    """Yield other authors if the page's own come from a source that states one value everywhere.

    They are those of the first source that varies. Without one on the page they stay if they read as persons and are
    not the site, or no source of the site varies, as on a blog of one author.
    """
    constant = evidence.constant_sources.get(page.sources.get(AUTHORS, ""))
    if constant is None or _names(constant.commonest) != page.authors:
        return
    for statement in page.statements:
        if statement.field == AUTHORS and statement.source not in evidence.constant_sources:
            yield SettledField(AUTHORS, _names(statement.value), statement.source, constant.evidence)
            return
    is_site = all(name_key(name) in evidence.site_names for name in page.authors)
    are_persons = all(map(is_personal, page.authors))
    if is_site and (evidence.has_varying_source or not are_persons):
        yield SettledField(AUTHORS, (), "", constant.evidence)


def _names(value: str) -> tuple[str, ...]:
    return tuple(json.loads(value))


def _settled_day(page: StatedPage, order: SourceFinding | None) -> Iterator[SettledField]:
    """Yield the day with day and month swapped, if the page's was read in another order than the site's."""
    for statement in page.statements if order else ():
        assumed_order, _, day = statement.value.partition(" ")
        is_assumed = (statement.field, statement.source) == (DAY_MONTH, "assumed") and day == page.published[:10]
        if order and is_assumed and assumed_order != order.commonest and (swapped := swapped_day(day)):
            evidence = f"{order.commonest} is shown on {order.commonest_pages} of {order.pages} pages"
            yield SettledField("published", swapped + page.published[10:], page.sources["published"], evidence)


def _settled_title(page: StatedPage, template_parts: Mapping[tuple[str, str], int]) -> Iterator[SettledField]:
    """Yield the title without the part that the site's template adds at its end or beginning."""
    for side, part in reversed(title_parts(page.title).items()) if template_parts else ():
        if count := template_parts.get((side, part)):
            title = page.title.removeprefix(part) if side == "beginning" else page.title.removesuffix(part)
            if any(map(str.isalnum, title)):
                evidence = f"{count} titles have the {side} {part!r}"
                yield SettledField("title", title.strip(), page.sources.get("title", ""), evidence)
                return
