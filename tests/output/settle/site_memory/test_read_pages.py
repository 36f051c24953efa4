"""What a block says, as a number; `test_repeats.py` and `test_bodies.py` look at whole sites."""

from __future__ import annotations

import pytest

from broadsheet.cleaners.compare.templates import text_template
from broadsheet.output.db.stored_values import BLOCK_KINDS
from broadsheet.output.settle.site_memory.read_pages import text_key


def key(text, kind="paragraph", number=5):
    return text_key(text, text_template(text), number, BLOCK_KINDS.index(kind))


def test_texts_that_differ_in_what_varies_have_one_key():
    assert key("Published in issue 45, August 1999", number=1) == key("Published in issue 7, May 2001", number=2)
    assert key("Published in issue 45") != key("Printed in issue 45")


def test_a_text_in_which_nothing_varies_has_its_own_number():
    assert key("More from the blog of whales", number=3) == 3


@pytest.mark.parametrize("kind", ["table", "code"])
def test_the_numbers_of_tables_and_code_are_what_they_say(kind):
    assert key("Total | 45", kind, number=4) == 4
