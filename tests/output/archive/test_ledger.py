import json
import zlib

import pytest

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.output.archive import ledger
from broadsheet.output.archive.archive_errors import DamagedValue, TextConflict
from broadsheet.output.archive.ledger import (
    block_id,
    make_ledger_rows,
    read_kept_blocks,
    read_layout,
    read_ledger,
    store_texts,
)
from broadsheet.output.archive.stored_values import content_id
from tests.internal_tables import BLOCK_TEXTS, PAGE_LAYOUT
from tests.output.cleaned_pages import with_page

URL = "http://a.test/1"
BLOCKS = (
    Block(0, BlockKind.HEADING, "Title", "", "body>h1", 1, 0, frozenset({"header", "main"})),
    Block(1, BlockKind.PARAGRAPH, "One é link", "One é [link](http://b.test/)", "body>p.a[&>b]", 0, 4),
    Block(2, BlockKind.PARAGRAPH, "One é link", "", "body>p.b"),
    Block(5, BlockKind.LINE, "Share", "[Share](http://a.test/s)", "body>nav>a", 0, 5, frozenset({"nav"})),
)
VERDICTS = tuple(Verdict(n != 3, f"reason{n % 2}", "rule") for n in range(4))


def save(archive, make, blocks, verdicts):
    text = "\n".join(block.text for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept)
    outcome = make.outcome(URL, "x")
    archive.save([with_page(outcome, blocks=blocks, verdicts=verdicts, text=text)])
    [(page,)] = archive.db.execute("SELECT id FROM pages").fetchall()
    return page


def test_what_was_written_is_read_back_exactly(archive, make):
    page = save(archive, make, BLOCKS, VERDICTS)
    assert list(read_ledger(archive.db, page)) == list(zip(BLOCKS, VERDICTS, strict=True))


def test_a_block_that_is_said_twice_names_the_one_that_it_repeats(archive, make):
    again = Verdict(False, "said twice", "context/duplicate", repeats=1)
    page = save(archive, make, BLOCKS, (*VERDICTS[:2], again, VERDICTS[3]))
    assert [verdict.repeats for _, verdict in read_ledger(archive.db, page)] == [None, None, 1, None]
    assert archive.db.execute("SELECT position, repeats FROM removed ORDER BY position").fetchall() == [
        (2, 1),
        (5, None),
    ]


def test_writing_again_replaces(archive, make):
    save(archive, make, BLOCKS, VERDICTS)
    page = save(archive, make, BLOCKS[1:], VERDICTS[1:])
    assert [block for block, _ in read_ledger(archive.db, page)] == list(BLOCKS[1:])


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("count", [3, 4])
def test_the_kept_blocks_are_those_of_the_ledger_also_where_positions_have_gaps(archive, make, first, count):
    verdicts = (VERDICTS[3], *VERDICTS[1:])  # the first is removed
    page = save(archive, make, BLOCKS[first:count], verdicts[first:count])
    kept_blocks = [block for block, verdict in read_ledger(archive.db, page) if verdict.kept]
    assert len(kept_blocks) == 2
    assert list(read_kept_blocks(archive.db, page)) == kept_blocks


def test_the_kept_blocks_of_a_page_whose_layout_is_of_fewer_are_not_read(archive, make):
    page = save(archive, make, BLOCKS[:3], VERDICTS[:3])
    shorter = make_ledger_rows(BLOCKS[:2], VERDICTS[:2]).layout
    archive.db.execute(f"UPDATE {PAGE_LAYOUT} SET layout = ?", [shorter])
    with pytest.raises(DamagedValue, match=f"{PAGE_LAYOUT}/layout row"):
        list(read_kept_blocks(archive.db, page))
    assert list(read_kept_blocks(archive.db, page + 1)) == []


def test_one_number_a_text(archive, make):
    save(archive, make, BLOCKS, VERDICTS)
    ids = [number for (number,) in archive.db.execute("SELECT block_id FROM blocks ORDER BY position")]
    assert ids == [block_id(block.text) for block in BLOCKS]
    assert ids[1] == ids[2]
    assert [row["kind"] for row in archive.db["blocks"].rows_where(order_by="position")] == [b.kind for b in BLOCKS]


def test_what_is_packed_is_json_whatever_stands_in_it():
    odd = 'a "b" [\\", 0, 0, ["x"], \x01 \u2028 é \ud800'
    blocks = [
        Block(n, BlockKind.LINE, "t", odd, odd, 2, 3, frozenset(marks))
        for n, marks in enumerate([(), ("main", "aside")])
    ]
    packed = make_ledger_rows(blocks, [Verdict(True, "a", "b")] * 2).layout
    text = odd.replace("\ud800", "?")
    assert json.loads(zlib.decompress(packed)) == [[text, 2, 3, [], text], [text, 2, 3, ["aside", "main"], text]]
    assert [row[0] for row in read_layout(packed)] == [text, text]


@pytest.fixture
def two_texts(monkeypatch):
    """Two texts with one number, since a number has eight bits here."""
    monkeypatch.setattr(ledger, "content_id", lambda text: content_id(text, bits=8))
    texts = [f"Paragraph {n} of the story." for n in range(300)]
    yield next((first, second) for first in texts for second in texts if first < second and same_number(first, second))
    ledger._short_text_row.cache_clear()


def same_number(first, second):
    return block_id(first) == block_id(second)


def test_a_text_whose_number_stands_for_another_one_is_an_error_that_names_both(archive, two_texts):
    first, second = two_texts
    number = block_id(first)
    with archive.db.conn:
        store_texts(archive.db, [(number, first), (number, first)])
    with pytest.raises(TextConflict) as caught:
        store_texts(archive.db, [(number, second)])
    assert first in str(caught.value)
    assert second in str(caught.value)
    assert f"“{'a' * 80}” and “b”" in str(TextConflict(1, "a" * 81, "b"))
    archive.db.rollback()
    assert archive.db.execute(f"SELECT text FROM {BLOCK_TEXTS}").fetchall() == [(first,)]


@pytest.mark.parametrize("on_one_page", [True, False])
def test_a_page_with_such_a_text_fails_alone_and_says_why(archive, make, two_texts, on_one_page, caplog):
    first, second = two_texts
    pages = [("http://a.test/1", first), ("http://a.test/2", "Another text."), ("http://a.test/3", second)]
    outcomes = [make.outcome(url, text, *([second] if on_one_page and text == first else [])) for url, text in pages]
    archive.save(outcomes)
    states = dict(archive.db.execute("SELECT url, state || '/' || reason FROM urls").fetchall())
    failing_url = "http://a.test/1" if on_one_page else "http://a.test/3"
    assert [url for url, state in states.items() if state == "failed/text_conflict"] == [failing_url]
    assert archive.db.execute("SELECT count(*) FROM articles").fetchone() == (2,)
    assert archive.db.execute("SELECT count(*) FROM captures").fetchone() == (3,)
    [message] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert first in message
    assert second in message


def test_one_batch_with_two_texts_of_one_number_is_a_conflict(archive):
    with pytest.raises(TextConflict, match=r"7"):
        store_texts(archive.db, [(7, "One."), (8, "Two."), (7, "Other.")])
