"""Pictures in the reading room: shown from the records, and inert."""

from pathlib import Path

import pytest

from tests.crawler.pictures import SVG, gif, png
from tests.output.browse.conftest import RoomClient, article_id
from tests.output.illustrated import SITE, illustrate


@pytest.fixture
def client(file, make):
    illustrate(file, make)
    return RoomClient(file)


def captures(client: RoomClient) -> dict[str, int]:
    with client.room.archive("a").open() as db:
        return dict(db.execute("SELECT image, capture_id FROM article_pictures").fetchall())


def test_an_article_shows_its_pictures_with_their_words(client):
    page = client.page(f"a/article/{article_id(f'{SITE}/1')}")
    for number in captures(client).values():
        assert f'<img src="/a/picture/{number}"' in page
    assert 'alt="A &#34;mill&#34;"' in page
    assert "The &lt;b&gt;mill&lt;/b&gt;" in page
    assert "Photo: Ana Sol" in page
    assert page.count("<img ") == 3
    assert client.page(f"a/article/{article_id(f'{SITE}/2')}").count("<img ") == 1


def test_a_picture_is_served_as_the_type_of_its_bytes_and_nothing_in_it_runs(client):
    expected = {
        "mill.png": (png(), "image/png"),
        "river.gif": (gif(), "image/gif"),
        "drawn.svg": (SVG, "image/svg+xml"),
    }
    for image, number in captures(client).items():
        answer = client.get(f"a/picture/{number}")
        assert (answer.content, answer.headers["content-type"]) == expected[image.rpartition("/")[2]]
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "script" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_is_no_picture_is_not_served_as_one(client):
    with client.room.archive("a").open() as db:
        (page_capture,) = db.execute("SELECT capture_id FROM articles LIMIT 1").fetchone()
    assert client.get(f"a/picture/{page_capture}").status_code == 404
    assert client.get("a/picture/5").status_code == 404


def test_a_picture_whose_record_is_gone_is_said_to_be_gone(client, file):
    numbers = captures(client).values()
    for record in Path(f"{file}.warc").glob("*.warc.gz"):
        record.unlink()
    assert {client.get(f"a/picture/{number}").status_code for number in numbers} == {404}
