"""detect_encoding: pages of many languages in the encodings of their time, undeclared or declared wrongly."""

import pytest

from broadsheet.cleaners.page.encoding_detection import contradicts_text, detect_encoding, text_sample
from broadsheet.cleaners.page.parsed_page import decode
from tests.cleaners.building import holds_up_to

SENTENCES = {
    "ru": (
        "Президент подписал новый закон о выборах в регионах. Объявление: ёлки, щуки, подъезд.",
        "cp1251 koi8_r cp866 iso8859_5",
    ),
    "uk": ("Президент підписав новий закон про вибори в регіонах країни. Їжа є.", "cp1251 koi8_u"),
    "el": ("Ο πρόεδρος υπέγραψε χθες τον νέο νόμο για τις εκλογές στις περιφέρειες.", "cp1253 iso8859_7"),
    "he": ("הנשיא חתם אתמול על חוק הבחירות החדש במחוזות המדינה.", "cp1255"),
    "ar": ("وقع الرئيس أمس القانون الجديد للانتخابات في مناطق البلاد.", "cp1256"),
    "th": ("ประธานาธิบดีลงนามในกฎหมายเลือกตั้งฉบับใหม่เมื่อวานนี้", "cp874"),
    "pl": ("Prezydent podpisał wczoraj ustawę, która zmieni życie. Źródło: żółć, świat.", "cp1250 iso8859_2"),
    "cs": ("Prezident podepsal zákon. Příliš žluťoučký kůň úpěl ďábelské ódy.", "cp1250 iso8859_2"),
    "hu": ("Az elnök aláírta az új választási törvényt. Őrült tűző hőség.", "cp1250 iso8859_2"),
    "tr": ("Cumhurbaşkanı yeni seçim yasasını imzaladı. İstanbul'da yağış, ışık.", "cp1254"),
    "lt": ("Prezidentas pasirašė įstatymą, kuris pakeis žmonių gyvenimą. Ąžuolas, ėjo ūkininkas.", "cp1257"),
    "de": ("Der Präsident hat das Gesetz über die Wahlen für März geändert. Straße.", "cp1252"),
    "ja": (
        "新しい法律が国会で成立しました。首相は記者会見で、国民の理解を求めたいと述べた。カタカナも",
        "cp932 euc_jp",
    ),
    "zh": ("国务院总理今天在北京发表讲话，强调经济发展的重要性，并指出改革开放", "gb18030"),
    "zh-tw": ("總統今天在台北發表談話，強調經濟發展的重要性，並指出改革開放", "big5 gb18030"),
    "ko": ("대통령은 오늘 서울에서 새로운 법안에 서명했다. 국회는 이 법을 지난주에 통과시켰다.", "cp949"),
}
CASES = [(sentence, encoding) for sentence, encodings in SENTENCES.values() for encoding in encodings.split()]
CUT_CHARACTERS = ("cp932", "euc_jp", "gb18030", "big5", "cp949")  # in which the sample's end may cut one in two
PLACES = [
    pytest.param(*case, padding, marks=() if padding == 0 or case[1] in CUT_CHARACTERS else pytest.mark.slow)
    for case in CASES
    for padding in range(4)
]
DISTINCT = [case for case in CASES if case[1] not in ("cp1252", "cp1250", "iso8859_2", "cp1254", "cp1257")]


def page_of(sentence: str, repeats: int, padding: int = 0) -> str:
    """A page whose paragraphs are longer than the sample, at any place in it."""
    return f"<html><body><div>{'x' * padding}</div>" + f"<p>{sentence * repeats}</p><a href='/a/b.html'>a</a>" * 4


@pytest.mark.parametrize(("sentence", "encoding", "padding"), PLACES)
@pytest.mark.parametrize("repeats", [1, 30, pytest.param(120, marks=pytest.mark.slow)])
def test_an_undeclared_encoding_is_found_wherever_the_sample_ends(
    sentence: str, encoding: str, padding: int, repeats: int
) -> None:
    page = page_of(sentence, repeats, padding)
    decoded = decode(page.encode(encoding), "text/html")
    assert decoded.text == page


@pytest.mark.parametrize(("sentence", "encoding"), DISTINCT)
@pytest.mark.parametrize("label", ["iso-8859-1", "utf-8", "windows-1252"])
def test_a_wrong_declaration_is_not_believed(sentence: str, encoding: str, label: str) -> None:
    page = page_of(sentence, 10)
    decoded = decode(page.encode(encoding), f"text/html; charset={label}")
    assert decoded.text == page


@pytest.mark.parametrize(("sentence", "encoding"), CASES)
def test_a_right_declaration_is_believed(sentence: str, encoding: str) -> None:
    assert not contradicts_text(page_of(sentence, 10).encode(encoding), encoding)


def test_a_broken_character_in_the_sample_costs_no_more_than_itself() -> None:
    body = page_of(SENTENCES["zh"][0], 40).encode("gb18030")
    assert detect_encoding(body[:3800] + b"\xc7\x0a" + body[3800:]) == "gb18030"


@pytest.mark.parametrize("text", ["Gardens\x92 \x93Bay\x94 \x96 caf\xe9", "\xa9 2001", "\x80\x81\x82"])
def test_a_few_letters_tell_nothing(text: str) -> None:
    assert detect_encoding(text.encode("latin-1")) == "cp1252"


def test_the_sample_is_text_without_markup() -> None:
    assert text_sample("<p title='é'>né<b>e</b></p><script>'é'</script> plain".encode("cp1252")) == b"n\xe9"
    assert text_sample(b"") == b""


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "cp932"])
def test_an_encoding_of_several_bytes_is_not_contradicted(encoding: str) -> None:
    assert not contradicts_text(SENTENCES["ru"][0].encode("cp1251") * 3, encoding)


def test_the_sample_ends_after_four_kilobytes_and_begins_before_the_first_letter() -> None:
    body = b"a" * 1000 + b"<i>" + "ж".encode("cp1251") * 5000
    assert text_sample(body) == "ж".encode("cp1251") * 4096
    assert text_sample(b"x" * 300 + b"\xe6") == b"x" * 256 + b"\xe6"
    assert text_sample(b"abc", 2) == b"ab"


RUSSIAN = "президентподписалновыйзаконовыборахврегионахстраны"


def test_thresholds() -> None:
    assert holds_up_to(4, lambda n: detect_encoding(b"<p>x " + "закон"[:n].encode("cp1251")) == "cp1252"), (
        "letters that tell an encoding"
    )
    assert holds_up_to(39, lambda n: not contradicts_text(RUSSIAN[:n].encode("cp1251"), "cp1252")), (
        "letters by which a declaration is wrong"
    )
