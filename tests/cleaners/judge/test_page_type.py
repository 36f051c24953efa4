"""What kind of page this is: small pages of our own that each say one thing, and each clause of the tests."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page, PageType, PageVerdict
from broadsheet.cleaners.judge import page_type as module
from broadsheet.cleaners.judge.hashed_words import PageWords
from broadsheet.cleaners.judge.page_features import PageFeatures
from broadsheet.cleaners.judge.page_type import PAGE_KINDS, estimate_kind, page_verdict, parse_table
from broadsheet.cleaners.page.url_shapes import UrlShape

PROSE = "The council met on Monday evening and spoke for three hours about the old mill by the river. " * 3
DATED = '<meta property="og:type" content="article"><meta property="article:published_time" content="2024-05-12">'
NOT_FOUND = "<title>Page not found</title><h1>Page not found</h1><p>Try the search.</p>"
NOTHING_FOUND = """<h1>The mill</h1><p>The miller said that nothing was found there, and that the search of the river
    went on until the evening.</p>"""
STORY = f"<h1>The mill burned down</h1><p>{PROSE}</p><p>{PROSE}</p>"
CARDS = "".join(f'<h2><a href="/story-number-{n}">Another long headline {n}</a></h2><p>Cut…</p>' for n in range(8))
LD = '<script type="application/ld+json">{"@context": "https://schema.org", %s}</script>'
ARTICLE_LD = LD % '"@type": "NewsArticle", "headline": "The mill burned down", "datePublished": "2024-05-03"'
VIDEO = (
    '<meta property="og:type" content="video.other"><h1>The mill burns</h1><video src="/v.mp4"></video><p>Filmed.</p>'
)
BARE_CHALLENGE = '<p>One more step</p><form><div class="h-captcha hcaptcha-box"></div><button>Go</button></form>'
CONSENT = "<title>Before you continue</title><p>We value your privacy.</p><button>Accept all</button>"
TOPICS = "<ul>" + "".join(f'<li><a href="/{name}">{name}</a></li>' for name in "news sport culture".split()) + "</ul>"
OFFER = f"""{TOPICS}<h1>The mill burned down</h1><div><p>Subscribe to read this article.</p><a href="/join">Join</a>
    </div><footer><a href="/contact">Contact us at the mill</a></footer>"""
OFFERED_CARDS = '<p>Already a subscriber? <a href="/login">Log in</a></p>' + CARDS
AWAY = """<meta http-equiv="refresh" content="0; url=/new"><title>Moved</title><p>If nothing happens,
    <a href="/new">go on here</a>.</p>"""
RECIPE = f"""{LD % '"@type": "Recipe", "headline": "Pancakes", "name": "Pancakes", "datePublished": "2024-05-03"'}
    <h1>Pancakes</h1><p>By Ann Lee</p><p>{PROSE}</p><h2>You need</h2><ul><li>2 eggs</li><li>200 g of flour</li></ul>
    <h2>So it goes</h2><ol><li>Beat the eggs with the flour until nothing is lumpy any more.</li><li>Fry.</li></ol>"""
HOWTO = f"""{LD % '"@type": "BlogPosting", "headline": "How I mended the pump", "datePublished": "2024-05-03"'}
    <h1>How I mended the pump</h1><p>{PROSE}</p><pre>pump --off</pre><p>{PROSE}</p><pre>pump --on</pre>
    <p>{PROSE}</p>"""
DIARY = f"""<h1>Twelfth of May</h1><p>{PROSE}</p>
    <p>In the morning I walked down to the river, where the boats had been drawn up on the bank for the winter, and
    talked for a while with the ferryman, who does not believe that the bridge will ever be finished.</p>
    <p>After lunch the letters came, three of them, one from my sister in the north with news of the children, and
    two from people who want money and will have to wait until the harvest is in and sold.</p>"""
REVIEW = f"""{ARTICLE_LD}<h1>The mill burned down</h1><p>The kettle costs $49.</p><p>{PROSE}</p><p>{PROSE}</p>"""
ROBOTS = f"""<h1>Why every page asks: are you a robot?</h1><p>The site asks whether you are human, says just a moment,
    and then: internal server error. {PROSE}</p><p>{PROSE}</p>"""


def verdict_on(path: str, body: str) -> PageVerdict:
    return clean(Page(f"http://site.example{path}", f"<html><body>{body}</body></html>".encode())).verdict


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/2024/05/the-mill", STORY, PageType.ARTICLE),
        ("/2024/05/pancakes", RECIPE, PageType.ARTICLE),
        ("/blog/2024/05/mending-the-old-pump", HOWTO, PageType.ARTICLE),
        ("/2024/05/kettle-review", REVIEW, PageType.ARTICLE),
        ("/pages/how-the-old-mill-burned-down", STORY, PageType.ARTICLE),
        ("/privacy-statement", DIARY, PageType.OTHER),
        ("/wir-ueber-uns/index.html", DIARY, PageType.OTHER),
        ("/zh/隐私政策", DIARY, PageType.OTHER),
        ("/2024/05/12/our-mission/", DIARY, PageType.ARTICLE),
        ("/diary/2024/05/12.html", DIARY, PageType.ARTICLE),
        ("/diary/2024-05-12/", DIARY, PageType.ARTICLE),
        ("/2024/05/12/index.html", CARDS, PageType.LIST),
        ("/2024/05.html", DIARY, PageType.LIST),
        ("/tag/mills/index.html", STORY, PageType.LIST),
        ("/", STORY, PageType.LIST),
        ("/tag/mills/", CARDS, PageType.LIST),
        ("/author/ada/", f"<h1>Ada</h1><p>{PROSE}</p>", PageType.LIST),
        ("/contact", f"<h1>Contact</h1><p>{PROSE}</p>", PageType.OTHER),
        ("/wp-login.php?action=lostpassword", f"<h1>Lost</h1><p>{PROSE}</p>", PageType.OTHER),
        ("/videos/mill", VIDEO, PageType.GALLERY),
        ("/2024/05/the-mill", BARE_CHALLENGE, PageType.CAPTCHA),
        ("/2024/05/the-mill", CONSENT, PageType.WALL),
        ("/2024/05/the-mill", OFFER, PageType.WALL),
        ("/story/17", OFFER, PageType.WALL),
        ("/section/mills", OFFERED_CARDS, PageType.LIST),
        ("/2024/05/the-mill", OFFER.replace("<div>", f"<p>{PROSE[:94]}</p><div>"), PageType.TEASER),
        ("/2024/05/the-mill", AWAY, PageType.OTHER),
        ("/gone", NOT_FOUND, PageType.SOFT_404),
        ("/2024/05/the-mill", DATED + NOT_FOUND, PageType.SOFT_404),
        ("/2024/05/the-mill", DATED + NOTHING_FOUND, PageType.ARTICLE),
        ("/2024/05/12/about", STORY, PageType.ARTICLE),
        ("/video/the-mill-and-the-river", DATED + "<h1>The mill</h1><p>The mill on the river burned down at night, and "
         "nobody was hurt.</p>" + '<img src="/a.jpg">' * 9, PageType.ARTICLE),
        ("/broken", "<h1>Error establishing a database connection</h1>", PageType.ERROR),
        ("/2024/05/are-you-a-robot", ROBOTS, PageType.ARTICLE),
        ("/app", '<div id="root"></div><noscript>Please enable JavaScript</noscript><script>x</script>',
         PageType.NEEDS_JAVASCRIPT),
    ],
)  # fmt: skip
def test_a_page_is_what_it_is_with_evidence(path, body, kind):
    verdict = verdict_on(path, body)
    assert verdict.page_type is kind, verdict.evidence
    assert verdict.evidence


def test_a_page_that_holds_only_an_offer_has_no_text():
    cleaned = clean(Page("http://site.example/2024/05/the-mill", OFFER.encode()))
    assert (cleaned.text, cleaned.verdict.evidence) == ("", ("wall=paywall", "text=subscribe to read"))


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (AWAY, "http://site.example/new"),
        (AWAY.replace("0; url", "9;URL"), "http://site.example/new"),
        (AWAY.replace("0;", "10;"), ""),  # there is time to read it
        (AWAY.replace("/new", "/old"), ""),  # it shows itself anew
        (f"<noscript>{AWAY}</noscript>", ""),
        (AWAY + f"<p>{PROSE}</p>" * 3, ""),
    ],
)
def test_a_page_that_only_leads_elsewhere_says_where(body, url):
    assert verdict_on("/old", body).refresh_url == url


@pytest.mark.parametrize(
    ("body", "needs_them"),
    [
        ("<h1>Closed on Monday</h1><p>Back on Tuesday.</p>", False),
        ("<p>The mill is closed for the winter and opens again in March.</p>", False),
        ('<div id="root"></div>', True),
        ("<nav><a href='/'>Home</a></nav><main>Loading</main>", True),
    ],
)
def test_a_shell_with_a_few_scripts_needs_them_and_a_short_page_does_not(body, needs_them):
    verdict = verdict_on("/2024/05/the-mill", f"<title>Closed on Monday</title>{body}{'<script>count(1)</script>' * 4}")
    assert (verdict.page_type is PageType.NEEDS_JAVASCRIPT) is needs_them, verdict.evidence


def test_a_doubt_about_an_article_is_said():
    body = DIARY + '<div class="product"><p>$49.00</p><p>Add to cart</p><p>In stock</p></div>' * 6
    verdict = verdict_on("/2024/05/the-mill-a-story", body)
    assert verdict.page_type is PageType.ARTICLE
    assert verdict.evidence[-1].startswith("but:product=0.")


RAW_TABLE = {
    "base": [1.0, 0, 0, 0, 0, 0],
    "signs": {
        "prices": {"limits": [0.5, 2.0], "points": [[0, 0, 0, -1, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 4, 0, 0]]},
        "dates": {"limits": [0.5], "points": [[0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0]]},
    },
}


def test_points_add_up_to_chances_and_reasons():
    table = parse_table(RAW_TABLE)
    product = PAGE_KINDS.index("product")
    assert [table[1]["prices"].points_for(value)[product] for value in (0, 0.5, 0.6, 2.0, 9)] == [-1, -1, 1, 1, 4]
    estimate = estimate_kind({"prices": 3, "dates": 1}, table)
    assert estimate.best_kind == estimate.best_kind_but_article == "product"
    assert sum(estimate.chances.values()) == pytest.approx(1)
    assert np.log(estimate.chances["product"] / estimate.chances["article"]) == pytest.approx(4 - 1.5)
    assert (estimate.reasons("product"), estimate.reasons("article")) == (("prices=3",), ("dates=1",))


Changes = dict[str, Any]
T, U = PageType, UrlShape
WORDS, SHELL, LONG = module._BARE_WORDS, module._SHELL_WORDS, module._ARTICLE_WORDS
EMPTY, FEWEST, FEW, SHORT = module._EMPTY_WORDS, module._FEWEST_SURE_WORDS, module._NEAR_EMPTY_WORDS, module._FEW_WORDS
SOME, MANY, IMAGES = module._FEWEST_HEADLINES, module._MANY_HEADLINES, module._MANY_IMAGES
SURE, PLAIN_CHANCE, LINKED = module._SURE_ARTICLE_CHANCE, module._PLAIN_CHANCE, module._LINK_ARTICLE_CHANCE
LEAST, LEAST_SHORT = module._MIN_ARTICLE_CHANCE, module._MIN_CHANCE_OF_FEW_WORDS
BIT = 1e-6
PLAIN: Changes = {
    "url": "http://site.example/mill", "url_shape": UrlShape.UNKNOWN, "states_article": False,
    "states_listing": False, "is_paywalled": False, "body_classes": frozenset(), "h1_count": 0,
    "has_own_heading": False, "headline_count": 0, "article_count": 0, "kept_words": 150, "kept_prose_blocks": 0,
    "kept_link_share": 0.0, "page_link_share": 0.0, "static_name": "", "static_hint": "", "listed_words": 0,
    "visible_words": 500, "script_count": 0, "title": "the mill", "head_text": "", "noscript_text": "",
    "tail_text": "", "has_date": False, "states_gallery": False, "image_count": 0, "gallery_path": "",
    "captcha_markup": "", "asks_password": False, "words": cast(PageWords, None), "signs": {"slug_words": 0},
}  # fmt: skip
"""A page of which nothing is known but that it has text."""
ARTICLE, DATE, PROSE = {"states_article": True}, {"has_date": True}, {"kept_prose_blocks": 1}
HEADED, LISTING = {"has_own_heading": True, "h1_count": 1}, {"states_listing": True}
DATED_PATH = {"url": "http://site.example/2024/05/12/mill"}
DAY = {"url": "http://site.example/diary/2024/05/12/", "url_shape": U.DEEP_LIST}
SLUG, ARCHIVE = {"signs": {"slug_words": 4}}, {"body_classes": frozenset({"archive"})}
LIST_URL, SPREAD, NO_WORDS = {"url_shape": U.LIST}, {"others": "spread"}, {"kept_words": 0}
BARE = {"kept_words": WORDS - 1, "visible_words": 2 * WORDS - 1}
SCRIPTED = {"script_count": 1, "noscript_text": "enable javascript"}
LINKED_PAGE, BELOW = {"page_link_share": 0.6 + BIT}, ({"page_link_share": 0.6}, {"kept_link_share": 0.3})
GALLERY_PATH = {"gallery_path": "video", "image_count": IMAGES}
PHRASE = {"tail_text": "already a subscriber?"}
LONG_TITLE = "page not found: so he said …."  # the phrase is a little less than half of it
UNFOUND = {"kept_words": 2 * WORDS - 1, "title": LONG_TITLE}
CASES: dict[str, tuple[Any, ...]] = {
    "plain": (T.ARTICLE, {}, {}),
    "captcha title": (T.CAPTCHA, {}, BARE | {"title": "just a moment"}, ARTICLE),
    "captcha text": (T.CAPTCHA, {}, BARE | {"head_text": "are you human"}),
    "captcha noscript": (T.CAPTCHA, {}, BARE | {"noscript_text": "not a robot"}),
    "captcha markup": (T.CAPTCHA, NO_WORDS, {"visible_words": SHELL - 1, "captcha_markup": "hcaptcha"}, ARTICLE),
    "scripts by phrase": (T.NEEDS_JAVASCRIPT, {}, {"kept_words": SHELL - 1, "visible_words": WORDS - 1} | SCRIPTED),
    "scripts by number": (
        T.NEEDS_JAVASCRIPT,
        {},
        {"kept_words": FEW - 1, "visible_words": SHELL - 1, "script_count": 3},
        {"has_own_heading": True},
        {"picture_count": 1},
    ),
    "empty": (T.EMPTY, {}, {"visible_words": 0}),
    "not found by title": (T.SOFT_404, {}, UNFOUND, DATE | ARTICLE, DATE | PROSE),
    "not found by title, with a date but no prose": (T.SOFT_404, DATE, UNFOUND, ARTICLE, PROSE),
    "not found by half of a title": (
        T.SOFT_404,
        DATE | ARTICLE,
        UNFOUND | {"title": LONG_TITLE[:28]},
        {"title": LONG_TITLE[:29]},
    ),
    "not found by text": (T.SOFT_404, {}, {"kept_words": WORDS - 1, "head_text": "nothing was found"}, DATE | PROSE),
    "error by text": (T.ERROR, {}, BARE | {"head_text": "internal server error"}, DATE | PROSE),
    "error by title": (T.ERROR, {}, BARE | {"title": "bad gateway"}),
    "wall by text": (T.WALL, {}, BARE | {"head_text": "please log in"}, {"has_own_heading": True}),
    "wall by text and password": (T.WALL, HEADED, BARE | {"head_text": "please log in", "asks_password": True}),
    "wall by an offer": (T.WALL, {}, {"lone_paywall": "subscribe to read", "headline_count": SOME - 1}),
    "refresh": (T.OTHER, {}, BARE | {"refresh_url": "http://site.example/"}),
    "wall by title": (T.WALL, {}, {"kept_words": WORDS - 1, "title": "access denied"}),
    "wall by password": (T.WALL, {}, {"visible_words": WORDS - 1, "asks_password": True}, ARTICLE),
    "static": (T.OTHER, {}, {"static_name": "about", "headline_count": MANY - 1}, DATED_PATH),
    "static by a hint": (T.OTHER, {}, {"static_hint": "our-mission", "chance": SURE - BIT}, DATED_PATH),
    "page of a publishing system": (
        T.OTHER,
        {},
        {"body_classes": frozenset({"page", "page-id-7"}), "chance": SURE - BIT},
        {"body_classes": frozenset({"page"})},
        {"body_classes": frozenset({"page-id-7"})},
        DATE,
        ARTICLE,
    ),
    "attachment": (T.GALLERY, {}, {"body_classes": frozenset({"attachment"})}),
    "list by class": (T.LIST, {}, ARCHIVE | {"kept_words": LONG - 1}, ARTICLE, {"url_shape": U.ARTICLE}, HEADED),
    "list of long text with links": (T.LIST, {"kept_words": LONG}, ARCHIVE | {"kept_link_share": 0.25}),
    "list of long text that is listed": (T.LIST, {}, ARCHIVE | {"kept_words": LONG, "listed_words": 1}),
    "list with two headings": (T.LIST, {"has_own_heading": True}, ARCHIVE | {"h1_count": 2}),
    "list by articles": (T.LIST, {}, {"states_listing": True, "article_count": 3}),
    "list by headlines": (T.LIST, {}, {"headline_count": 8}),
    "list by headlines and statement": (T.LIST, {}, {"headline_count": 4, "states_listing": True}),
    "list by listed words": (T.LIST, {}, {"listed_words": 76, "headline_count": 2}),
    "list by links": (T.LIST, {}, {"kept_link_share": 0.5 + BIT}, {"kept_link_share": 0.5}, HEADED | {"h1_count": 2}),
    "list by a page's links": (T.LIST, {"chance": 0.7, "visible_words": 500}, LINKED_PAGE | {"kept_words": SHELL - 1}),
    "list by a page's links and statement": (
        T.LIST,
        {},
        LINKED_PAGE | LISTING | {"kept_link_share": 0.3 + BIT},
        *BELOW,
    ),
    "list by a page's links and few words": (T.LIST, {}, LINKED_PAGE | LISTING | {"kept_words": WORDS - 1}),
    "list by a home's address": (T.LIST, {}, {"url_shape": U.HOME}),
    "list by address, of few words": (T.LIST, SLUG, LIST_URL | {"kept_words": WORDS - 1}),
    "list by address, without a headline in it": (T.LIST, {"signs": {"slug_words": 3}}, LIST_URL, SLUG),
    "list by address, of no plain kind": (T.LIST, SPREAD | SLUG, LIST_URL | {"chance": PLAIN_CHANCE - BIT}),
    "list by address and statement": (T.LIST, SLUG, LIST_URL | LISTING),
    "list by address, by its signs too": (T.LIST, SLUG | {"chance": 0.3}, LIST_URL, {"others": "forum"}),
    "list by address, of a service": (
        T.LIST,
        SLUG | {"chance": 0.3, "others": "service"},
        LIST_URL,
        {"others": "document"},
    ),
    "list by a day's address": (T.LIST, DAY, {"kept_words": WORDS - 1}),
    "list by a day's address with headlines": (T.LIST, DAY, {"headline_count": 1}),
    "list by a deep address": (T.LIST, {}, {"url_shape": U.DEEP_LIST}, DAY),
    "list by a day's address and its signs": (T.LIST, DAY, {"chance": 0.5 - BIT}),
    "list by links, not plainly an article": (
        T.LIST,
        HEADED | {"h1_count": 2, "kept_link_share": 0.51},
        {"chance": LINKED - BIT},
    ),
    "list by links and headlines": (
        T.LIST,
        HEADED | {"h1_count": 2, "kept_link_share": 0.51},
        {"headline_count": SOME},
    ),
    "pictures": (T.GALLERY, {}, {"picture_count": 1}),
    "gallery by statement": (T.GALLERY, {}, {"states_gallery": True, "kept_words": 2 * WORDS - 1}, ARTICLE),
    "gallery that states an article": (T.GALLERY, ARTICLE, {"states_gallery": True, "kept_words": WORDS - 1}),
    "gallery by path and images": (T.GALLERY, {}, GALLERY_PATH | {"kept_words": 2 * WORDS - 1}, ARTICLE, DATE | PROSE),
    "list by signs": (T.LIST, {}, {"chance": LEAST - BIT}, {"is_paywalled": True}),
    "document by signs": (T.DOCUMENT, {}, {"chance": LEAST - BIT, "others": "document"}),
    "forum by signs": (T.FORUM, {}, {"chance": LEAST - BIT, "others": "forum"}),
    "product by signs": (T.PRODUCT, {}, {"chance": LEAST - BIT, "others": "product"}),
    "service by signs": (T.OTHER, {}, {"chance": LEAST - BIT, "others": "service"}),
    "few words by signs": (T.LIST, {}, {"chance": LEAST_SHORT - BIT, "kept_words": SHORT - 1}),
    "hardly a word": (T.OTHER, ARTICLE, {"kept_words": EMPTY - 1}),
    "hardly any words": (T.OTHER, {}, {"kept_words": FEW - 1, "chance": SURE - BIT}, ARTICLE, PROSE),
    "hardly any words, plainly an article": (T.OTHER, {"chance": SURE + BIT}, {"kept_words": FEWEST - 1}),
    "teaser by phrase": (T.TEASER, {}, PHRASE | {"kept_words": 249}),
    "teaser by phrase and statement": (T.TEASER, {"kept_words": 250}, PHRASE | {"is_paywalled": True}),
    "teaser by statement": (T.TEASER, {}, {"kept_words": 149, "is_paywalled": True}),
}
"""By name the type, what is given of a page, what decides (numbers at their thresholds), and contradictions."""


def type_of(changes: Changes) -> PageType:
    """The type of a plain page with changes; `chance` is that of an article (0.95), the rest is that of `others`."""
    features = PLAIN | changes
    chance, others = features.pop("chance", 0.95), features.pop("others", "list")
    rest = dict.fromkeys(PAGE_KINDS[1:], (1 - chance) / 5) if others == "spread" else {others: 1 - chance}
    shares = np.array([chance if kind == "article" else rest.get(kind, 1e-9) for kind in PAGE_KINDS])
    return page_verdict(PageFeatures(**features), (np.log(shares), {})).page_type


def is_decided_by(name: str, kind: PageType, given: Changes, changes: Changes) -> bool:
    """Say whether a page is of another type without a change, or with a number that is a step lower or higher."""
    value = changes[name]
    if isinstance(value, bool | str | frozenset | dict):
        return type_of(given | {key: changes[key] for key in changes if key != name}) is not kind
    step = 2 * BIT if isinstance(value, float) else 1
    return any(type_of(given | changes | {name: value + by}) is not kind for by in (-step, step))


@pytest.mark.parametrize("name", CASES)
def test_a_page_that_just_meets_each_clause_is_of_that_type_and_one_that_misses_one_is_not(name):
    kind, given, changes, *contradictions = CASES[name]
    assert type_of(given | changes) is kind
    assert [each for each in changes if not is_decided_by(each, kind, given, changes)] == []
    assert [each for each in contradictions if type_of(given | changes | each) is kind] == []
