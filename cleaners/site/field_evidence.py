"""Evidence of a site about its pages' authors, days, titles, languages, by what their sources state on all of them.

A source that states one value everywhere says nothing of a page. Neither does a name from the site's menu or that of a
role where pages name persons, or a day that a last resort finds on many pages. Words before nearly all names of a
source are no part of them. A part that most titles end or begin with is the template's, and a title of several pages
is the site's. One day above twelve shows in which order a site writes day and month. A text too short to tell its
language, or detected as one near that of the site's other pages, is in theirs. Pure.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..document import AUTHORS, DAY_MONTH, PUBLISHED, TITLE, FieldStatement
from ..page.authors import is_personal, is_role_name, name_key
from ..page.date_parser import swapped_day
from ..page.language import are_near
from ..page.titles import fold_title, title_parts

MIN_PAGES = 5
"""The least number of pages that must state a field: on fewer pages, equal values may be chance."""

_CONSTANT_SHARE = 0.95  # of a source's pages with one value: the source states the site's, not the page's
_VARYING_SHARE = 0.1  # of the pages on which another source names somebody: fewer are guests of a blog
_TEMPLATE_SHARE = 0.6  # of the pages whose titles have a part: a column's name is on fewer
_SHARING_PAGES = 3  # with one title: it is the site's, if they state another
_PHRASE = "author_phrase"  # field of the finding on the words before a source's names
_ROLE = "author_role"  # field of the finding on a source's names of roles
_PHRASE_SHARE, _PHRASE_WORDS = 0.8, 3  # of a source's distinct names that have it; words of it at most
_ORDER = (DAY_MONTH, "shown")  # field and source of the statement of an order
_LANGUAGE, _LANGUAGE_SHARE = "language", 0.7  # field; of the pages with a language, those with the usual one
_ORDER_SHARE = 0.9  # of the pages that show an order of day and month
_GUESSED = "text"  # the source of names that nothing marks as names
_MOST_VARY = 0.5  # of the pages on which another source names somebody: then a person is constant by the template
_LAST_RESORTS = frozenset({"htmldate", "script"})  # sources of days that are asked where nothing else names one
_SAME_DAY_PAGES, _SAME_DAY_SHARE = 10, 0.2  # with one day, more than this; and of those of the source
_PLACE_BEHIND = re.compile(r"(?P<name>\w[\w.'’-]*(?: \w[\w.'’-]*){1,2}) (?:in|at) [^\W\d_a-z].*")
_HEADLINE, _META = "markup", "meta"  # sources of the titles that pages show, and of those for search engines


class StatedTitles(NamedTuple):
    """A page's own title with its source, and the others that it states."""

    title: str
    source: str = ""
    statements: Sequence[FieldStatement] = ()


class SharedTitles(NamedTuple):
    """Titles that several pages of a site have, with how many; other titles that no page has to itself; and what most
    titles begin or end with that pages state beside their own.
    """

    counts: Mapping[str, int]
    stated_everywhere: frozenset[str]
    stated_parts: frozenset[tuple[str, str]]

    def without_template(self, title: str) -> str:
        """Return a stated title without the beginning or ending that most titles share."""
        for side, part in title_parts(title).items():
            if (side, part) in self.stated_parts:
                title = title.removeprefix(part) if side == "beginning" else title.removesuffix(part)
        return title


class StatedPage(NamedTuple):
    """A page's own title, authors, publication and language, with their sources, and all that its sources state."""

    title: str
    authors: tuple[str, ...]
    published: str
    sources: Mapping[str, str]
    statements: Sequence[FieldStatement]
    language: str = ""


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


class SettledField(NamedTuple):
    """A field's value in the light of the site: the value, its source, and the evidence for the change."""

    field: str
    value: str | tuple[str, ...]
    source: str
    evidence: str


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """Evidence of a site about the fields of its articles.

    `constant_sources` are sources of authors that state one value everywhere; `has_varying_source` is whether others
    name persons. `phrases` are the words before the names of each source. `shared_titles` are those of several pages.
    `order` is that of day and month. The rest is what most
    titles have in common, the keys of the site's names (`name_key`), and the usual language where a page leaves a
    doubt. `varying_share` is the share of the pages on which a source that varies names somebody, and `usual_names` are
    the commonest names of these; `has_roles`, that pages state a role in place of a name.
    `menu_names` stand in the site's menus. `false_days` are days that a last resort finds
    on many pages, by source and day.
    """

    constant_sources: Mapping[str, SourceFinding]
    varying_share: float
    usual_names: frozenset[tuple[str, ...]]
    phrases: Mapping[str, SourceFinding]
    shared_titles: SharedTitles
    order: SourceFinding | None
    template_parts: Mapping[tuple[str, str], int]
    site_names: frozenset[str]
    usual_language: tuple[str, int, int] | None
    menu_names: frozenset[str]
    false_days: Mapping[tuple[str, str], SourceFinding]
    has_roles: bool = False

    @property
    def is_silent(self) -> bool:
        """Return whether the evidence contradicts no value of any page; a page's own statements still may."""
        found = (self.constant_sources, self.order, self.template_parts, self.phrases, self.shared_titles.counts)
        return not any((*found, self.menu_names, self.false_days, self.has_roles)) and self.usual_language is None

    @property
    def has_varying_source(self) -> bool:
        """Return whether sources that vary name persons on enough pages."""
        return self.varying_share > 0


def find_sources(statements: Iterable[FieldStatement]) -> list[SourceFinding]:
    """Return the findings on all pages' statements: on sources of authors and titles, words before names, and the order
    of day and month.
    """
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for statement in statements:
        is_last_resort = statement.field == PUBLISHED and statement.source in _LAST_RESORTS and not statement.note
        if statement.field in (AUTHORS, TITLE) or (statement.field, statement.source) == _ORDER or is_last_resort:
            counts[statement.field, statement.source][statement.value] += 1
    findings = []
    for (field, source), values in sorted(counts.items()):
        commonest, commonest_pages = min(values.items(), key=lambda item: (-item[1], item[0]))
        findings.append(SourceFinding(field, source, values.total(), len(values), commonest, commonest_pages))
        if field == AUTHORS:
            findings += [*_phrase_finding(source, values), *_role_finding(source, values)]
    return findings


def _role_finding(source: str, values: Counter[str]) -> list[SourceFinding]:
    """Return the finding on the roles that a source states in place of names; none if it states none."""
    roles = Counter({value: pages for value, pages in values.items() if _are_roles(_names(value))})
    if not roles:
        return []
    commonest, pages = min(roles.items(), key=lambda item: (-item[1], item[0]))
    return [SourceFinding(_ROLE, source, roles.total(), len(roles), commonest, pages)]


def _are_roles(names: Sequence[str]) -> bool:
    return bool(names) and all(map(is_role_name, names))


def _phrase_finding(source: str, values: Counter[str]) -> list[SourceFinding]:
    """Return the finding on the words that nearly all names of a source begin with, in whatever language; else none."""
    names = {name: pages for value, pages in values.items() for name in _names(value)[:1]}
    phrases = Counter(
        " ".join(words[:count])
        for words in map(str.split, names)
        for count in range(1, min(len(words), _PHRASE_WORDS + 1))
    )
    enough = max(MIN_PAGES, _PHRASE_SHARE * len(names))
    phrase = max((phrase for phrase, count in phrases.items() if count >= enough), key=len, default="")
    if not phrase:
        return []
    pages = sum(pages for name, pages in names.items() if name.startswith(f"{phrase} "))
    return [SourceFinding(_PHRASE, source, sum(names.values()), len(names), phrase, pages)]


def weigh_evidence(
    findings: Sequence[SourceFinding],
    titles: Sequence[StatedTitles],
    site_names: frozenset[str],
    languages: Mapping[str, int] | None = None,
    menu_names: frozenset[str] = frozenset(),
) -> FieldEvidence:
    """Weigh the statements of a site's sources, and the beginnings and endings of its titles.

    `languages` are the pages' own, each with how many pages have it; empty for none. Titles are counted as they are
    once another has taken the place of one that several pages share.
    """
    page_count, title_counts = len(titles), Counter([stated.title for stated in titles])
    shared_titles = {title: count for title, count in title_counts.items() if title and count >= _SHARING_PAGES}
    stated_everywhere = frozenset(
        f.commonest for f in findings if f.field == TITLE and f.commonest_pages >= _SHARING_PAGES
    )
    stated_parts = _common_parts([statement.value for stated in titles for statement in stated.statements])
    shared = SharedTitles(shared_titles, stated_everywhere, frozenset(stated_parts))
    template_parts = _common_parts([_own_title(stated, shared)[0] for stated in titles])
    author_findings = [finding for finding in findings if finding.field == AUTHORS]
    constant_sources = {finding.source: finding for finding in author_findings if finding.is_constant}
    varying = [finding for finding in author_findings if finding.source not in constant_sources]
    varying_pages = max((finding.pages for finding in varying), default=0)
    order = next((finding for finding in findings if (finding.field, finding.source) == _ORDER), None)
    return FieldEvidence(
        constant_sources,
        varying_pages / page_count
        if page_count and varying_pages >= max(MIN_PAGES, _VARYING_SHARE * page_count)
        else 0.0,
        frozenset(_names(finding.commonest) for finding in varying),
        {finding.source: finding for finding in findings if finding.field == _PHRASE},
        shared,
        order if order and order.commonest_pages >= _ORDER_SHARE * order.pages else None,
        template_parts,
        site_names,
        _usual_language(languages or {}),
        menu_names,
        {(f.source, f.commonest[:10]): f for f in findings if f.field == PUBLISHED and _is_false_day(f)},
        any(finding.field == _ROLE for finding in findings),
    )


def _common_parts(titles: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return the beginnings and endings that most titles share, by side and part, with their counts."""
    counts = Counter(part for title in titles for part in title_parts(title).items())
    enough = max(MIN_PAGES, _TEMPLATE_SHARE * len(titles))
    return {part: count for part, count in counts.items() if count >= enough}


def _is_false_day(finding: SourceFinding) -> bool:
    """Return whether a last resort finds one day on too many pages."""
    return finding.commonest_pages > max(_SAME_DAY_PAGES, _SAME_DAY_SHARE * finding.pages)


def _usual_language(languages: Mapping[str, int]) -> tuple[str, int, int] | None:
    """Return the language of most pages that have one, if others have none or one near it."""
    pages = sum(languages.values()) - languages.get("", 0)
    usual = max(languages, key=lambda language: (languages[language] * bool(language), language), default="")
    is_usual = usual and languages[usual] >= max(MIN_PAGES, _LANGUAGE_SHARE * pages)
    leaves_doubt = any(language == "" or are_near(language, usual) for language in languages if language != usual)
    return (usual, languages[usual], pages) if is_usual and leaves_doubt else None


def settle_fields(page: StatedPage, evidence: FieldEvidence) -> list[SettledField]:
    """Return the fields of a page whose values the site's evidence changes."""
    return [
        *_without_phrase(page, _settled_authors(page, evidence), evidence),
        *_settled_day(page, evidence),
        *_settled_title(page, evidence),
        *_settled_language(page, evidence),
    ]


def _settled_language(page: StatedPage, evidence: FieldEvidence) -> Iterator[SettledField]:
    """Yield the site's usual language where the page states none, and its text is short or in one that is near it."""
    if evidence.usual_language is None or page.sources.get(_LANGUAGE, "") not in ("", "text"):
        return
    usual, count, pages = evidence.usual_language
    if page.language != usual and (not page.language or are_near(page.language, usual)):
        yield SettledField(_LANGUAGE, usual, "site", f"{usual} is the language of {count} of {pages} pages")


def _settled_authors(page: StatedPage, evidence: FieldEvidence) -> Iterator[SettledField]:
    """Yield other authors if the page's own come from a source that states one value everywhere.

    They are those of the first source that varies. Without one on the page they fall where they are the site, or where
    other sources vary and never name them, unless they read as persons and are marked as authors: on a blog of one
    author, only guests have a byline.
    """
    if menu_names := [name for name in page.authors if name in evidence.menu_names]:
        names = tuple(name for name in page.authors if name not in menu_names)
        source = page.sources.get(AUTHORS, "") if names else ""
        yield SettledField(AUTHORS, names, source, f"{menu_names[0]!r} stands in the site's menu")
        return
    if evidence.has_roles and evidence.has_varying_source and _are_roles(page.authors):
        yield _named_person(page, f"{page.authors[0]!r} is a role, and other pages name persons")
        return
    constant = evidence.constant_sources.get(page.sources.get(AUTHORS, ""))
    if constant is None or _names(constant.commonest) != page.authors:
        return
    for statement in page.statements:
        if statement.field == AUTHORS and statement.source not in evidence.constant_sources:
            yield SettledField(AUTHORS, _names(statement.value), statement.source, constant.evidence)
            return
    is_site = all(name_key(name) in evidence.site_names for name in page.authors)
    are_persons = all(map(is_personal, page.authors))
    is_guessed = constant.source == _GUESSED or not are_persons or evidence.varying_share >= _MOST_VARY
    is_of_template = evidence.has_varying_source and is_guessed and page.authors not in evidence.usual_names
    if is_of_template or (is_site and (evidence.has_varying_source or not are_persons)):
        yield SettledField(AUTHORS, (), "", constant.evidence)


def _named_person(page: StatedPage, reason: str) -> SettledField:
    """Return the first authors that a page states by their names, or none."""
    for statement in page.statements:
        if statement.field == AUTHORS and (names := _names(statement.value)) and not _are_roles(names):
            return SettledField(AUTHORS, names, statement.source, reason)
    return SettledField(AUTHORS, (), "", reason)


def _names(value: str) -> tuple[str, ...]:
    return tuple(json.loads(value))


def _settled_day(page: StatedPage, evidence: FieldEvidence) -> Iterator[SettledField]:
    """Yield the day with day and month swapped, if the page's was read in another order than the site's; and none in
    place of one that a last resort finds on many pages.
    """
    if false_day := evidence.false_days.get((page.sources.get(PUBLISHED, ""), page.published[:10])):
        yield SettledField(PUBLISHED, "", "", false_day.evidence)
        return
    order = evidence.order
    for statement in page.statements if order else ():
        assumed_order, _, day = statement.value.partition(" ")
        is_assumed = (statement.field, statement.source) == (DAY_MONTH, "assumed") and day == page.published[:10]
        if order and is_assumed and assumed_order != order.commonest and (swapped := swapped_day(day)):
            reason = f"{order.commonest} is shown on {order.commonest_pages} of {order.pages} pages"
            yield SettledField("published", swapped + page.published[10:], page.sources["published"], reason)


def _without_phrase(
    page: StatedPage, settled: Iterator[SettledField], evidence: FieldEvidence
) -> Iterator[SettledField]:
    """Yield the settled authors, or else the page's own, without the words that all their source's names begin with,
    and without a place behind a name of two or three words.
    """
    own = SettledField(AUTHORS, page.authors, page.sources.get(AUTHORS, ""), "")
    field = next(settled, own)
    phrase = evidence.phrases.get(field.source)
    names = tuple(name.removeprefix(f"{phrase.commonest} ") for name in field.value) if phrase else field.value
    plain_names = tuple(match["name"] if (match := _PLACE_BEHIND.fullmatch(name)) else name for name in names)
    if plain_names != field.value:
        reason = phrase.evidence if phrase and names != field.value else "a place stands behind the name"
        yield SettledField(AUTHORS, plain_names, field.source, reason)
    elif field is not own:
        yield field


def _settled_title(page: StatedPage, evidence: FieldEvidence) -> Iterator[SettledField]:
    """Yield the page's title without what the site's template adds at either end; another one where several pages share
    the title, and the headline where it goes on behind a title for search engines.
    """
    statements = tuple(statement for statement in page.statements if statement.field == TITLE)
    stated = StatedTitles(page.title, page.sources.get(TITLE, ""), statements)
    title, source, reason = _own_title(stated, evidence.shared_titles)
    for side, part in reversed(title_parts(title).items()) if evidence.template_parts else ():
        if count := evidence.template_parts.get((side, part)):
            rest = title.removeprefix(part) if side == "beginning" else title.removesuffix(part)
            if any(map(str.isalnum, rest)):
                title, reason = rest.strip(), reason or f"{count} titles have the {side} {part!r}"
                break
    if reason:
        yield SettledField(TITLE, title, source, reason)


def _own_title(page: StatedTitles, shared: SharedTitles) -> tuple[str, str, str]:
    """Return a page's title, its source, and the reason why it is another than the page's first choice; else empty."""
    own = [other for other in page.statements if other.value not in shared.stated_everywhere]
    if count := shared.counts.get(page.title):
        for other in own:
            if fold_title(shared.without_template(other.value)) != fold_title(page.title):
                return other.value, other.source, f"{count} pages have the title {page.title!r}"
    beginning = f"{fold_title(page.title)} "
    for other in own:
        goes_on = other.source == _HEADLINE and fold_title(other.value).startswith(beginning)
        if page.source == _META and beginning.strip() and goes_on:
            return other.value, other.source, "the headline goes on behind the title"
    return page.title, page.source, ""
