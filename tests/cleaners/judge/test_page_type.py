"""What kind of page this is, on small pages of our own that each say one thing.

The learned table: steps add up, and what counted most is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page, PageType, PageVerdict
from broadsheet.cleaners.judge.hashed_words import PageWords
from broadsheet.cleaners.judge.page_features import PageFeatures
from broadsheet.cleaners.judge.page_type import PAGE_KINDS, estimate_kind, load_table, page_verdict, parse_table
from broadsheet.cleaners.page.url_shapes import UrlShape
from tests.bench.verdicts import read_features

PROSE = "The council met on Monday evening and spoke for three hours about the old mill by the river. " * 3
DATED = '<meta property="og:type" content="article"><meta property="article:published_time" content="2024-05-12">'
NOT_FOUND = "<title>Page not found</title><h1>Page not found</h1><p>Try the search.</p>"
NOTHING_FOUND = """<h1>The mill</h1><p>The miller said that nothing was found there, and that the search of the river
    went on until the evening.</p>"""
STORY = f"<h1>The mill burned down</h1><p>{PROSE}</p><p>{PROSE}</p>"
CARDS = "".join(f'<h2><a href="/story-number-{n}">Another long headline {n}</a></h2><p>Cut…</p>' for n in range(8))
LD = '<script type="application/ld+json">{"@context": "https://schema.org", %s}</script>'
ARTICLE_LD = LD % '"@type": "NewsArticle", "headline": "The mill burned down", "datePublished": "2024-05-03"'

PRODUCT = (
    LD % '"@type": "Product", "name": "Copper kettle", "offers": {"@type": "Offer", "price": "49.00"}'
    + """<meta property="og:type" content="product"><div class="product-page"><div class="product-gallery">
    <img src="/a.jpg"><img src="/b.jpg"><img src="/c.jpg"></div><h1 class="product-title">Copper kettle</h1>
    <div class="price">$49.00</div><p>In stock</p><form class="cart"><input type="number" value="1">
    <label>Quantity</label><button>Add to cart</button></form><div class="product-description"><p>A kettle of copper
    that holds one litre and suits every stove. The handle stays cool.</p>
    <ul><li>Weight: 900 g</li><li>Height: 22 cm</li></ul></div>
    <div class="product-reviews"><h2>Customer reviews</h2><p>Write a review</p></div><h2>You may also like</h2>
    <p>$19.00</p><p>$25.00</p><p>$31.00</p></div>"""
)
ANSWER = """<div class="message post"><div class="userinfo"><a class="username" href="/members/{0}">{0}</a>
    <div>Joined</div><div>May 3, 2021</div><div>Posts</div></div><div class="postbody message-body"><p>{1}</p></div>
    <div class="vote"><a href="#r">Reply</a><a href="#q">Quote</a><a href="#x">Report</a></div></div>"""
THREAD = '<div class="forum thread"><h1>Kettle leaks at the spout</h1>{}</div>'.format(
    "".join(
        ANSWER.format(name, text)
        for name, text in (
            ("anna", "Mine drips since last week. Does anyone know which seal fits? I tried two and neither did."),
            ("bert", "Same here, it began after the second winter. I just put a bit of tape around it."),
            ("cleo", "The seal for the small one fits, you only have to cut off the rim. Worked for me."),
            ("anna", "Thanks, that did it!"),
        )
    )
)
QUESTION = LD % '"@type": "QAPage", "mainEntity": {"@type": "Question", "name": "Kettle leaks", "answerCount": 3}'
MANUAL = """<html class="docs-wrapper"><head><meta name="generator" content="Sphinx 7.2"><title>kettle.boil — Kettle 2.1
    documentation</title></head><body><div class="sphinxsidebar"><ul><li><a href="a">Installation</a></li><li>
    <a href="b">Usage</a></li><li><a href="c">API Reference</a></li></ul></div><div class="body docs reference section">
    <h1>kettle.boil</h1><p>Heats the water until it boils and returns the time that it took, in seconds.</p>
    <pre class="highlight">boil(volume, power=2000)</pre><h2>Parameters</h2><dl><dt>volume</dt><dd>Litres of water.
    </dd><dt>power</dt><dd>Watts that the element takes.</dd></dl><h2>Returns</h2><p>A number of seconds.</p><h2>Example
    </h2><pre class="highlight">>>> boil(1)\n167.2</pre><pre class="highlight">>>> boil(2)\n334.4</pre><h2>See also</h2>
    <p>The function that cools.</p></div><p>Previous</p><p>Next</p><p>On this page</p></body></html>"""
SERVICE = """<body class="page-template"><div class="hero"><h1>Kettle repair</h1><p>We bring it back to life.</p>
    <a class="cta" href="/quote">Get a quote</a></div><div class="features services"><h2>Our services</h2><p>We clean,
    solder and polish. Our workshop is open for you all week.</p></div><div class="pricing plans"><h2>How it works</h2>
    <p>You call us, we collect it.</p></div><div class="testimonials"><h2>Why choose us</h2><p>Trusted by neighbours.
    </p></div><div class="cta"><p>Contact us</p><p>Call now</p><p>Get started</p><p>Learn more</p></div></body>"""
GALLERY = (
    LD % '"@type": "ImageGallery", "name": "The mill in pictures"'
    + "<h1>The mill in pictures</h1>"
    + "".join(f'<figure><img src="/{n}.jpg"><figcaption>The mill, side {n}</figcaption></figure>' for n in range(12))
)
VIDEO = (
    '<meta property="og:type" content="video.other"><h1>The mill burns</h1><video src="/v.mp4"></video><p>Filmed.</p>'
)
CHALLENGE = """<title>Just a moment...</title><h1>Verifying you are human</h1><p>This may take a few seconds.</p>
    <script src="https://challenges.cloudflare.com/turnstile/v0/api.js"></script>"""
BARE_CHALLENGE = '<p>One more step</p><form><div class="h-captcha hcaptcha-box"></div><button>Go</button></form>'
LOGIN = """<title>Members</title><form action="/session"><label>Name</label><input name="u"><label>Password</label>
    <input type="password" name="p"><button>Go</button></form><a href="/lost">Lost your password?</a>"""
CONSENT = "<title>Before you continue</title><p>We value your privacy.</p><button>Accept all</button>"
PAYWALLED = f"""{LD % '"@type": "NewsArticle", "headline": "The mill burned down", "isAccessibleForFree": false'}
    <h1>The mill burned down</h1><p>{PROSE}</p><div class="paywall"><p>Subscribe to continue reading.</p></div>"""
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


def verdict_on(path: str, body: str) -> PageVerdict:
    return clean(Page(f"http://site.example{path}", f"<html><body>{body}</body></html>".encode())).verdict


def type_at(chance: float, page: PageFeatures) -> PageType:
    """What a page is whose signs, whatever they are, give an article this chance, and a list what remains of it."""
    shares = np.array([chance if kind == "article" else (1 - chance) * (kind == "list") + 1e-9 for kind in PAGE_KINDS])
    return page_verdict(page, (np.log(shares), {})).page_type


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
        ("/2024/05/the-mill", PAYWALLED, PageType.TEASER),
        ("/", STORY, PageType.LIST),
        ("/tag/mills/", CARDS, PageType.LIST),
        ("/author/ada/", f"<h1>Ada</h1><p>{PROSE}</p>", PageType.LIST),
        ("/contact", f"<h1>Contact</h1><p>{PROSE}</p>", PageType.OTHER),
        ("/wp-login.php?action=lostpassword", f"<h1>Lost</h1><p>{PROSE}</p>", PageType.OTHER),
        ("/services/kettle-repair", SERVICE, PageType.OTHER),
        ("/products/copper-kettle", PRODUCT, PageType.PRODUCT),
        ("/forum/threads/kettle-leaks.1234/", QUESTION + THREAD, PageType.FORUM),
        ("/docs/reference/kettle.boil.html", MANUAL, PageType.DOCUMENT),
        ("/gallery/mill", GALLERY, PageType.GALLERY),
        ("/videos/mill", VIDEO, PageType.GALLERY),
        ("/2024/05/the-mill", CHALLENGE, PageType.CAPTCHA),
        ("/2024/05/the-mill", BARE_CHALLENGE, PageType.CAPTCHA),
        ("/members", LOGIN, PageType.WALL),
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
        ("/app", '<div id="root"></div><noscript>Please enable JavaScript</noscript><script>x</script>',
         PageType.NEEDS_JAVASCRIPT),
        ("/empty", "", PageType.EMPTY),
    ],
)  # fmt: skip
def test_a_page_is_what_it_is_with_evidence(path: str, body: str, kind: PageType) -> None:
    verdict = verdict_on(path, body)
    assert verdict.page_type is kind, verdict.evidence
    assert verdict.evidence


def test_a_page_that_holds_only_an_offer_has_no_text() -> None:
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
def test_a_page_that_only_leads_elsewhere_says_where(body: str, url: str) -> None:
    assert verdict_on("/old", body).refresh_url == url


COUNTERS = "<script>count(1)</script>" * 4


@pytest.mark.parametrize(
    "body",
    [
        "<title>Closed on Monday</title><h1>Closed on Monday</h1><p>Back on Tuesday.</p>",
        "<title>The mill</title><p>The mill is closed for the winter and opens again in March.</p>",
    ],
)
def test_a_short_page_with_a_few_scripts_does_not_need_them(body: str) -> None:
    verdict = verdict_on("/2024/05/the-mill", body + COUNTERS)
    assert verdict.page_type is not PageType.NEEDS_JAVASCRIPT, verdict.evidence


@pytest.mark.parametrize("shell", ['<div id="root"></div>', "<nav><a href='/'>Home</a></nav><main>Loading</main>"])
def test_a_shell_with_a_few_scripts_needs_them(shell: str) -> None:
    verdict = verdict_on("/2024/05/the-mill", f"<title>The mill</title>{shell}{COUNTERS}")
    assert verdict.page_type is PageType.NEEDS_JAVASCRIPT, verdict.evidence


def test_what_was_learned_is_said_in_signs() -> None:
    sure, *signs = verdict_on("/products/copper-kettle", PRODUCT).evidence
    assert sure.startswith("product=0.9")
    assert any(sign.startswith("asks_product=") for sign in signs)


def test_a_doubt_about_an_article_is_said() -> None:
    body = DIARY + '<div class="product"><p>$49.00</p><p>Add to cart</p><p>In stock</p></div>' * 6
    verdict = verdict_on("/2024/05/the-mill-a-story", body)
    assert verdict.page_type is PageType.ARTICLE
    assert verdict.evidence[-1].startswith("but:product=0.")


@pytest.mark.parametrize(
    ("other", "left", "kind"),
    [
        ("document", 0.16, PageType.ARTICLE),
        ("document", 0.14, PageType.DOCUMENT),
        ("product", 0.18, PageType.ARTICLE),
        ("product", 0.14, PageType.PRODUCT),
        ("forum", 0.14, PageType.FORUM),
        ("list", 0.10, PageType.LIST),
        ("list", 0.14, PageType.ARTICLE),
        ("service", 0.14, PageType.ARTICLE),
    ],
)
def test_how_sure_the_signs_must_be_depends_on_the_kind(other: str, left: float, kind: PageType) -> None:
    page = read_features("http://site.example/kettles", f"<h1>Kettles</h1><p>{PROSE}</p><p>{PROSE}</p>".encode())
    shares = np.array([left if each == "article" else 1 - left if each == other else 1e-9 for each in PAGE_KINDS])
    assert page is not None
    assert page_verdict(page, (np.log(shares), {})).page_type is kind


@pytest.mark.parametrize(("chance", "kind"), [(0.25, PageType.LIST), (0.35, PageType.ARTICLE)])
def test_a_page_of_few_words_must_look_more_like_an_article(chance: float, kind: PageType) -> None:
    short = read_features("http://site.example/kettles", f"<h1>Kettles</h1><p>{PROSE[:90]}.</p>".encode())
    long = read_features("http://site.example/kettles", f"<h1>Kettles</h1><p>{PROSE}</p><p>{PROSE}</p>".encode())
    assert short is not None
    assert long is not None
    assert type_at(chance, short) is kind
    assert type_at(chance, long) is PageType.ARTICLE


def test_a_story_about_robots_errors_and_logins_stays_one() -> None:
    said = "The site asks whether you are human, says just a moment, and then: internal server error. "
    body = f"<h1>Why every page asks: are you a robot?</h1><p>{said}{PROSE}</p><p>{PROSE}</p>"
    assert verdict_on("/2024/05/are-you-a-robot", body).is_article


def test_a_page_whose_address_is_unknown_is_judged_by_itself() -> None:
    assert clean(Page("", f"<html><body>{STORY}</body></html>".encode())).verdict.is_article


def test_a_page_of_every_site_by_its_address_is_an_article_if_its_signs_say_so_plainly() -> None:
    page = read_features(
        "http://site.example/our-mission", f"<h1>Our mission</h1><p>{PROSE}</p><p>{DIARY}</p>".encode()
    )
    assert page is not None
    for chance, kind in ((0.85, PageType.ARTICLE), (0.7, PageType.OTHER)):
        shares = np.array([chance if each == "article" else (1 - chance) / 5 for each in PAGE_KINDS])
        assert page_verdict(page, (np.log(shares), {})).page_type is kind


@pytest.mark.parametrize(
    ("words", "chance", "kind"),
    [
        (5, 0.9, PageType.OTHER),
        (6, 0.9, PageType.ARTICLE),
        (7, 0.9, PageType.ARTICLE),
        (7, 0.7, PageType.OTHER),
        (8, 0.7, PageType.ARTICLE),
    ],
)
def test_a_post_of_a_few_words_is_one_where_its_signs_are_plain(words: int, chance: float, kind: PageType) -> None:
    page = read_features("http://site.example/2024/05/march", f"<div>{PROSE}</div>".encode())
    assert page is not None
    assert type_at(chance, replace(page, kept_words=words, kept_prose_blocks=0)) is kind


@pytest.mark.parametrize(
    ("chance", "changes", "kind"),
    [
        (0.95, {}, PageType.ARTICLE),
        (0.85, {}, PageType.LIST),
        (0.95, {"has_own_heading": False}, PageType.LIST),
        (0.95, {"headline_count": 4}, PageType.LIST),
        (0.95, {"body_classes": frozenset({"archive"})}, PageType.LIST),
    ],
)
def test_a_round_up_of_links_under_a_heading_is_an_article_if_nothing_else_makes_it_a_list(
    chance: float, changes: dict[str, Any], kind: PageType
) -> None:
    page = read_features("http://site.example/blog/sources", f"<h1>Sources</h1><p>{PROSE}</p>".encode())
    assert page is not None
    round_up = replace(page, kept_link_share=0.55, h1_count=2, **changes)
    assert type_at(chance, round_up) is kind


RAW_TABLE = {
    "base": [1.0, 0, 0, 0, 0, 0],
    "signs": {
        "prices": {"limits": [0.5, 2.0], "points": [[0, 0, 0, -1, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 4, 0, 0]]},
        "dates": {"limits": [0.5], "points": [[0, 0, 0, 0, 0, 0], [0.5, 0, 0, 0, 0, 0]]},
    },
}


@pytest.mark.parametrize(("value", "points"), [(0, -1), (0.5, -1), (0.6, 1), (2.0, 1), (9, 4)])
def test_a_value_falls_on_its_step(value: float, points: float) -> None:
    _, table = parse_table(RAW_TABLE)
    assert table["prices"].points_for(value)[PAGE_KINDS.index("product")] == points


def test_points_add_up_to_chances_and_reasons() -> None:
    estimate = estimate_kind({"prices": 3, "dates": 1}, parse_table(RAW_TABLE))
    assert estimate.best_kind == estimate.best_kind_but_article == "product"
    assert sum(estimate.chances.values()) == pytest.approx(1)
    odds = np.log(estimate.chances["product"] / estimate.chances["article"])
    assert odds == pytest.approx(4 - 1.5)
    assert estimate.reasons("product") == ("prices=3",)
    assert estimate.reasons("article") == ("dates=1",)


def test_the_table_that_ships_is_whole() -> None:
    base, table = load_table()
    assert base.shape == (len(PAGE_KINDS),)
    for steps in table.values():
        assert steps.points.shape == (len(steps.limits) + 1, len(PAGE_KINDS))
        assert list(steps.limits) == sorted(steps.limits)


Changes = dict[str, Any]

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

DATED_PATH = {"url": "http://site.example/2024/05/12/mill"}
DAY = {"url": "http://site.example/diary/2024/05/12/"}
SLUG = {"signs": {"slug_words": 4}}
OWN_HEADING = {"has_own_heading": True, "h1_count": 1}
BARE = {"kept_words": 59, "visible_words": 119}
NOT_BARE: list[Changes] = [{"kept_words": 60}, {"visible_words": 120}]
LONG_TITLE = "page not found: so he said …."  # the phrase is a little less than half of it
ARCHIVE = {"body_classes": frozenset({"archive"})}

CASES: dict[str, tuple[PageType, Changes, list[Changes]]] = {
    "captcha title": (
        PageType.CAPTCHA,
        BARE | {"title": "just a moment"},
        [*NOT_BARE, {"title": ""}, {"states_article": True}],
    ),
    "captcha text": (PageType.CAPTCHA, BARE | {"head_text": "are you human"}, NOT_BARE),
    "captcha noscript": (PageType.CAPTCHA, BARE | {"noscript_text": "not a robot"}, NOT_BARE),
    "captcha markup": (
        PageType.CAPTCHA,
        {"kept_words": 24, "visible_words": 24, "captcha_markup": "hcaptcha"},
        [{"visible_words": 25}, {"captcha_markup": ""}, {"states_article": True}],
    ),
    "scripts by phrase": (
        PageType.NEEDS_JAVASCRIPT,
        {"kept_words": 24, "visible_words": 59, "script_count": 1, "noscript_text": "enable javascript"},
        [{"kept_words": 25}, {"visible_words": 60}, {"script_count": 0}, {"noscript_text": ""}],
    ),
    "scripts by number": (
        PageType.NEEDS_JAVASCRIPT,
        {"kept_words": 7, "visible_words": 24, "script_count": 3},
        [
            {"kept_words": 8}, {"visible_words": 25}, {"script_count": 2}, {"has_own_heading": True},
            {"picture_count": 1},
        ],
    ),
    "empty": (PageType.EMPTY, {"kept_words": 0, "visible_words": 0}, [{"visible_words": 1}]),
    "not found by title": (
        PageType.SOFT_404,
        {"kept_words": 119, "title": LONG_TITLE},
        [
            {"kept_words": 120}, {"title": ""}, {"has_date": True, "states_article": True},
            {"has_date": True, "kept_prose_blocks": 1},
        ],
    ),
    "not found by title, with a date but no prose": (
        PageType.SOFT_404,
        {"kept_words": 119, "title": LONG_TITLE, "has_date": True},
        [{"states_article": True}, {"kept_prose_blocks": 1}],
    ),
    "not found by half of a title": (
        PageType.SOFT_404,
        {"kept_words": 119, "title": LONG_TITLE[:28], "has_date": True, "states_article": True},
        [{"title": LONG_TITLE[:29]}],
    ),
    "not found by text": (
        PageType.SOFT_404,
        {"kept_words": 59, "head_text": "nothing was found", "kept_prose_blocks": 1},
        [{"kept_words": 60}, {"head_text": ""}, {"has_date": True}],
    ),
    "error by text": (
        PageType.ERROR,
        BARE | {"head_text": "internal server error", "kept_prose_blocks": 1},
        [*NOT_BARE, {"head_text": ""}, {"has_date": True}],
    ),
    "error by title": (PageType.ERROR, BARE | {"title": "bad gateway"}, [*NOT_BARE, {"title": ""}]),
    "wall by text": (
        PageType.WALL,
        BARE | {"head_text": "please log in"},
        [*NOT_BARE, {"has_own_heading": True}, {"head_text": ""}],
    ),
    "wall by text and password": (
        PageType.WALL,
        BARE | {"head_text": "please log in", "has_own_heading": True, "asks_password": True},
        [*NOT_BARE, {"asks_password": False}],
    ),
    "wall by an offer": (
        PageType.WALL,
        {"lone_paywall": "subscribe to read", "headline_count": 2},
        [{"lone_paywall": ""}, {"headline_count": 3}],
    ),
    "refresh": (PageType.OTHER, BARE | {"refresh_url": "http://site.example/"}, [*NOT_BARE, {"refresh_url": ""}]),
    "wall by title": (
        PageType.WALL,
        {"kept_words": 59, "title": "access denied", "has_own_heading": True},
        [{"kept_words": 60}, {"title": ""}],
    ),
    "wall by password": (
        PageType.WALL,
        {"kept_words": 59, "visible_words": 59, "asks_password": True},
        [{"visible_words": 60}, {"asks_password": False}, {"states_article": True}],
    ),
    "static": (
        PageType.OTHER,
        {"static_name": "about", "headline_count": 5},
        [{"static_name": ""}, {"headline_count": 6}, DATED_PATH],
    ),
    "static by a hint": (
        PageType.OTHER,
        {"static_hint": "our-mission", "chance": 0.79},
        [{"static_hint": ""}, {"chance": 0.81}, DATED_PATH],
    ),
    "page of a publishing system": (
        PageType.OTHER,
        {"body_classes": frozenset({"page", "page-id-7"}), "chance": 0.79},
        [
            {"body_classes": frozenset({"page"})}, {"body_classes": frozenset({"page-id-7"})}, {"has_date": True},
            {"states_article": True}, {"chance": 0.81},
        ],
    ),
    "attachment": (PageType.GALLERY, {"body_classes": frozenset({"attachment"})}, [{"body_classes": frozenset()}]),
    "list by class": (
        PageType.LIST,
        ARCHIVE | {"kept_words": 249},
        [
            {"body_classes": frozenset()}, {"states_article": True}, {"url_shape": UrlShape.ARTICLE}, OWN_HEADING,
            {"kept_words": 250},
        ],
    ),
    "list of long text with links": (
        PageType.LIST,
        ARCHIVE | {"kept_words": 250, "kept_link_share": 0.25},
        [{"kept_link_share": 0.24}],
    ),
    "list of long text that is listed": (
        PageType.LIST,
        ARCHIVE | {"kept_words": 250, "listed_words": 1},
        [{"listed_words": 0}],
    ),
    "list with two headings": (PageType.LIST, ARCHIVE | OWN_HEADING | {"h1_count": 2}, [{"h1_count": 1}]),
    "list with another heading": (PageType.LIST, ARCHIVE | OWN_HEADING | {"has_own_heading": False}, [OWN_HEADING]),
    "list by articles": (
        PageType.LIST,
        {"states_listing": True, "article_count": 3},
        [{"states_listing": False}, {"article_count": 2}],
    ),
    "list by headlines": (PageType.LIST, {"headline_count": 8}, [{"headline_count": 7}]),
    "list by headlines and statement": (
        PageType.LIST,
        {"headline_count": 4, "states_listing": True},
        [{"headline_count": 3}, {"states_listing": False}],
    ),
    "list by listed words": (
        PageType.LIST,
        {"kept_words": 100, "listed_words": 51, "headline_count": 2},
        [{"listed_words": 50}, {"headline_count": 1}],
    ),
    "list by links": (PageType.LIST, {"kept_link_share": 0.51}, [{"kept_link_share": 0.5}]),
    "list by a page's links": (
        PageType.LIST,
        {"page_link_share": 0.61, "kept_words": 24, "kept_link_share": 0.31, "visible_words": 500, "chance": 0.7},
        [{"page_link_share": 0.6}, {"kept_words": 25}],
    ),
    "list by a page's links and statement": (
        PageType.LIST,
        {"page_link_share": 0.61, "kept_words": 60, "kept_link_share": 0.31, "states_listing": True},
        [{"page_link_share": 0.6}, {"kept_link_share": 0.3}, {"states_listing": False}],
    ),
    "list by a page's links and few words": (
        PageType.LIST,
        {"page_link_share": 0.61, "kept_words": 59, "states_listing": True},
        [{"kept_words": 60}],
    ),
    "list by a home's address": (PageType.LIST, {"url_shape": UrlShape.HOME} | SLUG, [{"url_shape": UrlShape.UNKNOWN}]),
    "list by address, of few words": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "kept_words": 59} | SLUG,
        [{"kept_words": 60}],
    ),
    "list by address, without a headline in it": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "signs": {"slug_words": 3}},
        [SLUG],
    ),
    "list by address, of no plain kind": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "chance": 0.49, "others": "spread"} | SLUG,
        [{"chance": 0.51}],
    ),
    "list by address and statement": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "states_listing": True} | SLUG,
        [{"states_listing": False}],
    ),
    "list by address, by its signs too": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "chance": 0.3} | SLUG,
        [{"others": "forum"}],
    ),
    "list by address, of a service": (
        PageType.LIST,
        {"url_shape": UrlShape.LIST, "chance": 0.3, "others": "service"} | SLUG,
        [{"others": "document"}],
    ),
    "list by a day's address": (
        PageType.LIST,
        DAY | {"url_shape": UrlShape.DEEP_LIST, "kept_words": 59},
        [{"kept_words": 60}],
    ),
    "list by a day's address with headlines": (
        PageType.LIST,
        DAY | {"url_shape": UrlShape.DEEP_LIST, "headline_count": 1},
        [{"headline_count": 0}],
    ),
    "list by a deep address": (PageType.LIST, {"url_shape": UrlShape.DEEP_LIST}, [DAY]),
    "list by a day's address and its signs": (
        PageType.LIST,
        DAY | {"url_shape": UrlShape.DEEP_LIST, "chance": 0.45, "others": "list"},
        [{"chance": 0.55}],
    ),
    "list by links, under no heading of its own": (
        PageType.LIST,
        {"kept_link_share": 0.51, "chance": 0.95},
        [{"has_own_heading": True, "h1_count": 2}],
    ),
    "list by links, not plainly an article": (
        PageType.LIST,
        {"kept_link_share": 0.51, "has_own_heading": True, "chance": 0.89},
        [{"chance": 0.91}],
    ),
    "pictures": (PageType.GALLERY, {"picture_count": 1}, [{"picture_count": 0}]),
    "gallery by statement": (
        PageType.GALLERY,
        {"states_gallery": True, "kept_words": 119},
        [{"states_gallery": False}, {"kept_words": 120}, {"states_article": True}],
    ),
    "gallery that states an article": (
        PageType.GALLERY,
        {"states_gallery": True, "states_article": True, "kept_words": 59},
        [{"kept_words": 60}, {"states_gallery": False}],
    ),
    "gallery by path and images": (
        PageType.GALLERY,
        {"gallery_path": "video", "image_count": 8, "kept_words": 119, "has_date": True},
        [{"gallery_path": ""}, {"image_count": 7}, {"kept_words": 120}, {"kept_prose_blocks": 1}],
    ),
    "gallery by path and images, without a date": (
        PageType.GALLERY,
        {"gallery_path": "video", "image_count": 8, "kept_words": 59, "kept_prose_blocks": 1},
        [{"states_article": True}, {"has_date": True}],
    ),
    "list by signs": (PageType.LIST, {"chance": 0.119}, [{"chance": 0.121}, {"is_paywalled": True}]),
    "document by signs": (PageType.DOCUMENT, {"chance": 0.149, "others": "document"}, [{"chance": 0.151}]),
    "forum by signs": (PageType.FORUM, {"chance": 0.159, "others": "forum"}, [{"chance": 0.161}]),
    "product by signs": (PageType.PRODUCT, {"chance": 0.159, "others": "product"}, [{"chance": 0.161}]),
    "service by signs": (PageType.OTHER, {"chance": 0.119, "others": "service"}, [{"chance": 0.121}]),
    "few words by signs": (PageType.LIST, {"chance": 0.29, "kept_words": 29}, [{"chance": 0.31}, {"kept_words": 30}]),
    "hardly a word": (PageType.OTHER, {"kept_words": 2, "states_article": True}, [{"kept_words": 3}]),
    "hardly any words": (
        PageType.OTHER,
        {"kept_words": 7, "chance": 0.79},
        [{"kept_words": 8}, {"chance": 0.81}, {"states_article": True}, {"kept_prose_blocks": 1}],
    ),
    "hardly any words, plainly an article": (PageType.OTHER, {"kept_words": 5, "chance": 0.81}, [{"kept_words": 6}]),
    "teaser by phrase": (
        PageType.TEASER,
        {"tail_text": "already a subscriber?", "kept_words": 249},
        [{"tail_text": ""}, {"kept_words": 250}],
    ),
    "teaser by phrase and statement": (
        PageType.TEASER,
        {"tail_text": "already a subscriber?", "kept_words": 250, "is_paywalled": True},
        [{"is_paywalled": False}, {"tail_text": ""}],
    ),
    "teaser by statement": (
        PageType.TEASER,
        {"kept_words": 149, "is_paywalled": True},
        [{"kept_words": 150}, {"is_paywalled": False}],
    ),
}  # fmt: skip
"""By name the type, what differs from a plain page, and changes each of which makes it another type."""


def type_of(changes: Changes) -> PageType:
    """The type of a plain page with changes; `chance` is that of an article (0.95), the rest is that of `others`."""
    features = PLAIN | changes
    chance, others = features.pop("chance", 0.95), features.pop("others", "list")
    rest = dict.fromkeys(PAGE_KINDS[1:], (1 - chance) / 5) if others == "spread" else {others: 1 - chance}
    shares = np.array([chance if kind == "article" else rest.get(kind, 1e-9) for kind in PAGE_KINDS])
    return page_verdict(PageFeatures(**features), (np.log(shares), {})).page_type


def misses() -> Iterator[Any]:
    """Each clause that a page misses, as a case of its own."""
    for name, (kind, changes, wanting) in CASES.items():
        for miss in wanting:
            yield pytest.param(kind, changes | miss, id=f"{name}: {', '.join(miss)}")


def test_a_plain_page_with_text_is_an_article() -> None:
    assert type_of({}) is PageType.ARTICLE


@pytest.mark.parametrize("name", CASES)
def test_a_page_that_just_meets_each_clause_is_of_that_type(name: str) -> None:
    kind, changes, _ = CASES[name]
    assert type_of(changes) is kind


@pytest.mark.parametrize(("kind", "changes"), list(misses()))
def test_a_page_that_misses_one_clause_is_of_another_type(kind: PageType, changes: Changes) -> None:
    assert type_of(changes) is not kind
