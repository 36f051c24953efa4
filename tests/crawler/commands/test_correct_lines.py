"""What a ruling is shown as: in the list, as JSON and in the comment of a rule file, a row a clause."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.document import Block, BlockKind, RemovalReason, Verdict
from broadsheet.crawler.commands.correct import _guess_reason, _ruling_cells, _ruling_comment, _ruling_values
from broadsheet.output.read.ruling_examples import RulingExample
from broadsheet.output.write.person_verdicts import ListedRuling, Ruling

URL = "http://a.test/1"
AT = "2026-03-04T05:06:07+00:00"
BLOCK = Block(0, BlockKind.PARAGRAPH, "words", "words", "body>main>p")
PLACE = RulingExample("http://a.test/2", BLOCK, ())


def listed(url: str | None = None, pages: int = 1, **values: object) -> ListedRuling:
    given = {"block_id": 1 << 60, "is_kept": False, "ruled_at": AT, "reason": "share buttons", "rule": "text/share"}
    return ListedRuling(Ruling(**(given | values)), "words", url, pages)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ruling", "place", "comment"),
    [
        (listed(), None, "removed 2026-03-04 (anywhere)"),
        (listed(), PLACE, "removed 2026-03-04 (anywhere, for example on http://a.test/2)"),
        (listed(host="a.test"), PLACE, "removed 2026-03-04 (a.test, for example on http://a.test/2)"),
        (listed(URL, article_id=7), PLACE, "removed 2026-03-04 (http://a.test/1)"),
        (listed(note="an ad"), None, "removed 2026-03-04 (anywhere): an ad"),
    ],
)
def test_a_comment(ruling: ListedRuling, place: RulingExample | None, comment: str) -> None:
    assert _ruling_comment("removed", ruling, place) == f"Block 1152921504606846976, {comment}"


@pytest.mark.parametrize(
    ("ruling", "cells"),
    [
        (listed(), ["removed", "1", "2026-03-04", "share buttons text/share", "anywhere", ""]),
        (
            listed(host="a.test", pages=1234),
            ["removed", "1,234", "2026-03-04", "share buttons text/share", "a.test", ""],
        ),
        (
            listed(article_id=7, note="so"),
            ["removed", "1", "2026-03-04", "share buttons text/share", "article 7", "so"],
        ),
        (listed(URL, article_id=7, rule=""), ["removed", "1", "2026-03-04", "share buttons", URL, ""]),
        (listed(is_kept=True), ["restored", "1", "2026-03-04", "share buttons text/share", "anywhere", ""]),
    ],
)
def test_a_line_of_the_list(ruling: ListedRuling, cells: list[str]) -> None:
    assert _ruling_cells(ruling) == ["1152921504606846976", *cells]


def test_values() -> None:
    assert _ruling_values(listed(URL, 3, article_id=7, note="so")) == {
        "number": "5557345250602130", "block_id": "1152921504606846976", "verdict": "removed", "article_id": 7,
        "url": URL, "host": None, "pages": 3,
        "at": AT, "overruled": {"reason": "share buttons", "rule": "text/share"}, "note": "so", "text": "words",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "verdicts", "reason"),
    [
        ("body>main>p", (), "promo"),
        ("body>main>p", (Verdict(False, "navigation", "x"), Verdict(False, "share buttons", "x")), "navigation"),
        ("body>main>p", (Verdict(True, "navigation", "x"), Verdict(False, "share buttons", "x")), "share buttons"),
        ("body>main>p", (Verdict(False, "no such reason", "x"),), "promo"),
        ("body>nav>p", (Verdict(False, "share buttons", "x"),), "navigation"),
    ],
)
def test_the_reason_is_a_guess_from_where_the_block_stands(
    path: str, verdicts: tuple[Verdict, ...], reason: str
) -> None:
    place = RulingExample(URL, Block(0, BlockKind.PARAGRAPH, "words", "words", path), verdicts)
    assert _guess_reason(place) == reason
    assert _guess_reason(None) is RemovalReason.PROMO
