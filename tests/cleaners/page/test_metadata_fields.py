"""Every field of a page's metadata, from every place it may stand in: titles, authors, tags and keywords."""

import json

import lxml.html
import pytest

from broadsheet.cleaners.document import AUTHORS, BYLINE, Metadata
from broadsheet.cleaners.page.authors import clean_names, is_name, is_personal
from broadsheet.cleaners.page.metadata_fields import (
    _distinct_tags,
    metadata_context,
    read_fields,
    read_metadata,
    read_statements,
)
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.titles import TitleCandidate, choose_title, title_parts
from tests.cleaners.building import holds_up_to

URL = "https://paper.example/news/rain-comes"


def read(html: str, url: str = URL, **options: str) -> Metadata:
    tree = parse(html)
    assert tree is not None
    return read_metadata(tree, url, **options)


@pytest.mark.parametrize(
    ("head", "keywords", "source"),
    [
        ('<meta name="keywords" content="rain, Valley; rain">', ("rain", "Valley"), "meta"),
        ('<meta name="news_keywords" content="flood"><meta name="keywords" content="rain">', ("flood",), "meta"),
        ('<meta name="keywords" content=" , ;"><meta name="news_keywords" content="flood">', ("flood",), "meta"),
        (
            '<meta name="keywords" content="rain"><script type="application/ld+json">'
            '{"@type": "NewsArticle", "headline": "Rain", '
            '"keywords": ["dam", {"@type": "DefinedTerm", "name": "mill"}]}'
            "</script>",
            ("dam", "mill"),
            "json-ld",
        ),
        ('<meta property="article:tag" content="rain"><meta name="parsely-tags" content="dam">', (), None),
        ("", (), None),
    ],
)
def test_keywords_are_what_the_page_states_as_keywords(head, keywords, source):
    metadata = read(f"<html><head><title>Rain</title>{head}</head><body><p>Text <a rel=tag href=/t>Tag</a>")
    assert metadata.keywords == keywords
    assert metadata.sources.get("keywords") == source


@pytest.mark.parametrize(
    ("lines", "credit"),
    [
        ("<p>By the New York Times</p><p>May 3, 2024</p>", "the New York Times"),
        ("<p>3 May 2024 | By The Associated Press</p>", "The Associated Press"),
        ("<p><time datetime=2024-05-03>yesterday</time></p><p>By Harbour News Agency</p>", "Harbour News Agency"),
        ("<p>Von AFP</p><p>3. Mai 2024</p>", "AFP"),
        ("<p>By the New York Times</p>", ""),
        ("<p>By the New York Times</p><p>It rains.</p><p>It rained.</p><p>May 3, 2024</p>", ""),
        ("<p>By Ann Lee</p><p>May 3, 2024</p>", ""),
        ("<p>By Ann Lee and the New York Times</p><p>May 3, 2024</p>", ""),
        ("<p>By Zoé</p><p>May 3, 2024</p>", ""),
        ("<p>By quillpen in Harbour News</p><p>May 3, 2024</p>", ""),
        ("<p>By Maria de la Cruz</p><p>May 3, 2024</p>", ""),
        ("<p>By the editorial team</p><p>May 3, 2024</p>", ""),
        ("<p>By the river the Times are hard</p><p>May 3, 2024</p>", ""),
        ("<aside><p>By the New York Times</p><p>May 3, 2024</p></aside>", ""),
    ],
)
def test_an_organisation_that_is_named_beside_the_day_is_credited(lines, credit):
    page = f"<html lang=en><article><h1>Rain comes</h1>{lines}<p>It rains.</p></article>"
    assert read_metadata(parse(page), URL).credit == credit


@pytest.mark.parametrize(
    ("byline", "line", "authors"),
    [
        ("<p class=byline>By Ann Lee, Senior Editor</p>", "By Ann Lee, Senior Editor", ["Ann Lee"]),
        ("<p class=author>This is a guest post by Ann Lee</p>", "This is a guest post by Ann Lee", ["Ann Lee"]),
        ("<p class=author>Redaktion</p>", "Redaktion", None),
        ("<p>By Ann Lee</p>", "By Ann Lee", ["Ann Lee"]),
        ("<p>It rains.</p>", None, None),
    ],
)
def test_a_byline_is_stated_as_it_is_printed(byline, line, authors):
    context = metadata_context(parse(f"<h1>Rain comes</h1>{byline}<p>It rains.</p>"), URL)
    statements = {said.field: said.value for said in read_statements(context, read_fields(context))}
    assert statements.get(BYLINE) == line
    assert json.loads(statements.get(AUTHORS, "null")) == authors


def test_tags_in_a_stated_title_are_left_out():
    node = {"@type": "NewsArticle", "headline": "Rain <em>comes</em> &lt;b&gt;now&lt;/b&gt;"}
    page = f"<script type='application/ld+json'>{json.dumps(node)}</script><p>text"
    assert read(page).title == "Rain comes now"
    assert read("<title>1 &lt; 2 and 3</title><p>text").title == "1 < 2 and 3"
    assert read("<title>30 years of &lt;br&gt;</title><h1>30 years of &lt;br&gt;</h1>").title == "30 years of <br>"


def signed(name: str, by: str = "") -> str:
    """A page of a site with a name, which its meta states as the author too, and a byline."""
    head = f"<meta property=og:site_name content='{name}'><meta name=author content='{name}'>"
    return f"{head}<body><h1>Rain comes</h1>{by}<p>It rains.</p>"


def page_by(byline: str, below: str = "<aside><a rel=author>Cy Roe</a></aside>") -> str:
    return f"<article><h1>Rain comes</h1>{byline}<p>It rains.</p></article>{below}"


ORGANISATION = """<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Rain comes",
    "author": {"@type": "Organization", "name": "The Valley Paper"}, "publisher": {"name": "The Valley Paper"}}
    </script>"""
ADMIN = ORGANISATION.replace('"Organization", "name": "The Valley Paper"', '"Person", "name": "admin"')
OTHERS = """<div class="related"><span class="author">Cy Roe</span></div>
    <ol class="comments"><li><span class="author">Di Fox</span></ol>"""
BY_BO = "<p class=byline>By Bo Chen</p>"


@pytest.mark.parametrize(
    ("html", "authors"),
    [
        (page_by('<span itemprop="author" itemscope><span itemprop="name">Ann Lee</span></span>'), "Ann Lee"),
        (page_by('<a rel="author" href="/x">Ann Lee</a>'), "Ann Lee"),
        (page_by('<p class="byline">By Ann Lee, Senior Editor</p>'), "Ann Lee"),
        (page_by('<div class="post-author"><span>By</span><div>Ann Lee</div></div>'), "Ann Lee"),
        (page_by('<span>by <a href="/authors/ann-lee">Ann Lee</a></span>'), "Ann Lee"),
        (page_by("<div><p>Written by</p><p>Ann Lee</p></div>"), "Ann Lee"),
        (page_by("<div><span>By Ann Lee</span><span> | </span><span>3 May 2024</span></div>"), "Ann Lee"),
        (page_by("", OTHERS), ""),
        (page_by("<p>By the river it rains.</p><p>By noon, all was wet.</p>"), ""),
        (signed("Human in the Loop", BY_BO), "Bo Chen"),
        (signed("Ann Lee", BY_BO), "Bo Chen"),
        (signed("Ann Lee", "<p class=author>Use of the river</p>"), "Ann Lee"),
        (signed("Ann Lee"), "Ann Lee"),
        (page_by(ORGANISATION), "The Valley Paper"),
        (page_by(f"{ORGANISATION}<p>By Ann Lee</p>"), "Ann Lee"),
        (page_by(ADMIN), ""),
        *((f'<meta name=author content="{name}">', name) for name in ("Redaktion", "Editors", "Redacción")),
        (f"<meta name=author content=Redaktion><h1>Rain</h1>{BY_BO}", "Bo Chen"),
        ("<meta name=author content=admin>", ""),
    ],
)
def test_authors_are_who_signs_or_is_stated(html, authors):
    assert ", ".join(read(html).authors) == authors


def test_canonical_that_is_only_the_home_page_is_not_believed():
    assert read("<link rel=canonical href='https://paper.example/'><p>x").canonical_url == ""
    assert read(
        "<link rel=canonical href='javascript:x'><meta property=og:url content='/a'><p>x"
    ).canonical_url.endswith("/a")


def test_the_tree_is_not_changed():
    tree = parse(
        '<h1>Rain <br>comes</h1><script type="application/ld+json">{"@type":"Report"}</script><p class=byline>By A Bo'
    )
    assert tree is not None
    before = lxml.html.tostring(tree)
    read_metadata(tree, URL)
    assert lxml.html.tostring(tree) == before


@pytest.mark.parametrize("url", ["", "not a url", "https://[broken/", "https://paper.example:99999/"])
@pytest.mark.parametrize(
    "html",
    [
        "plain text",
        "<html><frameset><frame src=a></frameset></html>",
        '<script type=\'application/ld+json\'>{"@type":[1,{}],"author":{"@id":[]},"keywords":{"a":1}}</script><p>x',
        '<script type=\'application/ld+json\'>{"@type":"Article","datePublished":{},"author":[1]}</script>',
        "<meta property=og:image content='http://[x'><link rel=canonical href='http://[x'><h1></h1><time datetime=''>",
        "<div>" * 1000 + "<h1>deep</h1><p>By Ann Lee",
    ],
)
def test_anything_can_be_read(html, url):
    assert isinstance(read(html, url), Metadata)


def test_tags_of_other_articles_cards_are_not_the_articles():
    own = "<p><a rel=tag href=/t/rain>Rain</a></p>"
    card = "<div><h3><a href=/mill>Mill burns down</a></h3><p>Read it. <a rel=tag href=/t/fire>Fire</a></p></div>"
    related = "<div class=related><a href=/dam>How the dam held</a> <a rel=tag href=/t/dam>Dam</a></div>"
    text = "<p>It rains in the valley, and the river rises.</p>" * 30
    page = f"<main><article><h1>Rain comes</h1>{text}{own}</article>{card}{related}</main>"
    assert read(page).tags == ("Rain",)
    assert read(page.replace(own, "")).tags == ()
    named = "<h2><a href=/by/ann>Ann Lee</a></h2>"
    reply = "<h3>You must <a href=/login>log in</a> to answer</h3>"
    others = "".join(f"<h3><a href=/{n}>How the dam of {n} held</a></h3>" for n in ("Aby", "Bexley", "Cray"))
    for below in (named, reply, others):
        assert read(f"<div><h1>Rain comes</h1>{text}</div><footer>{own}{below}</footer>").tags == ("Rain",), below
    assert read(f"<article><h1>Rain comes</h1>{text}<h2><a href=/x>Of dams</a></h2>{text}{own}</article>").tags == (
        "Rain",
    )


def test_other_titles_are_stated_beside_the_chosen_one():
    head = "<title>Rain comes | The Paper</title><meta property=og:title content='The Paper of the Valley'>"
    html = f"{head}<meta property=og:site_name content='The Paper'><h2>Rain comes</h2>"
    context = metadata_context(parse(html), URL)
    found = read_statements(context, Metadata(title="The Paper of the Valley"))
    assert [(each.field, each.source, each.value) for each in found] == [("title", "meta", "Rain comes")]
    assert read_statements(context, Metadata(title="Rain comes")) == ()


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a,b;c،d、e", ("a", "b", "c", "d", "e")),
        (' #Harbour , "Ferry\'s" ', ("Harbour", "Ferry's")),
        ("Harbour,harbour, HARBOUR", ("Harbour",)),
        (",,", ()),
        ("https://a.test/tag, b", ("b",)),
        (f"{'x' * 80}, {'y' * 81}", ("x" * 80,)),
        (", ".join(f"tag {n}" for n in range(51)), tuple(f"tag {n}" for n in range(50))),
    ],
)
def test_a_list_of_tags(text, tags):
    assert _distinct_tags([text]) == tags


def choose(*pairs: tuple[str, str, float], sites: tuple[str, ...] = ("The Paper",)) -> tuple[str, str]:
    return choose_title([TitleCandidate(*pair) for pair in pairs], sites)


def test_a_beginning_that_the_heading_has_stays():
    statements = [("Rust: a new release", "markup", 1.5), ("Rust: a new release", "meta", 1.0)]
    assert choose(*statements, sites=("rust",)) == ("Rust: a new release", "markup")
    page_title = ("Rust | Rust: a new release - Rust", "meta", 0.6)
    assert choose(*statements, page_title, sites=("rust",))[0] == "Rust: a new release"
    assert choose(("A new release", "markup", 1.5), ("Rust: A new release", "meta", 1.0), sites=("rust",))[0] == (
        "A new release"
    )


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("Rain comes", {}),
        ("Rain | News - The Paper", {"beginning": "Rain | ", "end": " - The Paper"}),
        ("The Paper: rain: again", {"beginning": "The Paper: ", "end": ": again"}),
        ("Rain :: again", {"beginning": "Rain :: ", "end": " :: again"}),
        ("Rain|again", {"beginning": "Rain|", "end": "|again"}),
    ],
)
def test_the_parts_of_a_title(title, parts):
    assert title_parts(title) == parts


@pytest.mark.parametrize(
    ("pairs", "chosen"),
    [
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.0)], ("Rain", "meta")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.1)], ("Snow", "json-ld")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("Rain today", "x", 0.8)], ("Snow", "json-ld")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("Rain today", "x", 0.9)], ("Rain", "meta")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("More Rain", "x", 0.9)], ("Rain", "meta")),
        ([("Rain", "meta", 1.0), ("Snow", "json-ld", 1.5), ("Rainy day", "x", 0.9)], ("Snow", "json-ld")),
        ([("Best rain ever 2024", "meta", 1.0), ("Rain comes", "json-ld", 1.3), ("Rain comes", "markup", 1.5)],
         ("Rain comes", "markup")),
        ([("Webcams", "markup", 1.5), ("Rain comes", "meta", 1.0), ("Rain comes | The Paper", "meta", 0.6)],
         ("Rain comes", "meta")),
        ([('Say "A" or B?', "x", 1.0), ("Say", "meta", 1.0), ('Say "A" or B?', "markup", 0.5)], ('Say "A" or B?', "x")),
        ([("Rain – Home - The Paper", "meta", 1.0)], ("Rain – Home", "meta")),
        ([("Rain - and wind", "markup", 1.5)], ("Rain - and wind", "markup")),
        ([("«Rain» | The Paper", "meta", 1.0)], ("«Rain»", "meta")),
        ([("x" * 400, "meta", 1.0)], ("x" * 400, "meta")),
        ([("x" * 401, "meta", 1.0)], ("", "")),
        ([], ("", "")),
        ([("The Paper", "meta", 1.0)], ("", "")),
        ([("thepaper | Rain", "meta", 1.0)], ("Rain", "meta")),
        ([("The Paper | Rain | The Paper", "meta", 1.0)], ("Rain", "meta")),
        ([("The Paper | Rain", "markup", 1.0)], ("The Paper | Rain", "markup")),
    ],
)  # fmt: skip
def test_the_title_that_the_weights_choose(pairs, chosen):
    assert choose(*pairs) == chosen


ANN = "Ann Lee"
BYLINES: dict[tuple[str, ...], list[str]] = {
    (ANN,): [
        *("Written by: Ann Lee", "Ann Lee, Senior Editor", "Ann Lee | Chief Reporter", "Ann Lee, Berlin Editor."),
        *("Ann Lee, valley", "Ann Lee (Berlin)", "ann@paper.example Ann Lee", "By Ann Lee on May 3, 2024"),
        *("Ann Lee, Updated by Bo Chen", "Ann Lee; Valley Editorial Team"),
        *(
            "By Ann Lee, Project Manager, Digital Content and Communications",
            "By Ann Lee, Program Manager, Mill Network",
        ),
        "This is a guest post by Ann Lee, who bakes bread for a living.",
    ],
    (ANN, "Bo Chen", "Cy Roe"): ["By Ann Lee, Bo Chen and Cy Roe"],
    (ANN, "Bo Chen"): [
        "Ann Lee, reporter, Bo Chen, editor",
        "Ann Lee, editor, and Bo Chen",
        "Ann Lee, editor and Bo Chen",
    ],
    ("Anna Groß", "Bernd Klein"): [
        "Von Anna Groß und Bernd Klein",
        "Dies ist ein Gastbeitrag von Anna Groß und Bernd Klein",
    ],
    ("Anne Petit", "Luc Blanc"): ["Par Anne Petit et Luc Blanc"],
    ("Anne Petit",): ["Cet article a été écrit par Anne Petit"],
    ("Ana Ruiz", "Luis Vega"): ["Por Ana Ruiz y Luis Vega"],
    ("Ana Ruiz",): ["Este es un artículo invitado por Ana Ruiz"],
    ("Anna Rossi", "Luca Bianchi"): ["di Anna Rossi e Luca Bianchi"],
    ("Anna Smit", "Jan Bakker"): ["Door Anna Smit en Jan Bakker"],
    ("Анна Иванова", "Пётр Белов"): ["Автор: Анна Иванова и Пётр Белов"],
    ("Cy Roe",): ["Cy Roe, Jr. "],
    ("Bo Chen",): ["“Bo Chen”:"],
    ("Martin Luther King",): ["Martin Luther King, Jr."],
    ("BeauHD",): ["BeauHD on Friday"],
    ("Maria", "Katerina"): ["Maria &amp; Katerina"],
    (ANN, "Bo van Chen"): ["This is a guest post from Ann Lee and Bo van Chen."],
    **{(name,): [name] for name in ("Valley Editorial Team", "Ludwig van Beethoven", "Anders And", "張偉")},
    (): [
        *("We publish what our readers send us every week", "admin", "Redaktion", "https://paper.example/ann", ""),
        *("page.head.author", "user42", "#author", "{{ author.name }}", "%author%", "<author>"),
    ],
}


@pytest.mark.parametrize(
    ("names", "byline"), [(names, byline) for names, all_of in BYLINES.items() for byline in all_of]
)
def test_bylines(names, byline):
    assert clean_names([byline]) == names


def test_one_person_spelled_twice_is_one():
    assert clean_names(["Ann Lee", "ANN LEE", "ann-lee"]) == ("Ann Lee",)
    assert clean_names(["By", "Ann Lee"]) == ("Ann Lee",)


def test_the_site_is_no_author_but_a_person_with_a_site_is():
    assert clean_names(["The Paper", "Ann Lee"], ["The Paper"]) == ("Ann Lee",)
    assert clean_names(["Ann Lee"], ["Ann Lee", "annlee"]) == ("Ann Lee",)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Ana", False), ("Ana Sol", True), ("Ana Lu Mai Sol", True), ("Ana Lu Mai Sol Rey", False), ("ana Sol", False),
        ("Ana SOL", False), ("Example News", False), ("admin", False),
    ],
)  # fmt: skip
def test_words_of_a_person_s_name(name, is_one):
    assert is_personal(name) is is_one


def test_characters_and_words_of_a_name():
    assert holds_up_to(1, lambda n: not is_name("Sol"[:n])), "least characters of a name"
    assert holds_up_to(60, lambda n: is_name("Ana Sol".ljust(n, "x"))), "characters of a name"
    assert holds_up_to(7, lambda n: is_name(" ".join(["Sol"] * n))), "words of a name"
    assert holds_up_to(30, lambda n: len(clean_names([f"Ana {chr(192 + k)}berg" for k in range(n)])) == n), (
        "authors of an article"
    )
