"""The difference of two versions of a text word by word; pure."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from broadsheet.cleaners.compare.folding import fold_typography, split_tokens

SAME_SIGN, REMOVED_SIGN, ADDED_SIGN = "=", "-", "+"
_MAX_BRIDGE_TOKENS = 1  # this many equal words between two changes are counted as part of the change


def diff_words(old_text: str, new_text: str) -> tuple[tuple[str, str], ...]:
    """(sign, text) in order: `=` for words of both texts, `-` for words of the old one, `+` for words of the new one.

    The texts of `=` and `+` together are the new text, except for differences that `fold_typography` removes.
    """
    old_tokens, new_tokens = split_tokens(old_text), split_tokens(new_text)
    matcher = SequenceMatcher(
        None, list(map(fold_typography, old_tokens)), list(map(fold_typography, new_tokens)), autojunk=False
    )
    return tuple(_merge_steps(list(_diff_steps(matcher, old_tokens, new_tokens))))


def _diff_steps(
    matcher: SequenceMatcher[str], old_tokens: list[str], new_tokens: list[str]
) -> Iterator[tuple[str, str, str]]:
    """(sign, old words, new words) of each step; a single equal word between two changes counts as changed."""
    opcodes = matcher.get_opcodes()
    for index, (tag, old_start, old_end, new_start, new_end) in enumerate(opcodes):
        is_bridge = 0 < index < len(opcodes) - 1 and new_end - new_start <= _MAX_BRIDGE_TOKENS
        sign = SAME_SIGN if tag == "equal" and not is_bridge else REMOVED_SIGN + ADDED_SIGN
        yield sign, "".join(old_tokens[old_start:old_end]), "".join(new_tokens[new_start:new_end])


def _merge_steps(steps: list[tuple[str, str, str]]) -> Iterator[tuple[str, str]]:
    """Join neighbouring changes into one removed and one added text."""
    removed_text = added_text = ""
    for sign, old_text, new_text in [*steps, (SAME_SIGN, "", "")]:
        if sign == SAME_SIGN:
            yield from (
                (change_sign, text)
                for change_sign, text in ((REMOVED_SIGN, removed_text), (ADDED_SIGN, added_text))
                if text
            )
            removed_text = added_text = ""
            if new_text:
                yield SAME_SIGN, new_text
        else:
            removed_text, added_text = removed_text + old_text, added_text + new_text
