"""What kind of page this is, with the evidence for it.

The first test that answers decides. Each says what it saw, so that a person can check it in `pages.evidence`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from importlib.resources import files

from cleaners.page_features import Features
from cleaners.record import PageType, PageVerdict
from cleaners.url_shape import Shape

_FACTS = tomllib.loads(files(__package__).joinpath("page_type.toml").read_text(encoding="utf-8"))
_PHRASES: dict[str, tuple[str, ...]] = {name: tuple(words) for name, words in _FACTS["phrases"].items()}
_ARTICLE_CLASSES = frozenset(_FACTS["body_classes"]["article"])
_LISTING_CLASSES = frozenset(_FACTS["body_classes"]["listing"])

_LITTLE = 60  # words; a page with fewer of its own may be a wall, an error page or an empty shell
_SHELL = 25
_LIST_SCORE = 2


def page_verdict(page: Features) -> PageVerdict:
    """Return the page's type and the facts that made it so."""
    for test in _TESTS:
        if verdict := test(page):
            return verdict
    return PageVerdict(PageType.ARTICLE, (f"words={page.kept_words}", *_stated(page)))


def _stated(page: Features) -> tuple[str, ...]:
    return ("states=article",) if page.states_article else ()


def _phrase(kind: str, text: str) -> str:
    return next((phrase for phrase in _PHRASES[kind] if phrase in text), "")


def _error(page: Features) -> PageVerdict | None:
    """A 200 answer that says it found nothing."""
    for where, text in (("title", page.title), ("text", page.head if page.kept_words < _LITTLE else "")):
        if (phrase := _phrase("not_found", text)) and page.kept_words < 2 * _LITTLE:
            return PageVerdict(PageType.SOFT_404, (f"{where}={phrase}",))
    return None


def _script(page: Features) -> PageVerdict | None:
    if page.kept_words < _SHELL and page.visible_words < _LITTLE:
        if phrase := _phrase("needs_javascript", page.noscript):
            return PageVerdict(PageType.NEEDS_JAVASCRIPT, (f"text={phrase}", f"words={page.visible_words}"))
        if page.scripts >= 3 and page.visible_words < _SHELL:
            return PageVerdict(PageType.NEEDS_JAVASCRIPT, (f"scripts={page.scripts}", f"words={page.visible_words}"))
    return None


def _wall(page: Features) -> PageVerdict | None:
    if page.kept_words >= 2 * _LITTLE:
        return None
    if phrase := _phrase("wall", f"{page.title} {page.head}" if page.kept_words < _LITTLE else page.title):
        return PageVerdict(PageType.WALL, (f"text={phrase}",))
    return None


def _empty(page: Features) -> PageVerdict | None:
    if not page.visible_words:
        return PageVerdict(PageType.EMPTY, ("words=0",))
    return None


def _list(page: Features) -> PageVerdict | None:
    facts = _listing_facts(page)
    against = _article_facts(page)
    score = sum(facts.values()) - sum(against.values())
    if score >= _LIST_SCORE:
        return PageVerdict(PageType.LIST, tuple([*facts, *(f"but:{name}" for name in against)]))
    return None


def _listing_facts(page: Features) -> dict[str, float]:
    facts: dict[str, float] = {}
    if page.shape is not Shape.ARTICLE and page.shape is not Shape.UNKNOWN:
        facts[f"url={page.shape}"] = {Shape.HOME: 2, Shape.LIST: 2, Shape.DEEP_LIST: 3}[page.shape]
    if classes := sorted(page.body_classes & _LISTING_CLASSES):
        facts[f"body_class={classes[0]}"] = 2
    if page.states_listing:
        facts["states=listing"] = 1
    if page.headlines >= 3:
        facts[f"headlines={page.headlines}"] = min(2.0, page.headlines / 4)
    if page.listed_words > page.kept_words / 2 and page.headlines >= 2:
        facts[f"listed_words={page.listed_words}"] = 2
    if page.kept_links > 0.5:
        facts[f"links={page.kept_links:.2f}"] = 2
    if page.articles >= 3:
        facts[f"articles={page.articles}"] = 1
    return facts


def _article_facts(page: Features) -> dict[str, float]:
    facts: dict[str, float] = {}
    if page.states_article:
        facts["states=article"] = 2
    if page.body_classes & _ARTICLE_CLASSES and not page.body_classes & _LISTING_CLASSES:
        facts["body_class"] = 1
    if page.own_heading and page.h1 == 1:
        facts["own_heading"] = 1
    own = page.kept_words - page.listed_words
    if own >= 250 and page.kept_links < 0.25:
        facts[f"own_words={own}"] = 1
    return facts


def _other(page: Features) -> PageVerdict | None:
    """A page with next to nothing of its own."""
    if page.kept_words < 3:
        return PageVerdict(PageType.OTHER, (f"words={page.kept_words}",))
    return None


def _teaser(page: Features) -> PageVerdict | None:
    if phrase := _phrase("paywall", page.tail):
        if page.locked or page.kept_words < 250:
            return PageVerdict(PageType.TEASER, (f"text={phrase}", *(("states=locked",) if page.locked else ())))
    elif page.locked and page.kept_words < 150:
        return PageVerdict(PageType.TEASER, ("states=locked", f"words={page.kept_words}"))
    return None


_TESTS: tuple[Callable[[Features], PageVerdict | None], ...] = (
    _empty, _error, _script, _wall, _list, _other, _teaser,
)  # fmt: skip
