"""Pictures of articles: each column of a row, and which files an article shows."""

import pytest

from broadsheet.output.archive.pictures import (
    ENDINGS,
    Picture,
    ShownPicture,
    picture_runs,
    pictures_of_article,
    put_picture,
)
from tests.internal_tables import IMAGES, PICTURES
from tests.output.filled_rows import put, rows

PNG = Picture("a" * 64, "image/png", 3, 4, 5)


def test_a_picture_takes_the_place_of_an_earlier_one_of_its_url_in_each_column(db):
    for capture, picture in ((1, Picture("b", "image/gif", 7, 8, 9)), (2, PNG)):
        put_picture(db, 3, capture, picture)
    put_picture(db, 4, 1, Picture("c", "image/gif", 1, 1, 1))
    assert rows(db, PICTURES)[0] == {
        "url_id": 3, "capture_id": 2, "digest": "a" * 64, "type": "image/png", "width": 3, "height": 4, "bytes": 5,
    }  # fmt: skip
    assert len(rows(db, PICTURES)) == 2


def test_an_article_shows_each_file_once_and_none_of_another_type(db):
    put(db, "articles", 1, id=7, page_id=9, image="lead")
    files = {"lead": "a", "one": "b", "same": "a", "film": "c", "two": "d"}
    for number, (url, digest) in enumerate(files.items(), 20):
        put(db, "urls", number, id=number, url=url, kind="picture", state="done", location=None)
        kind = "video/mp4" if url == "film" else "image/png"
        put(db, PICTURES, number, url_id=number, digest=digest, type=kind)
        if url != "lead":
            put(db, IMAGES, number, page_id=9, position=30 - number, url=url)
    found = list(pictures_of_article(db, 7))
    assert [picture.url for picture in found] == ["lead", "two", "one"]
    assert found[1] == ShownPicture(
        6, "two", "caption 24", "credit 24", "alt 24", 24001, Picture("d", "image/png", 24004, 24005, 24006), 24006
    )
    assert found[0].position == -1
    assert found[0].file_name == "a.png"
    assert list(pictures_of_article(db, 8)) == []


@pytest.mark.parametrize(
    ("lead", "is_same"),
    [
        ("https://a.test/i/mill-1200x630.jpg", True),
        ("http://a.test/i/mill@2x.jpg", True),
        ("https://a.test/i/mill.jpg?w=1200&fit=crop", True),
        ("https://a.test/w_1200,h_630/i/mill.jpg", True),
        ("https://a.test/i/mill-2.jpg", False),
        ("https://a.test/i/mill.jpg?id=2", False),
        ("https://b.test/i/mill.jpg", False),
    ],
)
def test_a_lead_that_stands_in_the_text_in_another_size_is_shown_there_alone(db, lead, is_same):
    put(db, "articles", 1, id=7, page_id=9, image=lead)
    in_text = "https://a.test/i/mill-300x200.jpg"
    for number, url in enumerate((lead, in_text), 20):
        put(db, "urls", number, id=number, url=url, kind="picture", state="done", location=None)
        put(db, PICTURES, number, url_id=number, digest=f"{number}", type="image/jpeg")
    put(db, IMAGES, 1, page_id=9, position=0, url=in_text)
    assert [shown.url for shown in pictures_of_article(db, 7)] == [lead] * (not is_same) + [in_text]


def test_a_file_is_named_by_half_of_its_digest_and_its_type():
    for kind, ending in ENDINGS.items():
        shown = ShownPicture(0, "u", "", "", "", 1, Picture("x" * 64, kind, 0, 0, 0))
        assert shown.file_name == f"{'x' * 32}{ending}"


def test_pictures_between_the_same_two_blocks_stand_together_and_unplaced_ones_last(archive, make):
    archive.save([make.outcome("http://a.test/1", "one", "two", removed=("Share this", "Subscribe"))])
    (number,) = archive.db.execute("SELECT id FROM articles").fetchone()
    places = [(-1, None), (0, None), (1, 1), (2, 1), (3, 0), (4, 2), (5, 3)]
    shown = [ShownPicture(position, "", "", "", "", 1, None, place) for position, place in places]
    runs = picture_runs(archive.db, number, shown)
    assert [(letters, [one.position for one in run]) for letters, run in runs] == [
        (0, [-1, 3]),
        (3, [1, 2]),
        (6, [0, 4, 5]),
    ]


def test_a_caption_that_stands_in_the_text_is_not_said_again(archive, make):
    archive.save([make.outcome("http://a.test/1", "one", "The mill. Photo: Ana Sol")])
    (number,) = archive.db.execute("SELECT id FROM articles").fetchone()
    shown = [
        ShownPicture(n, "", caption, "Photo: Ana Sol", "", 1, None, 1) for n, caption in enumerate(("The mill.", "A"))
    ]
    [(_, run)] = picture_runs(archive.db, number, shown)
    assert [(one.caption, one.credit) for one in run] == [("", ""), ("A", "Photo: Ana Sol")]
