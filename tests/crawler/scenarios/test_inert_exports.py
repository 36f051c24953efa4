"""Text that acts in some format, in every field of every format: it comes out inert, and where the format can, exact.

The archive is one that a stranger may have sent: every text column of an article holds the payload, whatever a cleaner
would have made of it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import html5lib
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from sqlite_utils import Database

from broadsheet.crawler.cli import run
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.metadata_columns import METADATA_FIELDS
from broadsheet.output.archive.stored_text import as_json, inert_text, storable_text
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.read.article_files import export_markdown, export_reader_pages
from broadsheet.output.read.article_rows import (
    article_dictionary,
    csv_cell,
    csv_dictionary,
    export_csv,
    export_jsonl,
    iter_articles,
    json_dictionary,
)
from broadsheet.output.read.inert_markup import xml_text
from broadsheet.output.read.tei import export_tei
from broadsheet.output.read.wacz import export_wacz
from broadsheet.output.read.web_feeds import FeedScope, atom_document, json_feed_document, read_feed
from tests.internal_tables import BLOCK_TEXTS
from tests.output.conftest import Maker
from tests.output.wires import archive_with_warcs, make_exchange

TEI_ELEMENTS = set(
    "TEI ab abstract author availability bibl body cell code date div encodingDesc fileDesc head hi idno item keywords"
    " langUsage language lb licence list milestone note p profileDesc projectDesc publicationStmt publisher quote ref"
    " row sourceDesc table teiHeader term text textClass title titleStmt".split()
)
FORMULAS = [
    *("=1+1", "+1", "-1", "@x", "\t=1", " =1", "\xa0=1", "\u3000@x", "＝1", "＋1", "－1", "＠x", "x\n=1"),
    *("\u200b=1+1", "\u061c=1+1", "\u200e\u200f=1", "\ufeff=1", "\xad=1", "\u2060=1", "\u034f=1", "\u3164=1"),
    *(
        "\ufe0f=1",
        "\ufe661",
        "\ufe621",
        "\ufe631",
        "\ufe6bx",
        "\u22121",
        "\u207a1",
        "\u200b \u061c\t=1",
        "\U000e0041=1",
    ),
]
MARKUP = [
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "x <!-- y", "&lt;script&gt;", "]]></x><y>"),
    *("[x](javascript:alert(1))", "[x](JavaScript:alert%281%29)", "[x](java&#115;cript:x)", "[x]( data:text/html,x)"),
    *("![x](http://a.test/y.png)", "![x][y]\n\n[y]: http://a.test/y.png", "<javascript:alert(1)>"),
    *("[y]: javascript:x\n\n[y]", "`a` <img src=x> `b`", "`a\n<script>x`", "~~~~\n```\n~~~~\n<script>x</script>"),
    *("```\n<script>", "\\<b>", "\\\\<b>", "\\\\[x](javascript:y)", "[x](<javascript:y>)", "[x](\\javascript:y)"),
    *("x\\", "# x #", "x\n===", "---", "---\n<script>x</script>", "a\u2028---\u2028b: c\u2028<script>", 'x"\n---\n<b>'),
    *("a: b", "- x", "> x", "| a | b |\n| --- | --- |\n| <b> | c |", "{{7*7}}", "%s %(x)s", "$(x)", "'=1"),
]
ACTING = [
    *("Evil \x1b[2J", "\x9b31m", "\x07", "a\u202eb", "\u2066a", "\x7f", "\x85", "\rb", "\x00", "\ufffe\uffff"),
    *("\ud800", "a\u2029b", "x" * 300 + "\x1b]0;y\x07"),
]
PAYLOADS = [*FORMULAS, *MARKUP, *ACTING]
_ACTIVE_RANGES = (range(9), range(11, 32), range(127, 160), range(0x202A, 0x202F), range(0x2066, 0x206A))
ACTIVE = frozenset(chr(code) for codes in _ACTIVE_RANGES for code in codes)
JSON_COLUMNS = ("authors", "tags", "keywords")
EMPTY_WHERE_NULL = {"published", "modified", "metadata_sources"}
NOT_TEXT = {"published", "modified", "first_seen", "last_seen", "metadata_sources"}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of one article with a raw response, and a column of a user's whose name acts."""
    file = tmp_path_factory.mktemp("base") / "a.db"
    with archive_with_warcs(file) as archive:
        outcome = Maker().outcome("http://a.test/1", "one two three", removed=("four",))
        archive.save([replace(outcome, capture=replace(outcome.capture, raw=make_exchange(b"<p>one two three")))])
        archive.db.execute("ALTER TABLE articles ADD COLUMN [=1+1 <b>] TEXT")
    return file


@pytest.fixture(scope="module")
def db(base: Path) -> Iterator[Database]:
    opened = open_database(base)
    yield opened
    opened.close()


def payloads_in(db: Database) -> Iterator[str]:
    """Each payload, as an archive can hold it, while it stands in every field; what fails is noted with its payload."""
    for number, payload in enumerate(map(storable_text, PAYLOADS)):
        db.conn.execute("BEGIN")
        try:
            fill(db, payload)
            yield payload
        except BaseException as error:
            error.add_note(f"payload {number}: {payload!a}")
            raise
        finally:
            db.conn.rollback()


def fill(db: Database, payload: str) -> None:
    names = {row[1]: row[2] for row in db.execute("PRAGMA table_info(articles)")}
    for name, column_type in names.items():
        if column_type == "TEXT" and name not in NOT_TEXT:
            value = as_json([payload, payload]) if name in JSON_COLUMNS else payload
            db.execute(f"UPDATE articles SET [{name}] = ?", [value])
    db.execute("UPDATE articles SET metadata_sources = ?", [as_json({"title": payload})])
    db.execute("UPDATE pages SET title = ?", [payload])
    db.execute("UPDATE captures SET content_type = ?", [payload])


def assert_not_acting(text: str) -> None:
    assert not set(text) & ACTIVE, [hex(ord(char)) for char in set(text) & ACTIVE]


def test_json_lines(db):
    for _ in payloads_in(db):
        stream = io.StringIO()
        export_jsonl(db, stream)
        assert stream.getvalue().count("\n") == 1
        assert_not_acting(stream.getvalue())
        values = json.loads(stream.getvalue())
        [article] = iter_articles(db)
        assert {name: value for name, value in values.items() if name not in EMPTY_WHERE_NULL} == {
            name: value for name, value in article.items() if name not in EMPTY_WHERE_NULL
        }
        assert values["metadata_sources"] == dict.fromkeys(METADATA_FIELDS, "") | article["metadata_sources"]


# --- CSV -----------------------------------------------------------------------------------------------------------
def begins_formula(cell: str) -> bool:
    """Whether a spreadsheet could take a cell for a formula: by its first character that takes up room."""
    for char in cell:
        if unicodedata.category(char) not in ("Cf", "Cc", "Zs", "Zl", "Zp", "Mn") and char not in "\u3164\u115f\uffa0":
            return unicodedata.normalize("NFKC", char)[0] in "=+-@\u2212"
    return False


def assert_inert_table(text: str) -> dict[str, str]:
    """The cells of the one row, none of them a formula, nor an entry of a list in them."""
    assert_not_acting(text.replace("\r\n", "\n"))
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == 2
    assert len(rows[0]) == len(rows[1])
    for cell in (*rows[0], *rows[1]):
        assert not any(map(begins_formula, (cell, *cell.split("; ")))), cell
    return dict(zip(*rows, strict=True))


def letters(text: str) -> str:
    return "".join(char for char in text if char.isascii() and char.isalnum())


def test_csv(db):
    for payload in payloads_in(db):
        stream = io.StringIO(newline="")
        export_csv(db, stream)
        assert letters(assert_inert_table(stream.getvalue())["title"]) == letters(payload)


# --- Markdown ------------------------------------------------------------------------------------------------------
def tokens_of(markdown: str) -> Iterator[Token]:
    """All tokens as a parser of CommonMark sees them that lets HTML and every link through."""
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    waiting = parser.parse(markdown)
    while waiting:
        token = waiting.pop(0)
        yield token
        waiting[:0] = token.children or []


def assert_inert_markdown(markdown: str) -> None:
    assert_not_acting(markdown)
    for token in tokens_of(markdown):
        assert token.type not in ("html_block", "html_inline", "image"), token
        scheme = urlsplit(str(token.attrs.get("href", "")).strip()).scheme
        assert scheme in ("", "http", "https", "mailto"), token


def exported_document(db: Database, folder: Path) -> str:
    for file in folder.iterdir():
        file.unlink()
    export_markdown(db, folder)
    (file,) = folder.glob("*.md")
    return file.read_text("utf-8")


@pytest.mark.slow
def test_markdown(db, tmp_path):
    yaml = pytest.importorskip("yaml")
    for payload in payloads_in(db):
        document = exported_document(db, tmp_path)
        assert_inert_markdown(document)  # as a whole: not every viewer knows front matter
        front_matter, _, body = document.removeprefix("---\n").partition("\n---\n")
        fields = yaml.safe_load(front_matter)
        assert fields.get("title", "") == payload
        assert fields["tags"] == fields["authors"] == [payload, payload]
        first_heading = next((token for token in tokens_of(body) if token.type == "heading_open"), None)
        title = " ".join(inert_text(payload).split())
        assert not title or (first_heading is not None and first_heading.tag == "h1")


def test_the_heading_reads_as_the_title(db, tmp_path):
    for payload in payloads_in(db):
        db.execute("UPDATE articles SET markdown = 'x', text = 'x'")
        body = exported_document(db, tmp_path).removeprefix("---\n").partition("\n---\n")[2]
        inline = next((token for token in tokens_of(body) if token.type == "inline"), None)
        assert inline is not None
        title = " ".join(inert_text(payload).split())
        assert "".join(child.content for child in inline.children or []) == (title or "x")


@pytest.mark.slow
def test_markdown_of_an_article_without_any(db, tmp_path):
    for payload in payloads_in(db):
        db.execute("UPDATE articles SET markdown = ''")
        document = exported_document(db, tmp_path)
        assert_inert_markdown(document)
        body = document.removeprefix("---\n").partition("\n---\n")[2]
        assert letters(payload) in letters("".join(token.content for token in tokens_of(body) if token.type == "text"))


# --- XML and HTML --------------------------------------------------------------------------------------------------
TEI = "{http://www.tei-c.org/ns/1.0}"
ATOM = "{http://www.w3.org/2005/Atom}"
TAGS_OF_A_TEXT = set(
    "p h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong a br hr table thead tbody tr th td".split()
)
TAGS_OF_A_PAGE = {"html", "head", "meta", "title", "style", "body", "nav", "article", "h1", "footer", "span"}
ATTRIBUTES = {"href", "lang", "class", "charset", "http-equiv", "content", "name", "dir", "start", "style"}


def assert_inert_html(html: str, tags: set[str]) -> None:
    """Elements and attributes as we write them, and links that lead to pages, to mail or to our own files."""
    assert_not_acting(html)
    document = html5lib.parse(html, treebuilder="etree", namespaceHTMLElements=False)
    for element in document.iter():
        if not isinstance(element.tag, str):
            raise AssertionError(f"a comment: {element.text}")
        assert element.tag in tags | {"html", "head", "body"}, element.tag
        assert set(element.attrib) <= ATTRIBUTES, element.attrib
        assert not element.get("style", "").replace("text-align:", "").strip("abcdefghijklmnopqrstuvwxyz")
        link = element.get("href", "https://a.test/")
        assert urlsplit(link.strip()).scheme in ("http", "https", "mailto") or re.fullmatch(
            r"(?:\.\./|articles/)?[\w-]+\.html", link
        )


@pytest.mark.slow
def test_reader_pages(db, tmp_path):
    for payload in payloads_in(db):
        for file in tmp_path.rglob("*.html"):
            file.unlink()
        export_reader_pages(db, tmp_path)
        [article] = (tmp_path / "articles").iterdir()
        for file in tmp_path.rglob("*.html"):
            if file.name != "search.html":  # which names nothing of a site
                assert_inert_html(file.read_text("utf-8"), TAGS_OF_A_TEXT | TAGS_OF_A_PAGE)
        assert not re.search("[<>]", (tmp_path / "search-words.js").read_text("utf-8"))
        parsed = html5lib.parse(article.read_text("utf-8"), treebuilder="etree", namespaceHTMLElements=False)
        title = " ".join(xml_text(payload).split())
        assert not title or "".join(parsed.find(".//h1").itertext()) == title


def test_tei(db, tmp_path):
    for payload in payloads_in(db):
        for file in tmp_path.iterdir():
            file.unlink()
        export_tei(db, tmp_path)
        [file] = tmp_path.glob("*.xml")
        text = file.read_text("utf-8")
        assert_not_acting(text)
        root = ElementTree.fromstring(text)
        assert {element.tag.removeprefix(TEI) for element in root.iter()} <= TEI_ELEMENTS
        for element in root.iter(f"{TEI}ref"):
            assert urlsplit(element.get("target", "https:")).scheme in ("http", "https", "mailto")
        title = " ".join(xml_text(payload).split())
        assert not title or root.find(f".//{TEI}titleStmt/{TEI}title").text == title


@pytest.mark.parametrize("scope", [FeedScope(), FeedScope(of_edits=True, kinds=("new",))], ids=["articles", "edits"])
def test_feeds(db, scope):
    for payload in payloads_in(db):
        feed = read_feed(db, scope)
        atom, json_feed = atom_document(feed).decode(), json_feed_document(feed).decode()
        assert_not_acting(atom)
        assert_not_acting(json_feed)
        [entry] = ElementTree.fromstring(atom).findall(f"{ATOM}entry")
        [item] = json.loads(json_feed)["items"]
        assert entry.findtext(f"{ATOM}title") == item["title"]
        assert letters(payload) in letters(item["title"])
        for link in (*(link.get("href") for link in entry.findall(f"{ATOM}link")), item.get("url", "https:")):
            assert urlsplit(link).scheme in ("http", "https", "mailto")
        of_html = [content.text or "" for content in entry.findall(f"{ATOM}content") if content.get("type") != "text"]
        for content in (*of_html, item.get("content_html", "")):
            assert_inert_html(content, TAGS_OF_A_TEXT)


def test_dictionaries(db):
    """The name of a user's column acts."""
    entries = article_dictionary(table_columns(db, "articles"))
    heads = [str(csv_cell(entry.name)) for entry in entries]
    for text in (json_dictionary(entries), csv_dictionary("a.csv", entries, heads)):
        assert_not_acting(text)
        assert "=1+1 <b>" in text
    columns = json.loads(csv_dictionary("a.csv", entries, heads))["tableSchema"]["columns"]
    assert not any(begins_formula(column["titles"]) for column in columns)


# --- WACZ ----------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_wacz(db, tmp_path):
    for payload in payloads_in(db):
        export_wacz(db, tmp_path / "a.wacz")
        with zipfile.ZipFile(tmp_path / "a.wacz") as package:
            names = [name for name in package.namelist() if name.endswith((".jsonl", ".json", ".idx"))]
            texts = {name: package.read(name).decode("ascii") for name in names}
            index = gzip.decompress(package.read("indexes/index.cdx.gz")).decode("ascii")
        for text in (*texts.values(), index):
            assert_not_acting(text)
        assert json.loads(texts["pages/pages.jsonl"].splitlines()[1])["title"] == payload or not payload
        assert [len(line.split(" ", 2)) for line in index.splitlines()] == [3]
        assert json.loads(index.split(" ", 2)[2])["url"] == "http://a.test/1"


# --- A terminal ----------------------------------------------------------------------------------------------------
VERBS = (
    ["report"], ["report", "--json"], ["search", "one"], ["explain", "1"], ["changes"], ["changes", "--json"],
    ["diff", "1"], ["diff", "1", "--json"], ["correct"], ["verify"],
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("payload", ACTING, ids=ascii)
def test_a_terminal(base, tmp_path, payload, capsys):
    """Every text of every table that is no key of ours holds the payload."""
    file = tmp_path / "a.db"
    file.write_bytes(base.read_bytes())
    with open_database(file).conn as connection:
        for table, column in (
            *(("articles", name) for name in ("url", "title", "language", "section", "sitename")),
            *(("pages", "title"), ("urls", "url"), ("urls", "reason"), ("urls", "host"), (BLOCK_TEXTS, "text")),
            *(("runs", "command"), ("corrections", "note"), ("captures", "url"), ("captures", "content_type")),
        ):
            connection.execute(f"UPDATE {table} SET {column} = ?", [storable_text(f"{payload} one")])
        connection.execute("UPDATE articles SET id = 1")
    for verb in VERBS:
        run([verb[0], str(file), *verb[1:]])
        shown = capsys.readouterr()
        assert_not_acting(shown.out)
        assert_not_acting(shown.err)
