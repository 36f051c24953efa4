"""Loader of the extension in C, which does some of the cleaners' work where it was built for the lxml that is here.

The functions that can use it ask for `extension.native` at each call, so that a test can take it away. They give the
same results without it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from lxml.html import HtmlElement


Names = tuple[str, str | None, str | None]
"""Tag, class and id of an element."""

ElementSurvey = tuple["list[tuple[str, HtmlElement]]", "list[HtmlElement]", "list[HtmlElement]", list[Names]]


class NativeFunctions(Protocol):
    """Functions of the extension. Those of a tree return None or false for a tree that they leave to Python."""

    BUILT_FOR: str

    def read_blocks(
        self,
        root: Any,
        blocks: list[Any],
        grammar: tuple[Any, ...],
        skips_hidden: Callable[[Any], bool],
        is_table: Callable[[Any], bool],
        read_table: Callable[[Any, str, frozenset[str]], None],
        link_closing: Callable[[str], str],
        /,
    ) -> bool:
        """Append the visible blocks below an element to a list; see `_BlockReader` of `visible_blocks.py`."""

    def survey_elements(
        self,
        root: Any,
        tags: frozenset[str],
        needles: tuple[str, ...],
        link_needles: tuple[str, ...],
        attributes: tuple[str, ...],
        /,
    ) -> ElementSurvey | None:
        """Return the pairs (tag, element) with one of `tags`, the elements with an `itemtype`, those with a needle in
        their class or a link's href or with one of the attributes, and the distinct names of elements that have some.
        """

    def join_words(self, text: str, /) -> bytes:
        """Return the words of a text as they count, with a space between them."""

    def hash_words(self, text: str, plan: bytes, /) -> bytes:
        """Return the hashes of the words of a text; see `hashed_words.py`."""

    def hash_names(self, path: str, lower_path: str, plan: bytes, /) -> bytes:
        """Return the hashes of the names along a block's path; empty for a path that is left to Python."""


def load_extension() -> tuple[NativeFunctions | None, str]:
    """Import the extension: return it, or None, and what it was built for or else why it cannot be used.

    BROADSHEET_PURE in the environment keeps it from being used.
    """
    try:
        module = cast(NativeFunctions, import_module(f"{__package__}._native"))
    except ModuleNotFoundError:
        return None, "it was not built"
    except ImportError as error:
        return None, str(error)
    return module, f"built for {module.BUILT_FOR}"


native, description = load_extension()
