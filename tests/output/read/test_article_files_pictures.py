"""Pictures in exports: files beside the articles, once each, and none that a browser would run."""

import re
from pathlib import Path
from unittest.mock import Mock

import pytest
from markdown_it import MarkdownIt

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.pictures import Picture, ShownPicture
from broadsheet.output.read import article_files, verify
from broadsheet.output.read.article_files import export_markdown, export_reader_pages, markdown_pictures
from tests.crawler.pictures import SVG, gif, png
from tests.output.illustrated import illustrate


@pytest.fixture
def db(file, make):
    illustrate(file, make)
    database = open_database(file, read_only=True)
    yield database
    database.close()


def test_markdown_has_the_files_beside_it(db, tmp_path, monkeypatch):
    folder, read = tmp_path / "out", Mock(wraps=article_files.read_picture_file)
    monkeypatch.setattr(article_files, "read_picture_file", read)
    assert export_markdown(db, folder) == 2
    assert read.call_count == 2, "each once"
    files = {path.read_bytes() for path in (folder / "pictures").iterdir()}
    assert files == {png(), gif()}, "an SVG stays out"
    texts = [path.read_text() for path in folder.glob("*.md")]
    links = [link for text in texts for link in re.findall(r"!\[[^\n]*\]\((pictures/\S+)\)", text)]
    assert len(links) == 3
    assert all((folder / link).is_file() for link in links)
    assert all("<b>" not in text for text in texts)
    assert sum("Photo: Ana Sol" in text for text in texts) == 2


def test_pages_to_read_show_them_and_load_nothing_else(db, tmp_path):
    folder = tmp_path / "out"
    assert export_reader_pages(db, folder) == 2
    pages = [path.read_text() for path in (folder / "articles").iterdir()]
    sources = [source for page in pages for source in re.findall(r'<img src="([^"]+)"', page)]
    assert len(sources) == 3
    assert all((folder / "articles" / source).resolve().is_file() for source in sources)
    assert SVG not in {path.read_bytes() for path in (folder / "pictures").iterdir()}
    assert all("The &lt;b&gt;mill" in page for page in pages)
    assert all(
        "img-src 'self' file:" in page and "http" not in page.partition("<style>")[0].partition("policy")[2]
        for page in pages
    )


def test_a_record_that_cannot_be_read_leaves_its_picture_out(db, file, tmp_path):
    for record in Path(f"{file}.warc").glob("*.warc.gz"):
        record.write_bytes(b"")
    assert export_markdown(db, tmp_path / "out") == 2
    assert not (tmp_path / "out" / "pictures").exists()
    found = [(finding.detail, finding.location) for finding in verify.pictures(db)]
    (first, place), *rest = found
    assert (first.startswith(f"{place} has no file: a.db.warc/"), len(rest)) == (True, 2)


@pytest.mark.parametrize("text", ["x](http://a.test) <script>", "![y](z)", "a\\", "# head <b> [l](javascript:x) `c`"])
def test_words_of_a_picture_are_words_and_nothing_else(text):
    shown = ShownPicture(0, "http://a.test/i.png", text, "", text, 1, Picture("a" * 64, "image/png", 3, 2, 5))
    image, caption = MarkdownIt("commonmark").parse(markdown_pictures([shown]))[1::3]
    assert image.children
    assert [child.type for child in image.children] == ["image"]
    assert str(image.children[0].attrs["src"]).startswith("pictures/aaa")
    assert caption.children
    assert "".join(child.content for child in caption.children) == text
    assert {child.type for child in caption.children} <= {"text", "text_special"}
