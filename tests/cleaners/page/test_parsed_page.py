"""decode: bytes of every kind become text and one tree."""

import codecs
import time
from encodings import aliases

import pytest
from webencodings import lookup
from webencodings.labels import LABELS

from broadsheet.cleaners.page.parsed_page import decode, parse
from tests.cleaners.building import holds_up_to

LETTERS = {
    "windows-1251": "Президент подписал новый закон о выборах в регионах страны. ",
    "koi8-r": "Президент подписал новый закон о выборах в регионах страны. ",
    "shift_jis": "新しい法律が国会で成立しました。首相は記者会見で述べた。",
    "gb2312": "国务院总理今天在北京发表讲话,强调经济发展。",
    "big5": "總統今天在台北發表談話,強調經濟發展。",
    "euc-kr": "대통령은 오늘 서울에서 새로운 법안에 서명했다.",
    "windows-1252": "Der Präsident hat das Gesetz über die Wahlen für März geändert. ",
}


def text_of(html: str) -> str:
    tree = parse(html)
    return "" if tree is None else str(tree.text_content())


@pytest.mark.parametrize(("label", "words"), LETTERS.items())
@pytest.mark.parametrize("how", ["header", "meta", "http-equiv", "undeclared", "wrong"])
def test_encoding_is_found(label: str, words: str, how: str) -> None:
    head = {
        "meta": f"<meta charset='{label}'>",
        "http-equiv": f'<meta http-equiv="Content-Type" content="text/html; charset={label}">',
    }.get(how, "")
    header = {"header": f"text/html; charset={label}", "wrong": "text/html; charset=utf-8"}.get(how, "text/html")
    page = f"<html><head>{head}</head><p>{words * 4}</p>".encode(label)
    read = decode(page, header)
    assert words in read.text


@pytest.mark.parametrize(
    "label", "punycode utf-7 hz hz-gb-2312 iso2022_kr idna unicode_escape rot13 base64 undefined no-such".split()
)
def test_an_encoding_that_html_does_not_know_is_none(label: str) -> None:
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
def test_a_mark_goes_before_a_header_and_that_before_a_meta_and_labels_mean_what_browsers_mean(
    body: bytes, charset: str, shown: str
) -> None:
    text = decode(body, f"text/html; charset={charset}" if charset else "text/html").text
    assert text.removeprefix(META.decode()).removeprefix("<meta charset=utf-16>") == shown


def test_thresholds() -> None:
    assert holds_up_to(9, lambda n: decode(b"<p>" + "ж".encode() * n + b"\xff \xff</p>").encoding != "utf-8")
    assert holds_up_to(102, lambda n: not decode((b"\x01" * n).ljust(1024, b"x") + b"\x01" * 500).is_binary)
    assert holds_up_to(4071, lambda n: decode(b" " * (n - n % 2) + META + b"\xe4\xe0 x").encoding == "cp1251")


def test_of_all_codecs_of_python_a_page_may_declare_those_of_html() -> None:
    known = {lookup(name).codec_info.name for name in LABELS.values()} | {"utf-16", "big5hkscs", "gb18030"}
    names = {codecs.lookup(alias).name for alias in set(aliases.aliases.values()) - {"mbcs", "oem"}}
    read = {name: decode(b"1 +ADw- 2 ~{ 3", f"text/html; charset={name}") for name in names if "16" not in name}
    assert len(read) > 80
    assert {decoded.encoding for decoded in read.values()} <= known - {"replacement", "x-user-defined"}
    assert {name for name, decoded in read.items() if decoded.text != "1 +ADw- 2 ~{ 3"} == set()


@pytest.mark.slow
def test_thirty_megabytes_take_bounded_time() -> None:
    started = time.process_time()
    assert parse(decode(b"<p>hello <a href=x>link</a></p>" * 1_000_000).text) is not None
    assert time.process_time() - started < 5


@pytest.mark.parametrize("tag", ["div", "b", "p", "table><tr><td", "ul><li", "font color='>'"])
@pytest.mark.parametrize("depth", [250, 3000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_deep_nesting_loses_no_text(tag: str, depth: int) -> None:
    name = tag.split(">")[0].split(" ")[0]
    page = f"<body><p>before</p>{f'<{tag}>' * depth}deep{f'</{name}>' * depth}<p>after</p>"
    text = text_of(page)
    assert all(word in text for word in ("before", "deep", "after"))


def test_flattened_pages_keep_scripts_and_comments_out_of_the_text() -> None:
    inside = "<script>if (a<b) document.write('<div>x</div>')</script><!-- <p>no</p> -->deep"
    page = "<div>" * 400 + inside + "</div>" * 400
    tree = parse(page)
    assert tree is not None
    assert "".join(tree.xpath("//text()[not(parent::script)]")).strip() == "deep"


def test_nothing_is_none_binary_is_said_and_a_huge_page_is_cut() -> None:
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
def test_every_kind_of_page_parses(page: str, words: str) -> None:
    assert words in text_of(page)


@pytest.mark.parametrize("attribute", ["lang='es'", 'class="x" lang="es-MX"', "lang=ES dir=ltr"])
def test_the_page_s_language_tells_one_latin_page_from_another(attribute: str) -> None:
    words = "Lo conozco desde que era un niño pequeño, en el otoño de aquel año, y nunca me engañó en nada."
    assert decode(f"<html {attribute}><p>{words}".encode("cp1252")).text.endswith(words)


@pytest.mark.parametrize("end", ["</body></html>", "</html>", "</BODY >\n</HTML>"])
def test_a_page_goes_on_after_an_early_end(end: str) -> None:
    tree = parse(f"<html><body><nav>menu</nav>{end}<div><p>the story</p></div></body></html>")
    assert tree is not None
    assert [p.text for p in tree.iter("p")] == ["the story"]
    assert tree.find("body").text_content().replace("\n", "") == "menuthe story"


def test_a_page_without_body_tags_has_a_body_all_the_same() -> None:
    tree = parse("<title>Rain</title><script>x</script><article><h1>Rain comes</h1><p>It rains.</p></article>after")
    assert tree is not None
    assert [child.tag for child in tree] == ["head", "body"]
    assert [child.tag for child in tree.find("head")] == ["title", "script"]
    assert "".join(tree.find("body").itertext()) == "Rain comesIt rains.after"
