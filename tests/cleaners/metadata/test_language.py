"""language: what a page states, else what its text looks like."""

import pytest

from cleaners.html.decode import parse
from cleaners.metadata.fields import read_metadata
from cleaners.metadata.language import primary_tag

GERMAN = "Die Mühle am Fluss wurde am Montag verkauft, und niemand im Dorf fragte nach dem Preis. " * 3


def language(html: str, text: str = "") -> tuple[str, str]:
    metadata = read_metadata(parse(html), "https://paper.example/mill", "", text)
    return metadata.language, metadata.sources.get("language", "")


@pytest.mark.parametrize(
    ("stated", "tag"),
    [
        ("de-AT", "de"),
        ("en_US", "en"),
        (" PT ", "pt"),
        ("de, en", "de"),
        ("gsw", "gsw"),
        ("iso", "iso"),  # of Isoko
        ("", ""),
        ("und", ""),
        ("english", ""),
        ("utf-8", ""),
        ("UTF8", ""),
        ("iso-8859-1", ""),
    ],
)
def test_the_primary_tag_of_what_is_stated(stated: str, tag: str) -> None:
    assert primary_tag(stated) == tag


def test_a_page_that_states_a_character_set_for_a_language_is_judged_by_its_text() -> None:
    assert language('<html lang="utf-8"><p>x', GERMAN) == ("de", "text")
    assert language('<html lang="utf-8"><meta name="language" content="nl"><p>x', GERMAN) == ("nl", "meta")


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
def test_a_guess_takes_any_text(text: str, tag: str) -> None:
    guessed, source = language("<p>x", text)
    assert source == "text"
    assert guessed == tag or not tag


def test_a_short_text_is_not_guessed() -> None:
    assert language("<p>x", GERMAN[:99]) == ("", "")
