"""Values that site rules' XPath expressions find on a page: title, authors, date, links.

A failing expression finds nothing and is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from lxml import etree

from ..document import Metadata, Outlink, UrlSource
from ..page.authors import clean_names
from ..page.canonical_urls import canonicalise
from ..page.date_parser import is_possible, parse_date
from ..page.inline_text import fold_spaces
from .site_rule_files import Directive, SiteRuleFile

XPathResult = etree._Element | str
"""One result of an expression: an element, or a string (a computed string, an attribute's value or a text node)."""

_MAX_SAMPLE_CHARS = 80


@dataclass(frozen=True, slots=True)
class DirectiveMatch:
    """Match of a directive on a page.

    `count` is the number of results, `sample` the beginning of the first one's text, `problem` the error if the
    expression failed.
    """

    label: str
    value: str
    count: int
    sample: str = ""
    problem: str = ""


class DirectiveFinder:
    """Finds on a page what directives name, and records it in `matches`.

    With `samples` each match has the beginning of its text, which costs a little; people read it.
    """

    def __init__(self, tree: etree._Element, rule_files: Sequence[SiteRuleFile], *, samples: bool) -> None:
        self.tree = tree
        self.rule_files = rule_files
        self.matches: list[DirectiveMatch] = []
        self._samples = samples

    def directives(self, *names: str) -> Iterator[tuple[str, Directive]]:
        """Yield (label, directive) for each directive with one of these names, file by file, in the order of each."""
        for rule_file in self.rule_files:
            for directive in rule_file.directives:
                if directive.name in names:
                    yield rule_file.label(directive), directive

    def switch(self, name: str, default: bool) -> tuple[bool, str]:
        """Return a switch's value and its label, from the first file that has it; the default and "" without one."""
        for rule_file in self.rule_files:
            if directives := rule_file.directives_named(name):
                return rule_file.switch(name, default), rule_file.label(directives[-1])
        return default, ""

    def find(self, label: str, directive: Directive) -> list[XPathResult]:
        """Return the results of a directive's expression, and record the match."""
        results, problem = self.evaluate(directive.value)
        self.record_match(label, directive.value, results, problem)
        return results

    def evaluate(self, expression: str) -> tuple[list[XPathResult], str]:
        """Return the results of an expression, and the error message or an empty string."""
        try:
            value: Any = _compiled_xpath(expression)(self.tree)
        except (etree.XPathError, ValueError, TypeError, AssertionError) as error:
            return [], " ".join(f"{expression}: {error}".split())
        if isinstance(value, list):
            return [node for node in value if isinstance(node, str) or isinstance(getattr(node, "tag", None), str)], ""
        if isinstance(value, bool):
            return (["true"] if value else []), ""
        return ([str(value)] if str(value).strip() else []), ""

    def record_match(self, label: str, value: str, results: Sequence[XPathResult], problem: str = "") -> None:
        """Append what a directive matched to `matches`."""
        sample = text_of(results[0], " ")[:_MAX_SAMPLE_CHARS] if results and self._samples else ""
        self.matches.append(DirectiveMatch(label, value, len(results), sample, problem))


@lru_cache(maxsize=1024)
def _compiled_xpath(expression: str) -> etree.XPath:
    return etree.XPath(expression)


def text_of(result: XPathResult, separator: str = "") -> str:
    """Return the text of a result on one line, without scripts; `separator` is put between its text nodes."""
    if isinstance(result, str):
        return " ".join(str(result).split())
    text_nodes = result.xpath("descendant::text()[not(ancestor::script or ancestor::style)]")
    return " ".join(fold_spaces(separator.join(map(str, text_nodes))).split())


_MAX_NAME_CHARS = 200
_MAX_AUTHORS = 30
_VIA_BY_DIRECTIVE = {"single_page_link": UrlSource.SINGLE_PAGE, "next_page_link": UrlSource.NEXT}


class SiteRuleValues(NamedTuple):
    """Values that a host's rules extract; empty where they name none. `dates` are strings as on the page."""

    title: str = ""
    authors: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    links: tuple[Outlink, ...] = ()
    excluded_image_parts: tuple[str, ...] = ()  # an image whose URL contains one is not the article's


def read_values(finder: DirectiveFinder, url: str) -> SiteRuleValues:
    """Extract the values that the rules name. `url` is the base of the page's relative links."""
    titles, texts = _first_texts(finder, "title"), _first_texts(finder, "author")
    names = clean_names(texts)
    return SiteRuleValues(
        title=next(iter(titles), ""),
        authors=names or tuple(dict.fromkeys(text for text in texts if len(text) <= _MAX_NAME_CHARS))[:_MAX_AUTHORS],
        dates=tuple(_first_texts(finder, "date")),
        links=tuple(_links(finder, url)),
        excluded_image_parts=tuple(
            directive.value.strip("'\"") for _, directive in finder.directives("strip_image_src")
        ),
    )


def override_metadata(metadata: Metadata, values: SiteRuleValues, url: str, not_after: str = "") -> Metadata:
    """Return the page's metadata, with the rules' values instead of the page's own where there are any.

    `not_after` is the time of the fetch: a later date is not believed.
    """
    dates = (parse_date(text, metadata.language) for text in values.dates)
    single_page_url = next(
        (link.url for link in values.links if link.via == UrlSource.SINGLE_PAGE and link.url != url), ""
    )
    candidates: dict[str, Any] = {
        "title": values.title,
        "authors": values.authors,
        "published": next((date for date in dates if is_possible(date, not_after)), ""),
        "canonical_url": single_page_url,
    }
    overrides = {name: value for name, value in candidates.items() if value}
    if any(part and part in metadata.image for part in values.excluded_image_parts):
        overrides["image"] = ""
    if not overrides:
        return metadata
    return replace(metadata, **overrides, sources={**metadata.sources, **dict.fromkeys(overrides, "site_rule")})


def merge_links(outlinks: tuple[Outlink, ...], values: SiteRuleValues) -> tuple[Outlink, ...]:
    """Return the page's links with those that the rules name, marked by `via` as single or next page."""
    if not values.links:
        return outlinks
    links_by_url = {link.url: link for link in outlinks}
    for link in values.links:
        page_link = links_by_url.get(link.url)
        links_by_url[link.url] = replace(page_link, via=link.via) if page_link else link
    return tuple(links_by_url.values())


def _first_texts(finder: DirectiveFinder, name: str) -> list[str]:
    """Return the texts that the first directive of this name with any result finds."""
    for label, directive in finder.directives(name):
        texts = [text for result in finder.find(label, directive) for text in _texts(result, name)]
        if texts:
            return texts
    return []


def _texts(result: XPathResult, name: str) -> Iterator[str]:
    """Yield the text of a result or, if it has none, its `content` attribute; for a date, first the attribute."""
    texts: list[str] = [text_of(result)]
    if not isinstance(result, str):
        attribute = result.get("content") or (result.get("datetime") if name == "date" else "") or ""
        texts = [attribute.strip(), *texts] if name == "date" else [*texts, attribute.strip()]
    yield from [text for text in texts if text][: None if name == "date" else 1]


def _links(finder: DirectiveFinder, url: str) -> Iterator[Outlink]:
    """Yield a link to the whole article on a single page and one to its next page.

    For each it is the first directive that finds a link and whose condition (`if_page_contains`) holds.
    """
    directives = list(finder.directives("single_page_link", "next_page_link", "if_page_contains"))
    linked_names: set[str] = set()
    for index, (label, directive) in enumerate(directives):
        if directive.name not in _VIA_BY_DIRECTIVE or directive.name in linked_names:
            continue
        target = next(filter(None, (_link_target(result, url) for result in finder.find(label, directive))), "")
        if target and target != url and _condition_holds(finder, directives[index + 1 : index + 2]):
            linked_names.add(directive.name)
            yield Outlink(target, via=_VIA_BY_DIRECTIVE[directive.name])


def _condition_holds(finder: DirectiveFinder, next_directives: list[tuple[str, Directive]]) -> bool:
    """Return whether the condition right after a link's directive holds on this page; true without a condition."""
    conditions = ((label, directive) for label, directive in next_directives if directive.name == "if_page_contains")
    return all(finder.find(label, directive) for label, directive in conditions)


def _link_target(result: XPathResult, url: str) -> str:
    """Return the canonical URL that a result links to; empty if it is not a link."""
    href = result if isinstance(result, str) else result.get("href") or result.get("src") or result.get("content") or ""
    return (canonicalise(href.strip(), url) or "") if href.strip() else ""
