"""Type of a page (article, list, wall, error page …), decided by tests and a learned model, with evidence.

Tests run in order; the first that returns a verdict decides. The evidence is stored in `pages.evidence`, so that a
person can check it.

The learned model is additive: each sign gives points to each kind, by the step that its value falls into; the points
add up to log-odds. `tests.training.page_type_model` learns the table of steps (`page_weights.json`). As
points are only added, each sign's contribution is known, and the largest are stored as evidence.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ..document import REFRESH, Column, PageType, PageVerdict
from ..page.url_shapes import UrlShape, has_dated_path, names_a_day
from .page_features import PAGE_DATA, PageFeatures

TABLE_FILE = "page_weights.json"
PAGE_KINDS = ("article", "list", "forum", "product", "document", "service")
"""The kinds that the model knows. `service` is an organisation's page about itself and its offers."""

_MIN_REASON_POINTS = 0.15  # a sign that contributes fewer points is not given as a reason
_MAX_REASONS = 4


@dataclass(frozen=True, slots=True)
class SignSteps:
    """Steps of one sign: `points` has a row a step (up to each limit, and above the last) and a column a kind."""

    limits: tuple[float, ...]
    points: Column

    def points_for(self, value: float) -> Column:
        """Return the points that a value of the sign gives to each kind."""
        step_points: Column = self.points[bisect_left(self.limits, value)]
        return step_points


PointsTable = tuple[Column, dict[str, SignSteps]]
"""The base points of each kind that every page gets, and the steps by sign."""


@dataclass(frozen=True, slots=True)
class KindEstimate:
    """Model's estimate of a page: the chance of each kind, and the points and value of each sign."""

    chances: Mapping[str, float]
    points: Mapping[str, Column]
    signs: Mapping[str, float]

    @property
    def best_kind(self) -> str:
        """Return the kind with the highest chance."""
        return max(self.chances, key=lambda kind: self.chances[kind])

    @property
    def best_kind_but_article(self) -> str:
        """Return the kind with the highest chance, the article left out."""
        return max(PAGE_KINDS[1:], key=lambda kind: self.chances[kind])

    def reasons(self, kind: str) -> tuple[str, ...]:
        """Return the signs with most points for a kind over its likeliest rival, as `name=value`, heaviest first."""
        rival = max(
            (rival_index for rival_index in PAGE_KINDS if rival_index != kind),
            key=lambda rival_index: self.chances[rival_index],
        )
        kind_index, rival_index = PAGE_KINDS.index(kind), PAGE_KINDS.index(rival)
        gains = {name: float(points[kind_index] - points[rival_index]) for name, points in self.points.items()}
        heaviest_signs = sorted(
            (name for name in gains if gains[name] >= _MIN_REASON_POINTS), key=lambda name: (-gains[name], name)
        )
        return tuple(f"{name}={self.signs[name]:.3g}" for name in heaviest_signs[:_MAX_REASONS])


def estimate_kind(signs: Mapping[str, float], table: PointsTable | None = None) -> KindEstimate:
    """Estimate the kind of a page from its signs, by the table that comes with the package or by another."""
    base_points, steps_by_sign = table or load_table()
    points = {name: sign_steps.points_for(signs[name]) for name, sign_steps in steps_by_sign.items()}
    odds = base_points + sum(points.values())
    shares = np.exp(odds - odds.max())
    return KindEstimate(dict(zip(PAGE_KINDS, map(float, shares / shares.sum()), strict=True)), points, signs)


@cache
def load_table() -> PointsTable:
    """Read the table that comes with the package."""
    raw_table = json.loads(files(__package__).joinpath(TABLE_FILE).read_text(encoding="utf-8"))
    return parse_table(raw_table)


def parse_table(raw_table: dict[str, Any]) -> PointsTable:
    """Make a table of its JSON form (`base`, and `signs` with `limits` and `points`)."""
    steps_by_sign = {
        name: SignSteps(tuple(steps["limits"]), np.array(steps["points"])) for name, steps in raw_table["signs"].items()
    }
    return np.array(raw_table["base"]), steps_by_sign


_PHRASES = {name: tuple(phrases) for name, phrases in PAGE_DATA["phrases"].items()}
_ARTICLE_CLASSES = frozenset(PAGE_DATA["body_classes"]["article"])
_LISTING_CLASSES = frozenset(PAGE_DATA["body_classes"]["listing"])
_PAGE_NUMBER_CLASS = "page-id-"  # with `page`, how WordPress names what is not a post
_ATTACHMENT_CLASSES = frozenset(PAGE_DATA["body_classes"]["attachment"])

PICTURES_ONLY = "text=pictures only"
"""The evidence for an article of pictures without text."""

LONE_PAYWALL = "wall=paywall"
"""The evidence for a wall that holds an offer to subscribe."""

_BARE_WORDS = 60  # a page with fewer kept words may be a wall, an error page or an empty shell
_SHELL_WORDS = 25  # a page with fewer words may be an empty shell that scripts fill
_LIST_SCORE = 2
_FEWEST_HEADLINES, _MANY_HEADLINES = 3, 6
_ARTICLE_WORDS = 250  # kept words outside of teasers that are evidence for an article
_EMPTY_WORDS, _NEAR_EMPTY_WORDS = 3, 8  # kept words below which a page is not an article, the second without prose
_MANY_IMAGES, _GALLERY_SCORE = 8, 2
_FEWEST_SURE_WORDS = 6  # kept words below which a page without prose is none either although its signs are plain
_SURE_ARTICLE_CHANCE = 0.8  # of a page that is an article although its address is that of a page of every site
_LINK_ARTICLE_CHANCE = 0.9  # of a page that is an article although more than half of its text is links
_PLAIN_CHANCE, _HEADLINE_WORDS = 0.5, 4  # of a page whose URL alone looks like a list: to call it something else
_MIN_ARTICLE_CHANCE = 0.16
"""A page is no article if the chance for one by its signs is below this. No sampled article of ten sites goes by it;
by .2 four of 88 on one of them."""
_FEW_WORDS, _MIN_CHANCE_OF_FEW_WORDS = 30, 0.3  # a page with so few kept words must look more like an article
_TYPES_BY_KIND = {
    "list": PageType.LIST,
    "forum": PageType.FORUM,
    "product": PageType.PRODUCT,
    "document": PageType.DOCUMENT,
    "service": PageType.OTHER,
}
_LIST_URL_SCORES = {UrlShape.HOME: 4.0, UrlShape.LIST: 2.0, UrlShape.DEEP_LIST: 3.0}


def page_verdict(page: PageFeatures, table: PointsTable | None = None) -> PageVerdict:
    """Return the page's type with the evidence; `table` replaces the learned table that comes with the package."""
    estimate = estimate_kind(page.signs, table)
    for test in _TESTS:
        if verdict := test(page, estimate):
            return verdict
    stated = ("states=article",) if page.states_article else ()
    return PageVerdict(PageType.ARTICLE, (f"words={page.kept_words}", *stated, *_doubt_evidence(estimate)))


def _doubt_evidence(estimate: KindEstimate) -> tuple[str, ...]:
    """Return the kind that the signs favour, if it is not the article."""
    kind = estimate.best_kind
    return () if kind == "article" else (f"but:{kind}={estimate.chances[kind]:.2f}",)


def _find_phrase(phrase_list: str, text: str) -> str:
    """Return the first phrase of a list that occurs in the text; empty if none does."""
    return next((phrase for phrase in _PHRASES[phrase_list] if phrase in text), "")


def _test_error(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find an error page that is answered with status 200: nothing found, or a failure.

    If the page has a date of its own and prose, or states an article, the phrase has to be its title.
    """
    is_dated = page.has_date and (page.states_article or page.kept_prose_blocks > 0)
    phrase = _find_phrase("not_found", page.title) if page.kept_words < 2 * _BARE_WORDS else ""
    if phrase and not (is_dated and 2 * len(phrase) < len(page.title)):
        return PageVerdict(PageType.SOFT_404, (f"title={phrase}",))
    if is_dated:
        return None
    if page.kept_words < _BARE_WORDS and (phrase := _find_phrase("not_found", page.head_text)):
        return PageVerdict(PageType.SOFT_404, (f"text={phrase}",))
    if _is_bare(page) and (phrase := _find_phrase("error", f"{page.title} {page.head_text}")):
        return PageVerdict(PageType.ERROR, (f"text={phrase}",))
    return None


def _is_bare(page: PageFeatures) -> bool:
    """Return whether a page has so little text that it may be shown in place of the requested one."""
    return page.kept_words < _BARE_WORDS and page.visible_words < 2 * _BARE_WORDS


def _test_refresh(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find a page that only redirects to another one by a meta refresh."""
    if page.refresh_url and _is_bare(page):
        return PageVerdict(PageType.OTHER, (f"{REFRESH}{page.refresh_url}",))
    return None


def _test_captcha(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find a CAPTCHA in place of the page, by phrases or markup."""
    if not _is_bare(page) or page.states_article:
        return None
    markup_evidence = (f"markup={page.captcha_markup}",) if page.captcha_markup else ()
    if phrase := _find_phrase("captcha", f"{page.title} {page.head_text} {page.noscript_text}"):
        return PageVerdict(PageType.CAPTCHA, (f"text={phrase}", *markup_evidence))
    if page.captcha_markup and page.visible_words < _SHELL_WORDS:
        return PageVerdict(PageType.CAPTCHA, (*markup_evidence, f"words={page.visible_words}"))
    return None


def _test_javascript(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find a shell that scripts would fill."""
    if page.kept_words < _SHELL_WORDS and page.visible_words < _BARE_WORDS:
        if page.script_count and (phrase := _find_phrase("needs_javascript", page.noscript_text)):
            return PageVerdict(PageType.NEEDS_JAVASCRIPT, (f"text={phrase}", f"words={page.visible_words}"))
        if page.script_count >= 3 and page.visible_words < _SHELL_WORDS and not _shows_something(page):
            return PageVerdict(
                PageType.NEEDS_JAVASCRIPT, (f"scripts={page.script_count}", f"words={page.visible_words}")
            )
    return None


def _shows_something(page: PageFeatures) -> bool:
    """Return whether a short page shows a title, a line of text or pictures: its scripts may only count visits."""
    return page.has_own_heading or page.kept_words >= _NEAR_EMPTY_WORDS or page.picture_count > 0


def _test_wall(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find a consent or login form in place of the page."""
    password_evidence = ("form=password",) if page.asks_password else ()
    is_bare_without_heading = _is_bare(page) and not page.has_own_heading
    searched_text = (
        f"{page.title} {page.head_text}" if is_bare_without_heading or (password_evidence and _is_bare(page)) else ""
    )
    if phrase := _find_phrase("wall", searched_text or (page.title if page.kept_words < _BARE_WORDS else "")):
        return PageVerdict(PageType.WALL, (f"text={phrase}", *password_evidence))
    if password_evidence and page.visible_words < _BARE_WORDS and not page.states_article:
        return PageVerdict(PageType.WALL, (*password_evidence, f"words={page.visible_words}"))
    return None


def _test_empty(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    if not page.visible_words:
        return PageVerdict(PageType.EMPTY, ("words=0",))
    return None


def _test_static(page: PageFeatures, estimate: KindEstimate) -> PageVerdict | None:
    """Find a page that every site has (about, contact, terms), or an attachment page of one picture."""
    is_plain_article = estimate.chances["article"] >= _SURE_ARTICLE_CHANCE or has_dated_path(page.url)
    static_name = ("" if has_dated_path(page.url) else page.static_name) or (
        "" if is_plain_article else page.static_hint
    )
    if static_name and page.headline_count < _MANY_HEADLINES:
        return PageVerdict(PageType.OTHER, (f"path={static_name}",))
    if _is_page_of_system(page) and not (is_plain_article or page.has_date or page.states_article):
        return PageVerdict(PageType.OTHER, ("body_class=page",))
    if page.body_classes & _ATTACHMENT_CLASSES:
        return PageVerdict(PageType.GALLERY, ("body_class=attachment",))
    return None


def _is_page_of_system(page: PageFeatures) -> bool:
    """Return whether the publishing system calls it a page rather than a post."""
    return "page" in page.body_classes and any(name.startswith(_PAGE_NUMBER_CLASS) for name in page.body_classes)


def _test_list(page: PageFeatures, estimate: KindEstimate) -> PageVerdict | None:
    """Find a page of links to articles: facts for a list against facts for an article, each with a weight."""
    facts: dict[str, float] = {}
    if weight := _LIST_URL_SCORES.get(page.url_shape):
        facts[f"url={page.url_shape}"] = weight
    if classes := sorted(page.body_classes & _LISTING_CLASSES):
        facts[f"body_class={classes[0]}"] = 2
    if page.states_listing:
        facts["states=listing"] = 1
    if page.headline_count >= _FEWEST_HEADLINES:
        facts[f"headlines={page.headline_count}"] = min(2.0, page.headline_count / 4)
    if page.listed_words > page.kept_words / 2 and page.headline_count >= 2:
        facts[f"listed_words={page.listed_words}"] = 2
    if page.article_count >= 3:
        facts[f"articles={page.article_count}"] = 1
    listing_facts = facts | _link_facts(page)
    article_facts = _article_facts(page)
    if list(listing_facts) == [f"url={UrlShape.LIST}"] and _is_misleading_list_url(page, estimate):
        return None
    if list(listing_facts) == [f"url={UrlShape.DEEP_LIST}"] and _is_diary_entry(page, estimate):
        return None
    if listing_facts.keys() == _link_facts(page).keys() and _is_link_article(page, estimate):
        return None
    score = sum(listing_facts.values()) - sum(article_facts.values())
    if score >= _LIST_SCORE:
        return PageVerdict(PageType.LIST, (*listing_facts, *(f"but:{name}" for name in article_facts)))
    return None


def _is_misleading_list_url(page: PageFeatures, estimate: KindEstimate) -> bool:
    """Return whether a page is a list by its URL alone, but plainly an article, document, thread or product by signs.

    An article's URL must end in a headline too: pages about authors, tags and projects read like articles.
    """
    if (
        page.kept_words < _BARE_WORDS
        or estimate.chances[estimate.best_kind] < _PLAIN_CHANCE
        or estimate.best_kind in ("list", "service")
    ):
        return False
    return estimate.best_kind != "article" or page.signs["slug_words"] >= _HEADLINE_WORDS


def _is_diary_entry(page: PageFeatures, estimate: KindEstimate) -> bool:
    """Return whether a page at the address of a day has a text of its own, which is likeliest an article's."""
    return (
        names_a_day(page.url)
        and page.kept_words >= _BARE_WORDS
        and not page.headline_count
        and estimate.best_kind == "article"
    )


def _is_link_article(page: PageFeatures, estimate: KindEstimate) -> bool:
    """Return whether a page of links has its own heading and by its signs is plainly an article, such as a round-up."""
    return page.has_own_heading and estimate.chances["article"] >= _LINK_ARTICLE_CHANCE


def _link_facts(page: PageFeatures) -> dict[str, float]:
    if page.kept_link_share > 0.5:
        return {f"links={page.kept_link_share:.2f}": 2}
    if page.page_link_share > 0.6 and (page.kept_link_share > 0.3 or page.kept_words < _BARE_WORDS):
        return {f"page_links={page.page_link_share:.2f}": 2 if page.kept_words < _SHELL_WORDS else 1}
    return {}


def _article_facts(page: PageFeatures) -> dict[str, float]:
    facts: dict[str, float] = {}
    is_list_url = page.url_shape in _LIST_URL_SCORES
    if page.states_article:
        facts["states=article"] = 2
    if page.url_shape is UrlShape.ARTICLE:
        facts["url=article"] = 1
    if page.body_classes & _ARTICLE_CLASSES and not page.body_classes & _LISTING_CLASSES and not is_list_url:
        facts["body_class"] = 1
    if page.has_own_heading and page.h1_count == 1 and not is_list_url and page.headline_count < _MANY_HEADLINES:
        facts["own_heading"] = 1
    own_words = page.kept_words - page.listed_words
    if own_words >= _ARTICLE_WORDS and page.kept_link_share < 0.25 and not is_list_url:
        facts[f"own_words={own_words}"] = 1
    return facts


def _test_near_empty(page: PageFeatures, estimate: KindEstimate) -> PageVerdict | None:
    """Find a page with hardly any kept text: fewer words do if it says or shows plainly that it is an article."""
    is_sure = estimate.chances["article"] >= _SURE_ARTICLE_CHANCE
    min_words = _FEWEST_SURE_WORDS if is_sure else _NEAR_EMPTY_WORDS
    if page.kept_words < _EMPTY_WORDS or (
        page.kept_words < min_words and not page.states_article and not page.kept_prose_blocks
    ):
        return PageVerdict(PageType.OTHER, (f"words={page.kept_words}",))
    return None


def _test_paywall(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find a subscription offer in place of the page."""
    if page.lone_paywall and page.headline_count < _FEWEST_HEADLINES:
        return PageVerdict(PageType.WALL, (LONE_PAYWALL, f"text={page.lone_paywall}"))
    return None


def _test_pictures(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find an article of pictures without text, such as a comic."""
    return (
        PageVerdict(PageType.GALLERY, (PICTURES_ONLY, f"images={page.picture_count}")) if page.picture_count else None
    )


def _test_gallery(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find a video or pictures with little text; a page that states that it is an article must have even less."""
    if page.kept_words >= (_BARE_WORDS if page.states_article else 2 * _BARE_WORDS):
        return None
    if not page.states_gallery and (page.states_article or (page.has_date and page.kept_prose_blocks)):
        return None
    facts = {"states=gallery": 2.0 * page.states_gallery, f"path={page.gallery_path}": 1.0 * bool(page.gallery_path)}
    facts[f"images={page.image_count}"] = 1.0 * (page.image_count >= _MANY_IMAGES)
    if sum(facts.values()) >= _GALLERY_SCORE:
        return PageVerdict(PageType.GALLERY, tuple(fact for fact, weight in facts.items() if weight))
    return None


def _test_signs(page: PageFeatures, estimate: KindEstimate) -> PageVerdict | None:
    """Choose the likeliest other kind if the page's signs give an article little chance."""
    kind = estimate.best_kind_but_article
    min_chance = _MIN_CHANCE_OF_FEW_WORDS if page.kept_words < _FEW_WORDS else _MIN_ARTICLE_CHANCE
    if page.is_paywalled or estimate.chances["article"] >= min_chance:
        return None
    return PageVerdict(_TYPES_BY_KIND[kind], (f"{kind}={estimate.chances[kind]:.2f}", *estimate.reasons(kind)))


def _test_teaser(page: PageFeatures, _: KindEstimate) -> PageVerdict | None:
    """Find the free beginning of an article behind a paywall."""
    if phrase := _find_phrase("paywall", page.tail_text):
        if page.is_paywalled or page.kept_words < 250:
            return PageVerdict(PageType.TEASER, (f"text={phrase}", *(("states=locked",) if page.is_paywalled else ())))
    elif page.is_paywalled and page.kept_words < 150:
        return PageVerdict(PageType.TEASER, ("states=locked", f"words={page.kept_words}"))
    return None


_TESTS: tuple[Callable[[PageFeatures, KindEstimate], PageVerdict | None], ...] = (
    _test_refresh, _test_captcha, _test_javascript, _test_empty, _test_error, _test_wall, _test_static,
    _test_paywall, _test_list, _test_pictures, _test_gallery, _test_signs, _test_near_empty, _test_teaser,
)  # fmt: skip
