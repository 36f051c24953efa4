from __future__ import annotations

import random
import sqlite3

import pytest

from broadsheet.output.db.fulltext.quick_glob import has_unspaced_script, install_quick_glob
from broadsheet.output.db.fulltext.unspaced_scripts import CJK_RANGES

_TEXT, _ONE = f"*[{CJK_RANGES}]*", f"[{CJK_RANGES}]"


@pytest.fixture
def sqlite_and_ours():
    """GLOB as SQLite has it, and as an archive's writer has it."""
    plain, quick = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    install_quick_glob(quick)
    yield lambda pattern, text: [db.execute("SELECT ? GLOB ?", (text, pattern)).fetchone()[0] for db in (plain, quick)]
    plain.close()
    quick.close()


@pytest.mark.parametrize(
    "text", ["", "plain", "caf\u00e9 \u2019 \u2e7f", "a\u2e80", "x\u4e00", "\uac00\uff01\ufeff", "\U0001f600"]
)
def test_what_the_index_asks_of_a_text_is_answered_as_sqlite_does(sqlite_and_ours, text):
    plain, quick = sqlite_and_ours(_TEXT, text)
    assert plain == quick == has_unspaced_script(text)


def test_of_every_range_the_first_the_last_and_the_characters_beside_are_told(sqlite_and_ours):
    edges = [ord(char) + step for char in CJK_RANGES if char != "-" for step in (-1, 0, 1)]
    for text in map(chr, edges):
        for pattern, asked in ((_TEXT, f"a {text} b"), (_ONE, text), (_ONE, f"{text}b"), (_ONE, f"a{text}")):
            plain, quick = sqlite_and_ours(pattern, asked)
            assert plain == quick


@pytest.mark.parametrize("value", [None, 5, 5.5, b"5", "", "5", "nul \0 5", "\u4e00\0"])
@pytest.mark.parametrize("pattern", [None, 5, "5", "5*", "nul*", _TEXT, _ONE, b"5*", "*\0"])
def test_values_of_any_kind_are_compared_as_sqlite_does(sqlite_and_ours, pattern, value):
    plain, quick = sqlite_and_ours(pattern, value)
    assert plain == quick


def test_patterns_are_those_of_sqlite(sqlite_and_ours):
    source = random.Random(11)
    for _ in range(3_000):
        pattern = "".join(source.choices("ab*?[]^-\u00e9", k=source.randint(0, 6)))
        text = "".join(source.choices("ab[]*\u00e9-", k=source.randint(0, 5)))
        plain, quick = sqlite_and_ours(pattern, text)
        assert plain == quick, (pattern, text)
