"""language: what a page states, else what its text looks like."""

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Metadata, Page
from broadsheet.cleaners.page.language import primary_tag, sure_language, with_language_of_text
from broadsheet.cleaners.page.metadata_fields import read_metadata
from broadsheet.cleaners.page.parsed_page import parse
from tests.cleaners.building import holds_up_to

GERMAN = "Die Mühle am Fluss wurde am Montag verkauft, und niemand im Dorf fragte nach dem Preis. " * 3


def language(html: str, text: str = "") -> tuple[str, str]:
    metadata = read_metadata(parse(html), "https://paper.example/mill", "", text)
    return metadata.language, metadata.sources.get("language", "")


TAGS = {"de": ["de-AT", "de, en"], "en": ["en_US"], "pt": [" PT "], "gsw": ["gsw"], "iso": ["iso"]}  # iso is Isoko
TAGS[""] = ["", "und", "english", "utf-8", "UTF8", "iso-8859-1"]


@pytest.mark.parametrize(
    ("tag", "stated"), [(tag, stated) for tag, all_stated in TAGS.items() for stated in all_stated]
)
def test_the_primary_tag_of_what_is_stated(tag, stated):
    assert primary_tag(stated) == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (GERMAN, "de"),
        (GERMAN.upper(), "de"),
        (GERMAN.replace(" ", "\n"), "de"),
        ("\ud800" + GERMAN, "de"),
        ("\0".join(GERMAN), ""),
        ("O moinho à beira do rio foi vendido na segunda-feira, e ninguém na aldeia perguntou o preço. " * 2, "pt"),
        ("Мельницу у реки продали в понедельник, и никто в деревне не спросил, сколько она стоила. " * 2, "ru"),
        ("河边的磨坊在星期一被卖掉了，村里没有人问过它值多少钱。" * 6, "zh"),
        ("川沿いの水車小屋は月曜日に売られたが、村の誰もその値段を尋ねなかった。" * 4, "ja"),
        ("بيعت الطاحونة التي على النهر يوم الاثنين، ولم يسأل أحد في القرية عن ثمنها. " * 3, "ar"),
    ],
)
def test_a_guess_takes_any_text(text, tag):
    guessed, source = language("<p>x", text)
    assert source == "text"
    assert guessed == tag or not tag


ENGLISH = "The mill by the river was sold on Monday, and nobody in the village asked what it had cost. " * 3
UZBEK = ("uz", "text")
CROATIAN = "Vodenica na rijeci prodana je u ponedjeljak, a nitko u selu nije pitao koliko je stajala. " * 2
SWAHILI = "Jeshi la polisi mkoani limefanikiwa kukamata watu kumi na wanane kwa makosa mbalimbali. " * 2


@pytest.mark.parametrize(
    ("html", "text", "found"),
    [
        ('<html lang="en-US"><p>x', GERMAN, ("de", "text")),
        ('<html lang="en"><p>x', "河边的磨坊在星期一被卖掉了，村里没有人问过它值多少钱。" * 6, ("zh", "text")),
        ('<html><meta property="og:locale" content="en_GB"><p>x', GERMAN, ("de", "text")),
        ('<html lang="en"><p>x', ENGLISH, ("en", "markup")),
        ('<html lang="en"><p>x', GERMAN[:99], ("en", "markup")),
        ('<html lang="en"><p>x', GERMAN + ENGLISH, ("en", "markup")),
        ('<html lang="en"><p>x', SWAHILI.split(".")[0] * 2 + GERMAN[:60], ("", "")),
        ('<html lang="en"><p>x', "", ("en", "markup")),
        ('<html lang="nl"><p>x', GERMAN, ("nl", "markup")),
        ('<html lang="en"><p>x', "河边的磨坊", ("zh", "text")),
        ('<html lang="en"><p>x', "川沿いの水車", ("ja", "text")),
        (
            '<html lang="en"><p>x',
            "河边的磨坊在星期一被卖掉了，叫「みずの」，村里没有人问过它值多少钱。",
            ("zh", "text"),
        ),
        ('<html lang="en"><p>x', "Ο μύλος", ("el", "text")),
        ('<html lang="en"><p>x', "הטחנה", ("he", "text")),
        ('<html lang="en"><p>x', "Мельницу продали", ("", "")),
        ('<html lang="en"><p>x', "بيعت الطاحونة", ("", "")),
        ('<html lang="en"><meta name="language" content="ru"><p>x', "Мельницу продали", ("ru", "meta")),
        (
            '<html lang="en"><p>x',
            "Дарё бўйидаги тегирмон душанба куни сотилди, қишлоқда ҳеч ким нархини сўрамади.",
            UZBEK,
        ),
        ('<html lang="en"><p>x', "The mill («Мельница») was sold", ("en", "markup")),
        ('<html lang="en"><p>x', CROATIAN, ("", "")),
        ('<html lang="utf-8"><p>x', GERMAN, ("de", "text")),
        ('<html lang="utf-8"><meta name="language" content="nl"><p>x', GERMAN, ("nl", "meta")),
    ],
)
def test_english_that_a_text_surely_is_not_was_left_by_a_template(html, text, found):
    assert language(html, text) == found


@pytest.mark.parametrize(
    ("stated", "source", "text", "found"),
    [
        ("en", "markup", GERMAN, ("de", "text")),
        ("de", "text", ENGLISH, ("en", "text")),
        ("en", "markup", ENGLISH, ("en", "markup")),
        ("nl", "markup", GERMAN, ("nl", "markup")),
        ("en", "site-rule", GERMAN, ("en", "site-rule")),
        ("de", "text", GERMAN[:99], ("de", "text")),
        ("", "", GERMAN, ("", "")),
    ],
)
def test_the_text_of_the_article_decides_where_the_page_around_it_did(stated, source, text, found):
    sources = {"title": "meta"} | ({"language": source} if source else {})
    metadata = with_language_of_text(Metadata(title="The mill", language=stated, sources=sources), text)
    assert (metadata.language, metadata.sources.get("language", "")) == found
    assert (metadata.title, metadata.sources["title"]) == ("The mill", "meta")


def test_a_german_article_with_english_comments_is_german():
    comments = "".join(f'<div class="comment"><p>Ann {n} says:</p><p>{n}: {ENGLISH}</p></div>' for n in range(5))
    story = f"<article><h1>Die Mühle</h1><p>{GERMAN}</p><p>{GERMAN.replace('Montag', '3. Mai')}</p></article>"
    html = f'<html lang="en">{story}<div id="comments" class="comments-area"><h3>5 Comments</h3>{comments}</div>'
    metadata = clean(Page("https://paper.example/mill", html.encode())).metadata
    assert (metadata.language, metadata.sources["language"]) == ("de", "text")


def test_the_language_of_a_text_that_begins_with_three_thousand_characters_of_another():
    german = (GERMAN * 20)[:3000]
    assert sure_language(german + " the" * 3000) == "de"


NEAR = {
    "id": "Pemerintah kota akan membangun jembatan baru di atas sungai itu tahun depan. Warga desa menyambutnya.",
    "ms": "Kerajaan negeri akan membina jambatan baharu di atas sungai itu pada tahun hadapan. Penduduk gembira.",
    "no": "Kommunen skal bygge en ny bro over elven neste år, og innbyggerne i bygda gleder seg over denne planen.",
    "da": "Kommunen vil bygge en ny bro over åen næste år, og beboerne i landsbyen glæder sig over planen til broen.",
    "hr": "Grad će sljedeće godine graditi novi most preko rijeke. Stanovnici sela raduju se planu jer hodaju daleko.",
    "sr": "Grad će sledeće godine graditi novi most preko reke. Stanovnici sela raduju se planu jer hodaju daleko.",
}
ALIKE = ({"id", "ms"}, {"no", "nn", "da"}, {"hr", "sr", "bs", "sh"})


@pytest.mark.parametrize("written", NEAR)
def test_a_stated_english_gives_way_to_either_of_two_near_languages(written):
    found, source = language('<html lang="en"><p>x', f"{NEAR[written]} {NEAR[written]}")
    assert source == "text"
    assert any({written, found} <= alike for alike in ALIKE)


def test_code_says_nothing_of_the_language():
    code = (
        "the_mill = sold(on='Monday', to=of_the('village'), by=the('miller')) # the price of the mill is in the file\n"
    )
    prose = "".join(f"<p>{GERMAN} Teil {n}.</p>" for n in "abc")
    page = f"<html lang=en><h1>Mühle verkauft</h1><article>{prose}<pre>{code * 40}</pre>{prose}</article>"
    assert clean(Page("https://paper.example/mill", page.encode())).metadata.language == "de"


def _is_guessed(chars: int) -> bool:
    text = GERMAN[:98].ljust(chars, "n")
    assert language("<p>x</p>", text)[0] == sure_language(text)
    return sure_language(text) == "de"


def test_thresholds():
    assert holds_up_to(99, lambda n: not _is_guessed(n)), "characters of a text that is not guessed"
    assert holds_up_to(9, lambda n: sure_language(" ".join(["the"] * n + ["zzzzz"] * (50 - n))) != "en"), (
        "common words of a doubtful English"
    )
