"""The pictures of articles come and go with their pages."""

from broadsheet.cleaners.document import ArticleImage
from broadsheet.output.archive.page_rows import stored_images
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.own_reading import read_own_reading, unpack_reading
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import IMAGES

URL = "http://a.test/mill"
MILL = ArticleImage("http://a.test/i/mill.jpg", "The mill", "Photo: Ana Sol", "A mill")
RIVER = ArticleImage("http://a.test/i/river.jpg")


def pictures(archive: Archive) -> list[tuple[str, str, str]]:
    query = "SELECT url, image, credit FROM article_images ORDER BY url, position"
    rows: list[tuple[str, str, str]] = archive.db.execute(query).fetchall()
    return rows


def test_an_article_has_its_pictures_in_order_and_a_later_capture_replaces_them(archive, make):
    archive.save([make.outcome(URL, "one two", images=(RIVER, MILL))])
    assert pictures(archive) == [(URL, RIVER.url, ""), (URL, MILL.url, "Photo: Ana Sol")]
    archive.save([make.outcome(URL, "one two three", images=(MILL,))])
    assert pictures(archive) == [(URL, MILL.url, "Photo: Ana Sol")]
    assert verify(archive.db) == []


def test_a_page_of_pictures_alone_has_its_pictures_and_title(archive, make):
    archive.save([make.outcome(URL, "", page_type="gallery", images=(RIVER, MILL))])
    assert pictures(archive) == [(URL, RIVER.url, ""), (URL, MILL.url, "Photo: Ana Sol")]
    found = archive.db.execute("SELECT DISTINCT article_id, title FROM article_images").fetchall()
    assert found == [(None, archive.db.execute("SELECT title FROM pages").fetchone()[0])]
    assert archive.db.execute("SELECT count(*) FROM articles").fetchone()[0] == 0
    assert verify(archive.db) == []
    archive.save([make.outcome(URL, "one two", page_type="list")])
    assert pictures(archive) == []


def test_a_page_that_is_neither_has_none(archive, make):
    archive.save([make.outcome(URL, "one two", page_type="list", images=(MILL,))])
    assert archive.db.execute(f"SELECT count(*) FROM {IMAGES}").fetchone()[0] == 0


def test_a_reading_keeps_them_through_packing_and_characters_that_cannot_be_stored_are_replaced(archive, make):
    archive.save([make.outcome(URL, "one two", images=(ArticleImage(MILL.url, "a \ud800 b"),))])
    reading = read_own_reading(archive.db, 1)
    assert reading is not None
    assert reading.rows.images == stored_images(archive.db, 1)
    assert "\ud800" not in reading.rows.images[0].caption
    assert unpack_reading(archive.db, URL, reading.pack()).rows.images == reading.rows.images


def test_a_takedown_removes_them(archive, make):
    archive.save([make.outcome(URL, "one two", images=(MILL,))])
    take_down(archive.db, URL, make.clock())
    assert archive.db.execute(f"SELECT count(*) FROM {IMAGES}").fetchone()[0] == 0


def test_an_address_that_is_none_is_reported(archive, make):
    archive.save([make.outcome(URL, "one two", images=(MILL,))])
    archive.db.execute(f"UPDATE {IMAGES} SET url = 'mill.jpg'")
    assert [problem.check for problem in verify(archive.db)] == ["column_values"]
