"""What was judged is exported as annotated pages, in the form that the training reads."""

from __future__ import annotations

import gzip
import io
import json
import zipfile

import pytest

from broadsheet.cleaners.training.annotated_pages import (
    annotated_pages,
    annotated_words,
    read_annotated_page,
    snippets_of,
)
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.browse.url_pages import RawDocument
from tests.output.browse.conftest import SITE, RoomClient, article_id, save_sent

HTML = "<title>Eins</title><p>Wörter der Seite.</p><p>Share this story</p>"


@pytest.fixture
def client(file, make):
    pages = (make.outcome(f"{SITE}/{n}", "Wörter der Seite.", removed=("Share this story",)) for n in (1, 2, 3))
    save_sent(file, make, *pages)
    return RoomClient(file).change(read_raw=lambda *_: RawDocument(HTML, True))


def exported(client, folder):
    """The annotated pages, as the training reads them, by URL."""
    answer = client.get("a/review/pages.zip")
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(folder)
    return {row["url"]: (row, html) for row, html in annotated_pages(folder)}


def page_number(client, number):
    with next(iter(client.room.library.archives.values())).open() as db:
        return db.execute("SELECT page_id FROM articles WHERE id = ?", [article_id(f"{SITE}/{number}")]).fetchone()[0]


def test_a_page_that_is_right_has_its_text_and_a_judged_block_is_a_snippet(client, tmp_path):
    assert client.post("a/reviews", page=page_number(client, 1), answer="right").status_code == 303
    assert client.post("a/reviews", page=page_number(client, 2), answer="wrong").status_code == 303
    for text, answer in (("Share this story", "right"), ("Wörter der Seite.", "wrong")):
        client.post("a/reviews", article=article_id(f"{SITE}/3"), block=block_id(text), answer=answer)
    pages = exported(client, tmp_path)
    assert set(pages) == {f"{SITE}/1", f"{SITE}/3"}
    row, html = pages[f"{SITE}/1"]
    assert annotated_words(row) == ["wörter", "der", "seite"]
    reading = read_annotated_page(row["url"], html)
    assert reading.blocks[0].text == "Wörter der Seite."
    assert snippets_of(pages[f"{SITE}/3"][0]) == ((), ("Share this story", "Wörter der Seite."))


def test_the_file_is_the_same_for_the_same_judgements(client):
    client.post("a/reviews", page=page_number(client, 2), answer="right")
    client.post("a/reviews", page=page_number(client, 1), answer="right")
    data = [client.get("a/review/pages.zip").content for _ in range(2)]
    assert data[0] == data[1]
    numbers = [page_number(client, number) for number in (1, 2)]
    with zipfile.ZipFile(io.BytesIO(data[0])) as packed:
        names = [*(f"html/{number}.html.gz" for number in numbers), "truth.jsonl.gz", "README.txt"]
        assert packed.namelist() == names
        assert {(item.date_time, item.compress_type) for item in packed.infolist()} == {((1980, 1, 1, 0, 0, 0), 0)}
        assert gzip.decompress(packed.read(names[0])) == f"\ufeff{HTML}".encode()
        rows = [json.loads(line) for line in gzip.decompress(packed.read("truth.jsonl.gz")).splitlines()]
        assert packed.read("README.txt").startswith(b"Annotated pages: truth.jsonl.gz has a line a page")
    expected = {"language": "", "page_type": "article", "text": "Wörter der Seite."}
    assert rows == [
        {"id": str(number), "url": f"{SITE}/{index}", "title": f"Title of {SITE}/{index}", **expected}
        for index, number in enumerate(numbers, 1)
    ]
