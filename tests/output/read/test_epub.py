"""Books of articles: whole by the standard's minimum, well-formed whatever the titles hold, two hundred a volume."""

import re
import zipfile
from xml.etree import ElementTree

import pytest

from broadsheet.output.archive.stored_values import content_id
from broadsheet.output.read import epub
from broadsheet.output.read.epub import export_epub

OPF = "{http://www.idpf.org/2007/opf}"


@pytest.fixture
def books(archive, make, tmp_path, monkeypatch):
    """The volumes, two articles each, of five articles on three days."""
    monkeypatch.setattr(epub, "VOLUME_ARTICLES", 2)
    titles = ("Plain", "<b>Bold</b> & co", "", "\x00\ufffe]]>", "東京")
    archive.save(
        [make.outcome(f"http://a.test/{n}", f"Text {n} & more.", title=title) for n, title in enumerate(titles)]
    )
    for number, day in enumerate(("2024-05-03", None, "2023-12-31", "2024-05-01", "2023-12-31")):
        archive.db.execute("UPDATE articles SET published_day = ? WHERE url = ?", [day, f"http://a.test/{number}"])
    assert export_epub(archive.db, tmp_path / "books") == 5
    return [zipfile.ZipFile(file) for file in sorted((tmp_path / "books").glob("*.epub"))]


def test_volumes_go_by_day_and_the_undated_come_last(books):
    pages = ["".join(book.read(name).decode() for name in book.namelist() if name.startswith("art")) for book in books]
    found = [[n for n in range(5) if f"Text {n} &amp; more." in page] for page in pages]
    assert found == [[2, 4], [0, 3], [1]]
    names = [re.findall("urn:broadsheet:([^<]+)", book.read("book.opf").decode()) for book in books]
    ids = [content_id(f"http://a.test/{number}") for number in range(5)]
    assert names == [[f"{ids[2]}-{ids[4]}"], [f"{ids[3]}-{ids[0]}"], [str(ids[1])]]


def test_a_book_has_what_the_standard_asks_for_and_each_part_is_well_formed(books):
    for book in books:
        first = book.infolist()[0]
        assert (first.filename, first.compress_type, book.read(first)) == ("mimetype", 0, b"application/epub+zip")
        roots = {name: ElementTree.fromstring(book.read(name)) for name in book.namelist()[1:]}
        assert roots["META-INF/container.xml"][0][0].get("full-path") == "book.opf"
        package = roots["book.opf"]
        named = {item.get("id"): item.get("href") for item in package.iter(f"{OPF}item")}
        assert set(named.values()) == roots.keys() - {"META-INF/container.xml", "book.opf"}
        assert [place.get("idref") for place in package.iter(f"{OPF}itemref")] == list(named)
        assert {element.tag.rpartition("}")[2] for element in package[0]} == {"identifier", "title", "language", "meta"}


def test_the_same_articles_give_the_same_bytes(archive, make, tmp_path):
    archive.save([make.outcome("http://a.test/1", "Text.", title="One")])
    for folder in ("a", "b"):
        export_epub(archive.db, tmp_path / folder)
    [one], [other] = ([*(tmp_path / folder).glob("*.epub")] for folder in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()
