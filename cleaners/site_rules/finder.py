"""Evaluates the XPath expressions of site rules on a parsed page. A failing one finds nothing and is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lxml import etree

from broadsheet.cleaners.html.inline import fold_spaces
from broadsheet.cleaners.site_rules.ftr_format import Directive, SiteRuleFile

XPathResult = etree._Element | str
"""One result of an expression: an element, or a string (a computed string, an attribute's value or a text node)."""

_MAX_SAMPLE_CHARS = 80


@dataclass(frozen=True, slots=True)
class DirectiveMatch:
    """What a directive matched on a page.

    `count` is the number of results, `sample` the beginning of the first one's text, `problem` the error if the
    expression failed.
    """

    label: str
    value: str
    count: int
    sample: str = ""
    problem: str = ""


class DirectiveFinder:
    """Finds on a page what directives name, and records it in `matches`.

    With `samples` each match has the beginning of its text, which costs a little; people read it.
    """

    def __init__(self, tree: etree._Element, rule_files: Sequence[SiteRuleFile], *, samples: bool = False) -> None:
        self.tree = tree
        self.rule_files = rule_files
        self.matches: list[DirectiveMatch] = []
        self._samples = samples

    def directives(self, *names: str) -> Iterator[tuple[str, Directive]]:
        """Yield (label, directive) for each directive with one of these names, file by file, in the order of each."""
        for rule_file in self.rule_files:
            for directive in rule_file.directives:
                if directive.name in names:
                    yield rule_file.label(directive), directive

    def switch(self, name: str, default: bool) -> tuple[bool, str]:
        """Return a switch's value and its label, from the first file that has it; the default and "" without one."""
        for rule_file in self.rule_files:
            if directives := rule_file.directives_named(name):
                return rule_file.switch(name, default), rule_file.label(directives[-1])
        return default, ""

    def find(self, label: str, directive: Directive) -> list[XPathResult]:
        """Return the results of a directive's expression, and record the match."""
        results, problem = self.evaluate(directive.value)
        self.record_match(label, directive.value, results, problem)
        return results

    def evaluate(self, expression: str) -> tuple[list[XPathResult], str]:
        """Return the results of an expression, and the error message or an empty string."""
        try:
            value: Any = _compiled(expression)(self.tree)
        except (etree.XPathError, ValueError, TypeError, AssertionError) as error:
            return [], " ".join(f"{expression}: {error}".split())
        if isinstance(value, list):
            return [node for node in value if isinstance(node, str) or isinstance(getattr(node, "tag", None), str)], ""
        if isinstance(value, bool):
            return (["true"] if value else []), ""
        return ([str(value)] if str(value).strip() else []), ""

    def record_match(self, label: str, value: str, results: Sequence[XPathResult], problem: str = "") -> None:
        """Append what a directive matched to `matches`."""
        sample = text_of(results[0], " ")[:_MAX_SAMPLE_CHARS] if results and self._samples else ""
        self.matches.append(DirectiveMatch(label, value, len(results), sample, problem))


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> etree.XPath:
    return etree.XPath(expression)


def text_of(result: XPathResult, separator: str = "") -> str:
    """Return the text of a result on one line, without scripts; `separator` is put between its text nodes."""
    if isinstance(result, str):
        return " ".join(str(result).split())
    text_nodes = result.xpath("descendant::text()[not(ancestor::script or ancestor::style)]")
    return " ".join(fold_spaces(separator.join(map(str, text_nodes))).split())
