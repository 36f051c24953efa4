from __future__ import annotations

import json
import zlib

from cleaners.document import Block, BlockKind, Verdict
from output.store.ledger import block_id, make_ledger_rows, read_block_paths, read_ledger
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


def test_writing_again_replaces(archive, make):
    save(archive, make, BLOCKS, VERDICTS)
    page = save(archive, make, BLOCKS[1:], VERDICTS[1:])
    assert [block for block, _ in read_ledger(archive.db, page)] == list(BLOCKS[1:])


def test_a_page_without_ledger(archive):
    assert list(read_ledger(archive.db, 1)) == []


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
    assert read_block_paths(packed) == [text, text]
