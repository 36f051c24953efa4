from __future__ import annotations

from broadsheet.cleaners.compare.folding import comparison_key, fold_typography, parse_moment, split_tokens, split_words


def test_typography_folds_to_plain_marks() -> None:
    assert fold_typography("“Quoted”  – it’s a\u00adbout…") == '"Quoted" - it\'s about...'
    assert comparison_key("a b\n c") == "abc"


def test_words_are_lower_case_and_chinese_ones_are_characters() -> None:
    assert split_words("Harbour-master’s 第二 boat") == ["harbour-master's", "第", "二", "boat"]


def test_pieces_together_are_the_text() -> None:
    assert "".join(split_tokens(" one, two  第二 x")) == " one, two  第二 x"


def test_times_that_may_be_one() -> None:
    day, late, early = (
        parse_moment("2026-05-03"),
        parse_moment("2026-05-03T23:30:00-05:00"),
        parse_moment("2026-05-04T04:30:00Z"),
    )
    assert day
    assert late
    assert early
    assert late.may_equal(early)
    assert day.may_equal(early)
    assert not day.may_equal(parse_moment("2026-05-04"))  # type: ignore[arg-type]
    assert parse_moment("yesterday") is None
    other_minute = parse_moment("2026-05-04T04:31:00Z")
    assert other_minute
    assert not early.may_equal(other_minute), "two instants of one day are two"
