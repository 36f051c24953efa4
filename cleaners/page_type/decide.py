"""What kind of page this is, with the evidence for it.

The first test that answers decides. Each says what it saw, so that a person can check it in `pages.evidence`.
"""

from __future__ import annotations

from collections.abc import Callable

from cleaners.document import PageType, PageVerdict
from cleaners.page_type.page_features import FACTS, Features
from cleaners.page_type.page_weights import Opinion, Table, opinion
from cleaners.urls.shape import Shape

_PHRASES = {name: tuple(phrases) for name, phrases in FACTS["phrases"].items()}
_ARTICLE_CLASSES = frozenset(FACTS["body_classes"]["article"])
_LISTING_CLASSES = frozenset(FACTS["body_classes"]["listing"])
_ATTACHMENT_CLASSES = frozenset(FACTS["body_classes"]["attachment"])

_LITTLE = 60  # words; a page with fewer of its own may be a wall, an error page or an empty shell
_SHELL = 25
_LIST_SCORE = 2
_MANY_HEADLINES = 6
_SOME = 250  # words of its own that speak for an article
_NOTHING, _HARDLY = 3, 8
_MANY_IMAGES, _GALLERY_SCORE = 8, 2
_PLAIN, _HEADLINE_WORDS = 0.5, 4
_DOUBT = 0.18  # a page is no article when its signs leave less than this chance that it is one
_DOUBTS = {"document": 0.12, "forum": 0.25}  # instead: a how-to is much like a manual, a thread like nothing else
_KINDS = {
    "list": PageType.LIST,
    "forum": PageType.FORUM,
    "product": PageType.PRODUCT,
    "document": PageType.DOCUMENT,
    "service": PageType.OTHER,
}
_SHAPES = {Shape.HOME: 4.0, Shape.LIST: 2.0, Shape.DEEP_LIST: 3.0}


def page_verdict(page: Features, steps: Table | None = None) -> PageVerdict:
    """Return the page's type and the facts that made it so. `steps` stands in for the learned table that ships."""
    learned = opinion(page.signs, steps)
    for test in _TESTS:
        if verdict := test(page, learned):
            return verdict
    return PageVerdict(PageType.ARTICLE, (f"words={page.kept_words}", *_stated(page), *_doubt(learned)))


def _stated(page: Features) -> tuple[str, ...]:
    return ("states=article",) if page.states_article else ()


def _doubt(learned: Opinion) -> tuple[str, ...]:
    """What else the page may be, where its signs say so."""
    kind = learned.best
    return () if kind == "article" else (f"but:{kind}={learned.chances[kind]:.2f}",)


def _phrase(kind: str, text: str) -> str:
    return next((phrase for phrase in _PHRASES[kind] if phrase in text), "")


def _error(page: Features, _: Opinion) -> PageVerdict | None:
    """A 200 answer that says it found nothing, or that it failed."""
    for where, text in (("title", page.title), ("text", page.head if page.kept_words < _LITTLE else "")):
        if (phrase := _phrase("not_found", text)) and page.kept_words < 2 * _LITTLE:
            return PageVerdict(PageType.SOFT_404, (f"{where}={phrase}",))
    if _is_bare(page) and (phrase := _phrase("error", f"{page.title} {page.head}")):
        return PageVerdict(PageType.ERROR, (f"text={phrase}",))
    return None


def _is_bare(page: Features) -> bool:
    """Whether there is so little on the page that it may stand in the place of another."""
    return page.kept_words < _LITTLE and page.visible_words < 2 * _LITTLE


def _captcha(page: Features, _: Opinion) -> PageVerdict | None:
    if not _is_bare(page) or page.states_article:
        return None
    marks = (f"markup={page.challenge}",) if page.challenge else ()
    if phrase := _phrase("captcha", f"{page.title} {page.head} {page.noscript}"):
        return PageVerdict(PageType.CAPTCHA, (f"text={phrase}", *marks))
    if page.challenge and page.visible_words < _SHELL:
        return PageVerdict(PageType.CAPTCHA, (*marks, f"words={page.visible_words}"))
    return None


def _script(page: Features, _: Opinion) -> PageVerdict | None:
    if page.kept_words < _SHELL and page.visible_words < _LITTLE:
        if page.scripts and (phrase := _phrase("needs_javascript", page.noscript)):
            return PageVerdict(PageType.NEEDS_JAVASCRIPT, (f"text={phrase}", f"words={page.visible_words}"))
        if page.scripts >= 3 and page.visible_words < _SHELL:
            return PageVerdict(PageType.NEEDS_JAVASCRIPT, (f"scripts={page.scripts}", f"words={page.visible_words}"))
    return None


def _wall(page: Features, _: Opinion) -> PageVerdict | None:
    """Consent or login in place of the page."""
    asks = ("form=password",) if page.password else ()
    bare = _is_bare(page) and not page.own_heading
    said = f"{page.title} {page.head}" if bare or (asks and _is_bare(page)) else ""
    if phrase := _phrase("wall", said or (page.title if page.kept_words < _LITTLE else "")):
        return PageVerdict(PageType.WALL, (f"text={phrase}", *asks))
    if asks and page.visible_words < _LITTLE and not page.states_article:
        return PageVerdict(PageType.WALL, (*asks, f"words={page.visible_words}"))
    return None


def _empty(page: Features, _: Opinion) -> PageVerdict | None:
    if not page.visible_words:
        return PageVerdict(PageType.EMPTY, ("words=0",))
    return None


def _static(page: Features, _: Opinion) -> PageVerdict | None:
    """About, contact, terms: a page that every site has; and pages of one picture."""
    if page.static and page.headlines < _MANY_HEADLINES:
        return PageVerdict(PageType.OTHER, (f"path={page.static}",))
    if page.body_classes & _ATTACHMENT_CLASSES:
        return PageVerdict(PageType.GALLERY, ("body_class=attachment",))
    return None


def _list(page: Features, learned: Opinion) -> PageVerdict | None:
    facts = _listing_facts(page)
    against = _article_facts(page)
    if list(facts) == [f"url={Shape.LIST}"] and _signs_say_otherwise(page, learned):
        return None
    score = sum(facts.values()) - sum(against.values())
    if score >= _LIST_SCORE:
        return PageVerdict(PageType.LIST, (*facts, *(f"but:{name}" for name in against)))
    return None


def _signs_say_otherwise(page: Features, learned: Opinion) -> bool:
    """Whether a page that only its address calls a list is plainly a manual's, a thread, a thing, or an article.

    An article's address must end in a headline too: authors, tags and projects are written about like articles.
    """
    if page.kept_words < _LITTLE or learned.chances[learned.best] < _PLAIN or learned.best in ("list", "service"):
        return False
    return learned.best != "article" or page.signs["slug_words"] >= _HEADLINE_WORDS


def _listing_facts(page: Features) -> dict[str, float]:
    facts: dict[str, float] = {}
    if weight := _SHAPES.get(page.shape):
        facts[f"url={page.shape}"] = weight
    if classes := sorted(page.body_classes & _LISTING_CLASSES):
        facts[f"body_class={classes[0]}"] = 2
    if page.states_listing:
        facts["states=listing"] = 1
    if page.headlines >= 3:
        facts[f"headlines={page.headlines}"] = min(2.0, page.headlines / 4)
    if page.listed_words > page.kept_words / 2 and page.headlines >= 2:
        facts[f"listed_words={page.listed_words}"] = 2
    if page.articles >= 3:
        facts[f"articles={page.articles}"] = 1
    return facts | _link_facts(page)


def _link_facts(page: Features) -> dict[str, float]:
    if page.kept_links > 0.5:
        return {f"links={page.kept_links:.2f}": 2}
    if page.page_links > 0.6 and (page.kept_links > 0.3 or page.kept_words < _LITTLE):
        return {f"page_links={page.page_links:.2f}": 2 if page.kept_words < _SHELL else 1}
    return {}


def _article_facts(page: Features) -> dict[str, float]:
    facts: dict[str, float] = {}
    listed = page.shape in _SHAPES
    if page.states_article:
        facts["states=article"] = 2
    if page.shape is Shape.ARTICLE:
        facts["url=article"] = 1
    if page.body_classes & _ARTICLE_CLASSES and not page.body_classes & _LISTING_CLASSES and not listed:
        facts["body_class"] = 1
    if page.own_heading and page.h1 == 1 and not listed and page.headlines < _MANY_HEADLINES:
        facts["own_heading"] = 1
    own = page.kept_words - page.listed_words
    if own >= _SOME and page.kept_links < 0.25 and not listed:
        facts[f"own_words={own}"] = 1
    return facts


def _other(page: Features, _: Opinion) -> PageVerdict | None:
    """A page with next to nothing of its own."""
    if page.kept_words < _NOTHING or (page.kept_words < _HARDLY and not page.states_article and not page.kept_prose):
        return PageVerdict(PageType.OTHER, (f"words={page.kept_words}",))
    return None


def _gallery(page: Features, _: Opinion) -> PageVerdict | None:
    """A video or pictures with little text. What states that it is an article must have next to none."""
    if page.kept_words >= (_LITTLE if page.states_article else 2 * _LITTLE):
        return None
    facts = {"states=gallery": 2.0 * page.states_gallery, f"path={page.gallery_path}": 1.0 * bool(page.gallery_path)}
    facts[f"images={page.images}"] = 1.0 * (page.images >= _MANY_IMAGES)
    if sum(facts.values()) >= _GALLERY_SCORE:
        return PageVerdict(PageType.GALLERY, tuple(fact for fact, weight in facts.items() if weight))
    return None


def _kind(page: Features, learned: Opinion) -> PageVerdict | None:
    """What the page's signs make it, where they leave little to an article."""
    kind = learned.best_other
    if page.locked or learned.chances["article"] >= _DOUBTS.get(kind, _DOUBT):
        return None
    return PageVerdict(_KINDS[kind], (f"{kind}={learned.chances[kind]:.2f}", *learned.reasons(kind)))


def _teaser(page: Features, _: Opinion) -> PageVerdict | None:
    if phrase := _phrase("paywall", page.tail):
        if page.locked or page.kept_words < 250:
            return PageVerdict(PageType.TEASER, (f"text={phrase}", *(("states=locked",) if page.locked else ())))
    elif page.locked and page.kept_words < 150:
        return PageVerdict(PageType.TEASER, ("states=locked", f"words={page.kept_words}"))
    return None


_TESTS: tuple[Callable[[Features, Opinion], PageVerdict | None], ...] = (
    _captcha, _script, _empty, _error, _wall, _static, _list, _gallery, _kind, _other, _teaser,
)  # fmt: skip
