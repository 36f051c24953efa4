"""Articles as files: rows with their dictionaries, Markdown, and a folder of pages to read without a server or script.

Whatever a page states, no cell is a formula, no line breaks a file, and no markup acts.
"""

import csv
import io
import json
import re
from unittest.mock import Mock
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.metadata_columns import METADATA_FIELDS
from broadsheet.output.archive.pictures import Picture, ShownPicture
from broadsheet.output.archive.table_columns import table_columns
from broadsheet.output.read import article_files, verify
from broadsheet.output.read.article_files import export_markdown, export_reader_pages, file_name, markdown_pictures
from broadsheet.output.read.article_rows import (
    article_dictionary,
    article_row,
    csv_cell,
    csv_dictionary,
    export_csv,
    export_jsonl,
    is_own_dictionary,
    iter_articles,
    json_dictionary,
)
from broadsheet.output.settle.settling import settle
from tests.crawler.pictures import SVG, gif, png
from tests.output.illustrated import illustrate

TYPES = {"string": str, "integer": int, "array": list, "object": dict}
LINK = re.compile(r'href="([^"]*)"')


@pytest.fixture
def filled(archive, make):
    """One article of which little is known, and one with more, in a table with two columns of the user's own."""
    archive.save([make.outcome(f"http://a.test/{number}", f"text {number}") for number in range(2)])
    archive.db.execute("ALTER TABLE articles ADD COLUMN note TEXT")
    archive.db.execute("ALTER TABLE articles ADD COLUMN score REAL")
    archive.db.execute("UPDATE articles SET authors = '[\"Ann\"]', section = 'News', score = 1.5, capture_id = NULL, "
                       "published_day = '2024-05-03', metadata_sources = '{\"title\": \"meta\"}' "
                       "WHERE url = 'http://a.test/1'")  # fmt: skip
    return archive.db


def exported(export, db, **options):
    stream = io.StringIO(newline="")
    export(db, stream, **options)
    return stream.getvalue()


def entries(db):
    return article_dictionary(table_columns(db, "articles"))


@pytest.mark.parametrize(
    "text",
    ["=1", "+1", "-1", "@x", "\t=1", " =1", "\n=1", "\r=1", "＝1", "\u202e=1", "\x00=1", "\xa0=1", "\u3000@x", " \t-1"],
)
def test_cells_that_would_be_formulas(text):
    assert csv_cell(text).startswith("'")


@pytest.mark.parametrize("value", [-1, 2.5, None, "a=b", "", "plain"])
def test_cells_that_are_left_alone(value):
    assert csv_cell(value) == value


def test_each_line_has_the_same_keys_with_values_of_the_types_that_the_json_schema_says(filled):
    lines = map(json.loads, exported(export_jsonl, filled).splitlines())
    bare, full = sorted(lines, key=lambda line: line["url"])
    assert (bare["section"], bare["published"], bare["note"], full["capture_id"]) == ("", "", "", 0)
    assert (bare["score"], full["score"]) == (None, 1.5)
    assert full["metadata_sources"] == dict.fromkeys(METADATA_FIELDS, "") | {"title": "meta"}
    schema = json.loads(json_dictionary(entries(filled)))
    assert schema["additionalProperties"] is False
    assert list(bare) == list(full)
    assert sorted(bare) == sorted(schema["required"]) == sorted(schema["properties"])
    assert set(full["metadata_sources"]) == set(schema["properties"]["metadata_sources"]["required"])
    for name, rule in schema["properties"].items():
        assert rule["description"]
        assert name == "score" or {type(bare[name]), type(full[name])} == {TYPES[rule["type"]]}, name


def test_the_metadata_of_a_csv_file_name_its_columns_in_their_order(filled):
    [head, *_] = csv.reader(io.StringIO(exported(export_csv, filled), newline=""))
    metadata = json.loads(csv_dictionary("a.csv", entries(filled), [str(csv_cell(e.name)) for e in entries(filled)]))
    columns = metadata["tableSchema"]["columns"]
    assert (metadata["url"], [column["titles"] for column in columns]) == ("a.csv", head)
    assert {column["titles"]: column.get("separator") for column in columns}["authors"] == "; "
    assert {column["datatype"] for column in columns} == {"integer", "string"}


def test_every_field_of_the_schema_has_its_meaning():
    assert all(entry.meaning and not entry.is_own and "`" not in entry.meaning for entry in article_dictionary())


def test_only_our_own_files_are_taken_for_ours(filled, tmp_path):
    file = tmp_path / "a.json"
    assert not is_own_dictionary(file)
    for text, is_own in (
        (json_dictionary(entries(filled)), True), ("{}", False), ("[]", False), ("{", False),
        (csv_dictionary("a.csv", article_dictionary(), [entry.name for entry in article_dictionary()]), True),
    ):  # fmt: skip
        file.write_text(text)
        assert is_own_dictionary(file) == is_own


def test_one_article_is_what_all_of_them_have(filled):
    articles = {article["id"]: article for article in iter_articles(filled)}
    assert {number: article_row(filled, number) for number in articles} == articles
    assert article_row(filled, 1) is None


@pytest.mark.parametrize("export", [export_jsonl, export_csv])
def test_one_of_those_that_say_the_same(archive, make, words, export):
    texts = {
        "http://a.test/story": words("w", 80),
        "http://b.test/again": words("w", 81),
        "http://a.test/o": words("o"),
    }
    archive.save([make.outcome(url, text) for url, text in texts.items()])
    settle(archive.db)
    counts = [export(archive.db, io.StringIO(newline=""), one_per_cluster=is_one) for is_one in (True, False)]
    assert counts == [2, 3]


def test_file_names():
    article = {"title": "CON: a/b\\c é", "published_day": "2024-05-06", "id": 7}
    assert file_name(article) == "2024-05-06-con-a-b-c-é-7.md"
    assert file_name(article | {"title": "...", "published_day": None}) == "7.md"


def pages(folder):
    return {str(file.relative_to(folder)): file.read_text("utf-8") for file in folder.rglob("*.html")}


def test_a_folder_of_pages_is_whole_without_a_server_or_a_script_of_others(archive, make, tmp_path):
    """Every link leads to a page or to the site, and every page is reached from the index."""
    titles = ("Plain", "<b>Bold</b> & co", "", "../../etc", "x" * 300, "東京")
    days = ("2024-05-03", "2024-05-01", "2023-12-31", "soon", None, "9999-x")
    archive.save([make.outcome(f"http://a.test/{n}", "text", title=title) for n, title in enumerate(titles)])
    for number, day in enumerate(days):
        archive.db.execute("UPDATE articles SET published_day = ?, title = ?, language = 'ar' WHERE url = ?",
                           [day, titles[number], f"http://a.test/{number}"])  # fmt: skip
    folder = tmp_path / "pages"
    assert export_reader_pages(archive.db, folder) == len(titles)
    found, reached, waiting = pages(folder), set(), {"index.html"}
    while waiting:
        name = waiting.pop()
        reached.add(name)
        links = [link for link in LINK.findall(found[name]) if not link.startswith("http://a.test/")]
        targets = [((folder / name).parent / unquote(link)).resolve() for link in links]
        assert all(target.is_file() for target in targets), name
        waiting |= {str(target.relative_to(folder.resolve())) for target in targets} - reached
    assert reached == set(found)
    assert len([name for name in reached if name.startswith("articles/")]) == len(titles)
    assert {"2024-05.html", "2023-12.html", "undated.html", "about.html"} < reached
    assert found["undated.html"].count("<li>") == 3
    assert found["2024-05.html"].index("2024-05-03") < found["2024-05.html"].index("2024-05-01")
    for name, page in found.items():
        assert "default-src 'none'" in page
        assert ("script-src" in page) == (name == "search.html")
        if name == "search.html":  # which has two scripts of its folder, and none else
            page = re.sub(r'<script src="search(-words)?\.js"></script>', "", page)
        assert not re.search(r"<script|\b(?:src|srcset|onload|onerror)=|@import|url\(|<(?:img|link|iframe)", page)
    export_reader_pages(archive.db, tmp_path / "again")
    assert pages(tmp_path / "again") == found


@pytest.fixture
def illustrated(file, make):
    illustrate(file, make)
    database = open_database(file, read_only=True)
    yield database
    database.close()


def test_markdown_and_pages_have_the_files_of_pictures_beside_them(illustrated, tmp_path, monkeypatch):
    """Each picture is read once, and an SVG, which a browser would run, stays out."""
    read = Mock(wraps=article_files.read_picture_file)
    monkeypatch.setattr(article_files, "read_picture_file", read)
    assert export_markdown(illustrated, tmp_path / "texts") == 2
    assert read.call_count == 2
    assert export_reader_pages(illustrated, tmp_path / "pages") == 2
    texts = [path.read_text() for path in (tmp_path / "texts").glob("*.md")]
    html = [path.read_text() for path in (tmp_path / "pages" / "articles").iterdir()]
    links = [f"texts/{link}" for text in texts for link in re.findall(r"!\[[^\n]*\]\((pictures/\S+)\)", text)]
    links += [f"pages/articles/{link}" for page in html for link in re.findall(r'<img src="([^"]+)"', page)]
    assert len(links) == 6
    assert {(tmp_path / link).read_bytes() for link in links} == {png(), gif()}
    assert SVG not in {path.read_bytes() for path in tmp_path.rglob("pictures/*")}
    one = next(page for page in html if "opens in May" in page)
    assert re.findall(r"<img |closed|May", one.partition("<article>")[2]) == ["<img ", "closed", "<img ", "May"]
    assert all("<b>" not in text and "Photo: Ana Sol" in text for text in texts)
    assert all("The &lt;b&gt;mill" in page and "img-src 'self' file:" in page for page in html)
    assert not any("http" in page.partition("<style>")[0].partition("policy")[2] for page in html)


def test_a_record_that_cannot_be_read_leaves_its_picture_out(illustrated, file, tmp_path):
    for record in file.with_name("a.db.warc").glob("*.warc.gz"):
        record.write_bytes(b"")
    assert export_markdown(illustrated, tmp_path / "out") == 2
    assert not (tmp_path / "out" / "pictures").exists()
    first, *rest = verify.pictures(illustrated)
    assert first.detail.startswith(f"{first.location} has no file: a.db.warc/")
    assert len(rest) == 2


@pytest.mark.parametrize("text", ["x](http://a.test) <script>", "![y](z)", "a\\", "# head <b> [l](javascript:x) `c`"])
def test_words_of_a_picture_are_words_and_nothing_else(text):
    shown = ShownPicture(0, "http://a.test/i.png", text, "", text, 1, Picture("a" * 64, "image/png", 3, 2, 5))
    image, caption = MarkdownIt("commonmark").parse(markdown_pictures([shown]))[1::3]
    assert [(child.type, child.attrs["src"][:12]) for child in image.children] == [("image", "pictures/aaa")]
    assert "".join(child.content for child in caption.children) == text
    assert {child.type for child in caption.children} <= {"text", "text_special"}
