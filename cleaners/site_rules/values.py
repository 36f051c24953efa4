"""Title, authors, date and links that site rules read off a page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from cleaners.document import Metadata, Outlink
from cleaners.metadata.authors import clean_names
from cleaners.metadata.dates import is_possible, parse_date
from cleaners.site_rules.finder import Finder, Found, text_of
from cleaners.site_rules.ftr_format import Directive
from cleaners.urls.canonical import canonicalise

_MAX_NAME = 200  # characters
_MAX_AUTHORS = 30
_VIA = {"single_page_link": "single_page", "next_page_link": "next"}


@dataclass(frozen=True, slots=True)
class RuleValues:
    """What the rules of a host say about an article; empty where they say nothing. `dates` are as written."""

    title: str = ""
    authors: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    links: tuple[Outlink, ...] = ()
    not_images: tuple[str, ...] = ()  # an image whose address contains one of these is not the article's


def read_values(finder: Finder, url: str) -> RuleValues:
    """Read what the rules name. `url` is where the page's relative links start from."""
    return RuleValues(
        title=next(iter(_first(finder, "title")), ""),
        authors=_names(_first(finder, "author")),
        dates=tuple(_first(finder, "date")),
        links=tuple(_links(finder, url)),
        not_images=tuple(one.value.strip("'\"") for _, one in finder.directives("strip_image_src")),
    )


def with_values(metadata: Metadata, values: RuleValues, url: str, not_after: str = "") -> Metadata:
    """The page's own statements, with those of the rules in their place where they have one."""
    dates = (parse_date(each, metadata.language) for each in values.dates)
    single = next((link.url for link in values.links if link.via == "single_page" and link.url != url), "")
    found: dict[str, Any] = {
        "title": values.title,
        "authors": values.authors,
        "published": next((each for each in dates if is_possible(each, not_after)), ""),
        "canonical_url": single,
    }
    told = {name: value for name, value in found.items() if value}
    if any(part and part in metadata.image for part in values.not_images):
        told["image"] = ""
    if not told:
        return metadata
    return replace(metadata, **told, sources={**metadata.sources, **dict.fromkeys(told, "site_rule")})


def with_links(outlinks: tuple[Outlink, ...], values: RuleValues) -> tuple[Outlink, ...]:
    """The page's links, and among them those that the rules name, as what they are."""
    if not values.links:
        return outlinks
    own = {link.url: link for link in outlinks}
    for link in values.links:
        own[link.url] = replace(own[link.url], via=link.via) if link.url in own else link
    return tuple(own.values())


def _first(finder: Finder, name: str) -> list[str]:
    """The texts of the first directive of a name that finds some."""
    for label, one in finder.directives(name):
        texts = [text for each in finder.find(label, one) for text in _texts(each, name)]
        if texts:
            return texts
    return []


def _texts(found: Found, name: str) -> Iterator[str]:
    """What a found place says: its text; of an element without one, or a time, what its attributes say."""
    said: list[str] = [text_of(found)]
    if not isinstance(found, str):
        stated = found.get("content") or (found.get("datetime") if name == "date" else "") or ""
        said = [stated.strip(), *said] if name == "date" else [*said, stated.strip()]
    yield from [text for text in said if text][: None if name == "date" else 1]


def _names(texts: list[str]) -> tuple[str, ...]:
    """The people that the texts name; the texts themselves, where none of them looks like a name."""
    names = clean_names(texts)
    return names or tuple(dict.fromkeys(text for text in texts if len(text) <= _MAX_NAME))[:_MAX_AUTHORS]


def _links(finder: Finder, url: str) -> Iterator[Outlink]:
    """The links to the article in one page and to its next page: the first that is there and whose condition holds."""
    given = list(finder.directives("single_page_link", "next_page_link", "if_page_contains"))
    done: set[str] = set()
    for place, (label, one) in enumerate(given):
        if one.name not in _VIA or one.name in done:
            continue
        target = next(filter(None, (_target(each, url) for each in finder.find(label, one))), "")
        if target and target != url and _holds(finder, given[place + 1 : place + 2]):
            done.add(one.name)
            yield Outlink(target, via=_VIA[one.name])


def _holds(finder: Finder, following: list[tuple[str, Directive]]) -> bool:
    """Whether the condition that follows a link's directive, if one does, holds on this page."""
    return all(finder.find(label, one) for label, one in following if one.name == "if_page_contains")


def _target(found: Found, url: str) -> str:
    if not isinstance(found, str):
        found = found.get("href") or found.get("src") or found.get("content") or ""
    return (canonicalise(found.strip(), url) or "") if found.strip() else ""
