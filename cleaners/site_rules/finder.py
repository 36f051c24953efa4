"""What the expressions of site rules find on a parsed page. A bad one finds nothing, and says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lxml import etree

from cleaners.html.inline import fold
from cleaners.site_rules.ftr_format import Directive, SiteRule

Found = etree._Element | str
"""An element, or a text: a string that an expression makes, an attribute's value or a text node."""

_SAMPLE_CHARS = 80


@dataclass(frozen=True, slots=True)
class Hit:
    """What a directive found: in how many places, and the first words of the first. `problem`: why it cannot work."""

    label: str
    value: str
    count: int
    sample: str = ""
    problem: str = ""


class Finder:
    """Looks up a page for directives and notes what each found. `samples` costs a little, and is for people."""

    def __init__(self, tree: etree._Element, rules: Sequence[SiteRule], *, samples: bool = False) -> None:
        self.tree = tree
        self.rules = rules
        self.hits: list[Hit] = []
        self._samples = samples

    def directives(self, *names: str) -> Iterator[tuple[str, Directive]]:
        """The directives of these names with their labels, the host's own file first, in the order of the file."""
        for rule in self.rules:
            for one in rule.directives:
                if one.name in names:
                    yield rule.label(one), one

    def switch(self, name: str, default: bool) -> tuple[bool, str]:
        """What the first file that has the switch says last, and its label; the default without one."""
        for rule in self.rules:
            if said := rule.all(name):
                return rule.switch(name, default), rule.label(said[-1])
        return default, ""

    def find(self, label: str, one: Directive) -> list[Found]:
        """What a directive's expression finds, and a note of it."""
        found, problem = self.look(one.value)
        self.note(label, one.value, found, problem)
        return found

    def look(self, expression: str) -> tuple[list[Found], str]:
        """What an expression finds, and what is wrong with it."""
        try:
            result: Any = _compiled(expression)(self.tree)
        except (etree.XPathError, ValueError, TypeError, AssertionError) as error:
            return [], " ".join(f"{expression}: {error}".split())
        if isinstance(result, list):
            return [one for one in result if isinstance(one, str) or isinstance(getattr(one, "tag", None), str)], ""
        if isinstance(result, bool):
            return (["true"] if result else []), ""
        return ([str(result)] if str(result).strip() else []), ""

    def note(self, label: str, value: str, found: Sequence[Found], problem: str = "") -> None:
        """Note what a directive found."""
        sample = text_of(found[0], " ")[:_SAMPLE_CHARS] if found and self._samples else ""
        self.hits.append(Hit(label, value, len(found), sample, problem))


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> etree.XPath:
    return etree.XPath(expression)


def text_of(found: Found, between: str = "") -> str:
    """The text of what was found, in one line, without scripts; `between` goes between its parts."""
    if isinstance(found, str):
        return " ".join(str(found).split())
    parts = found.xpath("descendant::text()[not(ancestor::script or ancestor::style)]")
    return " ".join(fold(between.join(map(str, parts))).split())
