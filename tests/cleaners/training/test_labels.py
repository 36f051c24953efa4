"""How the words of annotated texts are counted."""

from __future__ import annotations

from collections import Counter

from broadsheet.cleaners.training.labels import word_f1, words_of


def test_characters_of_scripts_without_spaces_are_words_of_their_own() -> None:
    assert words_of("The 東京 Mill, ゲーム2") == ["the", "東", "京", "mill", "ゲ", "ー", "ム", "2"]


def test_a_chinese_text_with_one_sentence_too_much_is_not_all_wrong() -> None:
    truth, extracted = "村里的磨坊很老", "村里的磨坊很老请订阅"
    assert word_f1(Counter(words_of(extracted)), Counter(words_of(truth))) == 14 / 17
