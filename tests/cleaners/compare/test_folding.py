from __future__ import annotations

from cleaners.compare.folding import folded, moment, pieces_of, squeezed, words_of


def test_typography_folds_to_plain_marks() -> None:
    assert folded("“Quoted”  – it’s a\u00adbout…") == '"Quoted" - it\'s about...'
    assert squeezed("a b\n c") == "abc"


def test_words_are_lower_case_and_chinese_ones_are_characters() -> None:
    assert words_of("Harbour-master’s 第二 boat") == ["harbour-master's", "第", "二", "boat"]


def test_pieces_together_are_the_text() -> None:
    assert "".join(pieces_of(" one, two  第二 x")) == " one, two  第二 x"


def test_times_that_may_be_one() -> None:
    day, late, early = moment("2026-05-03"), moment("2026-05-03T23:30:00-05:00"), moment("2026-05-04T04:30:00Z")
    assert day
    assert late
    assert early
    assert late.agrees(early)
    assert day.agrees(early)
    assert not day.agrees(moment("2026-05-04"))  # type: ignore[arg-type]
    assert moment("yesterday") is None
