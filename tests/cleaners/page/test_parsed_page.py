"""Bytes of every kind become text, declared, undeclared or declared wrongly, and one tree."""

import codecs
import time
from encodings import aliases

import pytest
from webencodings import lookup
from webencodings.labels import LABELS

from broadsheet.cleaners.page.encoding_detection import contradicts_text, detect_encoding, text_sample
from broadsheet.cleaners.page.parsed_page import decode, parse
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
def test_an_undeclared_encoding_is_found_wherever_the_sample_ends(sentence, encoding, padding, repeats):
    page = page_of(sentence, repeats, padding)
    decoded = decode(page.encode(encoding), "text/html")
    assert decoded.text == page


@pytest.mark.parametrize(("sentence", "encoding"), DISTINCT)
@pytest.mark.parametrize("label", ["iso-8859-1", "utf-8", "windows-1252"])
def test_a_wrong_declaration_is_not_believed(sentence, encoding, label):
    page = page_of(sentence, 10)
    decoded = decode(page.encode(encoding), f"text/html; charset={label}")
    assert decoded.text == page


@pytest.mark.parametrize(("sentence", "encoding"), CASES)
def test_a_right_declaration_is_believed(sentence, encoding):
    assert not contradicts_text(page_of(sentence, 10).encode(encoding), encoding)


def test_a_broken_character_in_the_sample_costs_no_more_than_itself():
    body = page_of(SENTENCES["zh"][0], 40).encode("gb18030")
    assert detect_encoding(body[:3800] + b"\xc7\x0a" + body[3800:]) == "gb18030"


@pytest.mark.parametrize("text", ["Gardens\x92 \x93Bay\x94 \x96 caf\xe9", "\xa9 2001", "\x80\x81\x82"])
def test_a_few_letters_tell_nothing(text):
    assert detect_encoding(text.encode("latin-1")) == "cp1252"


def test_the_sample_is_text_without_markup():
    assert text_sample("<p title='é'>né<b>e</b></p><script>'é'</script> plain".encode("cp1252")) == b"n\xe9"
    assert text_sample(b"") == b""


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "cp932"])
def test_an_encoding_of_several_bytes_is_not_contradicted(encoding):
    assert not contradicts_text(SENTENCES["ru"][0].encode("cp1251") * 3, encoding)


def test_the_sample_ends_after_four_kilobytes_and_begins_before_the_first_letter():
    body = b"a" * 1000 + b"<i>" + "ж".encode("cp1251") * 5000
    assert text_sample(body) == "ж".encode("cp1251") * 4096
    assert text_sample(b"x" * 300 + b"\xe6") == b"x" * 256 + b"\xe6"
    assert text_sample(b"abc", 2) == b"ab"


RUSSIAN = "президентподписалновыйзаконовыборахврегионахстраны"


def test_letters_that_tell_an_encoding():
    assert holds_up_to(4, lambda n: detect_encoding(b"<p>x " + "закон"[:n].encode("cp1251")) == "cp1252"), (
        "letters that tell an encoding"
    )
    assert holds_up_to(39, lambda n: not contradicts_text(RUSSIAN[:n].encode("cp1251"), "cp1252")), (
        "letters by which a declaration is wrong"
    )


def text_of(html: str) -> str:
    tree = parse(html)
    return "" if tree is None else str(tree.text_content())


@pytest.mark.parametrize("label", "windows-1251 koi8-r shift_jis gb18030 big5 euc-kr windows-1252".split())
@pytest.mark.parametrize("how", ["header", "meta", "http-equiv"])
def test_a_declared_encoding_is_believed(label, how):
    language = {"shift_jis": "ja", "gb18030": "zh", "big5": "zh-tw", "euc-kr": "ko", "windows-1252": "de"}
    words = SENTENCES[language.get(label, "ru")][0].replace("ё", "е")
    head = {
        "meta": f"<meta charset='{label}'>",
        "http-equiv": f'<meta http-equiv="Content-Type" content="text/html; charset={label}">',
    }.get(how, "")
    header = f"text/html; charset={label}" if how == "header" else "text/html"
    assert words in decode(f"<html><head>{head}</head><p>{words}</p>".encode(label), header).text


@pytest.mark.parametrize(
    "label", "punycode utf-7 hz hz-gb-2312 iso2022_kr idna unicode_escape rot13 base64 undefined no-such".split()
)
def test_an_encoding_that_html_does_not_know_is_none(label):
    text = "1 +ADw- 2, ~{<:Ky2; ~} \\u0041 a-b \x0e$)C"
    shown = text.replace("\x0e", "")
    assert decode(text.encode(), f"text/html; charset={label}").text == shown
    assert decode(f"<meta charset='{label}'>{text} é".encode()).text.endswith(f"{shown} é")


META = b"<meta charset=windows-1251>"


@pytest.mark.parametrize(
    ("body", "charset", "shown"),
    [
        (META + b"\xe9", "", "й"),
        (META + b"\xe9", "windows-1253", "ι"),
        (b"\xef\xbb\xbf" + META + b"\xc3\xa9", "koi8-r", "é"),
        (b"\x93a\x94", "iso-8859-1", "“a”"),
        (b"\x93a\x94", "us-ascii", "“a”"),
        ("<meta charset=utf-16>é".encode(), "", "é"),
        ("naïve café".encode(), "iso-8859-1", "naïve café"),
        ("é".encode() * 9 + b"\xc3", "utf-8", "é" * 9 + "\ufffd"),
        ("\ufeffaé".encode("utf-16-le"), "", "aé"),
        ("\ufeffaé".encode("utf-16-be"), "", "aé"),
        ("aé".encode("utf-16-le"), "utf-16le", "aé"),
        ("a\x00b\x08c\x85d\te\nf\x7f".encode(), "", "abcd\te\nf"),
        (b"a\x00b\xe9", "iso-8859-2", "abé"),
    ],
)
def test_a_mark_goes_before_a_header_and_that_before_a_meta_and_labels_mean_what_browsers_mean(body, charset, shown):
    text = decode(body, f"text/html; charset={charset}" if charset else "text/html").text
    assert text.removeprefix(META.decode()).removeprefix("<meta charset=utf-16>") == shown


def test_thresholds():
    assert holds_up_to(9, lambda n: decode(b"<p>" + "ж".encode() * n + b"\xff \xff</p>").encoding != "utf-8")
    assert holds_up_to(102, lambda n: not decode((b"\x01" * n).ljust(1024, b"x") + b"\x01" * 500).is_binary)
    assert holds_up_to(4071, lambda n: decode(b" " * (n - n % 2) + META + b"\xe4\xe0 x").encoding == "cp1251")


def test_of_all_codecs_of_python_a_page_may_declare_those_of_html():
    known = {lookup(name).codec_info.name for name in LABELS.values()} | {"utf-16", "big5hkscs", "gb18030"}
    names = {codecs.lookup(alias).name for alias in set(aliases.aliases.values()) - {"mbcs", "oem"}}
    read = {name: decode(b"1 +ADw- 2 ~{ 3", f"text/html; charset={name}") for name in names if "16" not in name}
    assert len(read) > 80
    assert {decoded.encoding for decoded in read.values()} <= known - {"replacement", "x-user-defined"}
    assert {name for name, decoded in read.items() if decoded.text != "1 +ADw- 2 ~{ 3"} == set()


@pytest.mark.slow
def test_thirty_megabytes_take_bounded_time():
    started = time.process_time()
    assert parse(decode(b"<p>hello <a href=x>link</a></p>" * 1_000_000).text) is not None
    assert time.process_time() - started < 5


@pytest.mark.parametrize("tag", ["div", "b", "p", "table><tr><td", "ul><li", "font color='>'"])
@pytest.mark.parametrize("depth", [250, 3000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_deep_nesting_loses_no_text(tag, depth):
    name = tag.split(">")[0].split(" ")[0]
    page = f"<body><p>before</p>{f'<{tag}>' * depth}deep{f'</{name}>' * depth}<p>after</p>"
    text = text_of(page)
    assert all(word in text for word in ("before", "deep", "after"))


def test_flattened_pages_keep_scripts_and_comments_out_of_the_text():
    inside = "<script>if (a<b) document.write('<div>x</div>')</script><!-- <p>no</p> -->deep"
    page = "<div>" * 400 + inside + "</div>" * 400
    tree = parse(page)
    assert tree is not None
    assert "".join(tree.xpath("//text()[not(parent::script)]")).strip() == "deep"


def test_nothing_is_none_binary_is_said_and_a_huge_page_is_cut():
    assert [parse(decode(text.encode()).text) for text in ("", "   \n", "<!-- only a comment -->", "\x00")] == [
        None
    ] * 4
    assert decode(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 20, "text/html").is_binary
    read = decode(b"<p>word</p>" * 100, "", max_characters=55)
    assert (read.text, read.cuts) == ("<p>word</p>" * 5, ("cut=characters:55",))
    assert decode(b"<p>word</p>" * 5, "", max_characters=55).cuts == ()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("plain text only", "plain text only"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><html xmlns="http://www.w3.org/1999/xhtml"><p>é</p></html>', "é"),
        ("<html><frameset><frame src=a><noframes>frames</noframes></frameset></html>", "frames"),
        ("<noscript><p>script off</p></noscript>", "script off"),
        ("<p>a<!-- b -->c<?php echo 1 ?>d", "acd"),
        ("<html><body><p>cut here <a hre", "cut here"),
        ("<p>lone \ud800 half", "lone ? half"),
        ('<?xml version="1.0"?><rss><channel><item><title>News</title></item></channel></rss>', "News"),
        ('<meta charset="windows-1251"><p>é', "é"),
    ],
)
def test_every_kind_of_page_parses(page, words):
    assert words in text_of(page)


@pytest.mark.parametrize("attribute", ["lang='es'", 'class="x" lang="es-MX"', "lang=ES dir=ltr"])
def test_the_page_s_language_tells_one_latin_page_from_another(attribute):
    words = "Lo conozco desde que era un niño pequeño, en el otoño de aquel año, y nunca me engañó en nada."
    assert decode(f"<html {attribute}><p>{words}".encode("cp1252")).text.endswith(words)


@pytest.mark.parametrize("end", ["</body></html>", "</html>", "</BODY >\n</HTML>"])
def test_a_page_goes_on_after_an_early_end(end):
    tree = parse(f"<html><body><nav>menu</nav>{end}<div><p>the story</p></div></body></html>")
    assert tree is not None
    assert [p.text for p in tree.iter("p")] == ["the story"]
    assert tree.find("body").text_content().replace("\n", "") == "menuthe story"


def test_a_page_without_body_tags_has_a_body_all_the_same():
    tree = parse("<title>Rain</title><script>x</script><article><h1>Rain comes</h1><p>It rains.</p></article>after")
    assert tree is not None
    assert [child.tag for child in tree] == ["head", "body"]
    assert [child.tag for child in tree.find("head")] == ["title", "script"]
    assert "".join(tree.find("body").itertext()) == "Rain comesIt rains.after"
