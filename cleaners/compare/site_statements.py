"""Evidence of a site about its pages' authors, days and titles: what their sources state on all pages together.

A source that states one value everywhere says nothing of a page. A part that most titles end or begin with is the
template's. One day above twelve shows in which order a site writes day and month. Pure.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from broadsheet.cleaners.document import AUTHORS, DAY_MONTH, FieldStatement
from broadsheet.cleaners.page.authors import is_personal, name_key
from broadsheet.cleaners.page.date_parser import swapped_day
from broadsheet.cleaners.page.titles import title_parts

MIN_PAGES = 5
"""Pages that state a field before what they have in common is evidence: on fewer, chance makes them alike."""

_CONSTANT_SHARE = 0.95  # of a source's pages with one value: the source states the site's, not the page's
_TEMPLATE_SHARE = 0.6  # of the pages whose titles have a part: a column's name is on fewer
_ORDER_SHARE = 0.9  # of the pages that show an order of day and month


@dataclass(frozen=True, slots=True)
class StatedPage:
    """A page's own title, authors and publication, with their sources, and all that its sources state."""

    page_id: int
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


def find_sources(pages: Iterable[StatedPage]) -> list[SourceFinding]:
    """Return the finding on each source of each field, in order."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for page in pages:
        for statement in page.statements:
            counts[statement.field, statement.source][statement.value] += 1
    findings = []
    for (field, source), values in sorted(counts.items()):
        commonest, commonest_pages = min(values.items(), key=lambda item: (-item[1], item[0]))
        findings.append(SourceFinding(field, source, values.total(), len(values), commonest, commonest_pages))
    return findings


def settle_fields(
    pages: Sequence[StatedPage], findings: Sequence[SourceFinding], site_names: frozenset[str]
) -> dict[int, list[SettledField]]:
    """Return by page the fields whose values the site's evidence changes; pages without any are left out.

    `site_names` are keys as `name_key` makes them.
    """
    constant_sources = {
        finding.source: finding for finding in findings if finding.field == AUTHORS and finding.is_constant
    }
    author_sources = {finding.source for finding in findings if finding.field == AUTHORS}
    has_varying_source = bool(author_sources - constant_sources.keys())
    order = _order_of_days(findings)
    template_parts = _template_parts(pages)
    settled: dict[int, list[SettledField]] = {}
    for page in pages:
        fields = [
            *_settled_authors(page, constant_sources, site_names, has_varying_source=has_varying_source),
            *_settled_day(page, order),
            *_settled_title(page, template_parts),
        ]
        if fields:
            settled[page.page_id] = fields
    return settled


def _settled_authors(
    page: StatedPage,
    constant_sources: Mapping[str, SourceFinding],
    site_names: frozenset[str],
    *,
    has_varying_source: bool,
) -> Iterator[SettledField]:
    """Yield other authors if the page's own come from a source that states one value everywhere.

    They are those of the first source that varies. Without one on the page they stay if they read as persons and are
    not the site, or no source of the site varies, as on a blog of one author.
    """
    constant = constant_sources.get(page.sources.get(AUTHORS, ""))
    if constant is None or _names(constant.commonest) != page.authors:
        return
    for statement in page.statements:
        if statement.field == AUTHORS and statement.source not in constant_sources:
            yield SettledField(AUTHORS, _names(statement.value), statement.source, constant.evidence)
            return
    is_site = all(name_key(name) in site_names for name in page.authors)
    are_persons = all(map(is_personal, page.authors))
    if is_site and (has_varying_source or not are_persons):
        yield SettledField(AUTHORS, (), "", constant.evidence)


def _names(value: str) -> tuple[str, ...]:
    return tuple(json.loads(value))


def _order_of_days(findings: Sequence[SourceFinding]) -> SourceFinding | None:
    """Return the finding on the order in which the site writes day and month; None if none is sure."""
    shown = next((finding for finding in findings if (finding.field, finding.source) == (DAY_MONTH, "shown")), None)
    return shown if shown and shown.commonest_pages >= _ORDER_SHARE * shown.pages else None


def _settled_day(page: StatedPage, order: SourceFinding | None) -> Iterator[SettledField]:
    """Yield the day with day and month swapped, if the page's was read in another order than the site's."""
    for statement in page.statements if order else ():
        is_read_otherwise = order is not None and statement.value.partition(" ")[0] != order.commonest
        if (statement.field, statement.source) == (DAY_MONTH, "assumed") and is_read_otherwise and order is not None:
            day = swapped_day(page.published) if statement.value.endswith(page.published[:10]) else ""
            if day:
                evidence = f"{order.commonest} is shown on {order.commonest_pages} of {order.pages} pages"
                yield SettledField("published", day + page.published[10:], page.sources["published"], evidence)


def _template_parts(pages: Sequence[StatedPage]) -> dict[tuple[str, str], int]:
    """Return the parts that most titles begin or end with, each as (side, part), and on how many pages they are."""
    counts = Counter(part for page in pages for part in title_parts(page.title).items())
    enough = max(MIN_PAGES, _TEMPLATE_SHARE * sum(bool(page.title) for page in pages))
    return {part: count for part, count in counts.items() if count >= enough}


def _settled_title(page: StatedPage, template_parts: Mapping[tuple[str, str], int]) -> Iterator[SettledField]:
    """Yield the title without the part that the site's template adds at its end or beginning."""
    for side, part in reversed(title_parts(page.title).items()) if template_parts else ():
        if count := template_parts.get((side, part)):
            title = page.title.removeprefix(part) if side == "beginning" else page.title.removesuffix(part)
            if any(map(str.isalnum, title)):
                evidence = f"{count} titles have the {side} {part!r}"
                yield SettledField("title", title.strip(), page.sources.get("title", ""), evidence)
                return
