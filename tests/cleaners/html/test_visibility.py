"""What a browser would not show."""

from __future__ import annotations

import pytest
from lxml import html

from cleaners.html.visibility import is_hidden


@pytest.mark.parametrize(
    ("attributes", "hidden"),
    [
        ("", False),
        ("hidden", True),
        ('hidden="until-found"', False),
        ('aria-hidden="true"', True),
        ('aria-hidden="false"', False),
        ('style="color:red; DISPLAY : none"', True),
        ('style="visibility:hidden"', True),
        ('style="--display:none-such"', False),
        ('class="hidden"', False),
    ],
)
def test_only_an_elements_own_markup_hides_it(attributes: str, hidden: bool) -> None:
    assert is_hidden(html.fromstring(f"<p {attributes}>x</p>")) is hidden
