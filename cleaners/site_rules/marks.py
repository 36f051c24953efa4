"""Site rules applied to a parsed page: which of its parts they take for the article or out of it.

The page's tree changes only where a rule asks for another structure (wrap_in, move_into, dissolve, strip_attr); what
is taken out stays in it with a mark, so that each block keeps its row and its reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from cleaners.html.visibility import INVISIBLE
from cleaners.site_rules.finder import Finder, Found, Hit
from cleaners.site_rules.ftr_format import Directive, SiteRule
from cleaners.site_rules.values import RuleValues, read_values

Marks = Mapping[etree._Element, frozenset[str]]

_MAX_GROWTH = 4  # times that replacements may make a page longer
_TAG = re.compile(r"[a-z][a-z0-9]*")
_NO_PLACE = frozenset(("html", "head", "body"))  # a substring of their classes says nothing about a part of the page


@dataclass(frozen=True, slots=True)
class SiteFindings:
    """What a host's rules find on a page.

    `marks` gives elements with the labels of the directives that named them, `stripped` those that are taken out;
    `facts` are evidence for people, `hits` what each directive found.
    """

    marks: Marks = field(default_factory=dict)
    stripped: frozenset[etree._Element] = frozenset()
    values: RuleValues = field(default_factory=RuleValues)
    facts: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()


NOTHING = SiteFindings()


def replaced(text: str, rules: Sequence[SiteRule]) -> str:
    """The page's text with the strings replaced that the rules name, in the order of the files."""
    most = _MAX_GROWTH * len(text) + 1000
    for rule in rules:
        for find, replacement in rule.replacements:
            made = text.replace(find, replacement)
            text = made if len(made) <= most else text
    return text


def apply_rules(
    tree: etree._Element, rules: Sequence[SiteRule], url: str = "", *, samples: bool = False
) -> SiteFindings:
    """Find what the rules name, and change the tree's structure where they ask for it. Any tree, never raises."""
    if not rules:
        return NOTHING
    finder = Finder(tree, rules, samples=samples)
    _restructure(finder)
    values = read_values(finder, url)
    _strip_attributes(finder)
    stripped = _stripped(finder)
    marks: defaultdict[etree._Element, frozenset[str]] = defaultdict(frozenset)
    for element, label in stripped.items():
        marks[element] |= {label}
    for element, labels in _bodies(finder, frozenset(stripped)).items():
        marks[element] |= labels
    facts = [f"native_ad={label}" for label, one in finder.directives("native_ad_clue") if finder.find(label, one)]
    faults = [f"site_rule_fault={hit.label}" for hit in finder.hits if hit.problem]
    return SiteFindings(dict(marks), frozenset(stripped), values, (*facts, *faults), tuple(finder.hits))


def without_stripped(tree: HtmlElement, findings: SiteFindings) -> HtmlElement:
    """The page without what the rules take out, as a copy; the page itself where they take nothing out."""
    if not findings.stripped:
        return tree
    copy: HtmlElement = deepcopy(tree)
    doomed = [twin for own, twin in zip(tree.iter(), copy.iter(), strict=True) if own in findings.stripped]
    for twin in doomed:
        if twin.getparent() is not None:
            twin.drop_tree()
    return copy


def _restructure(finder: Finder) -> None:
    for label, one in finder.directives("wrap_in", "move_into", "dissolve"):
        found = finder.find(label, one)
        if one.name == "wrap_in" and _TAG.fullmatch(one.argument) and one.argument not in INVISIBLE:
            for element in _elements(found):
                _wrap(element, one.argument)
        elif one.name == "dissolve":
            for element in _elements(found):
                if element.getparent() is not None:
                    element.drop_tag()
        elif one.name == "move_into":
            _move(finder, list(_elements(found)), one)


def _wrap(element: Any, tag: str) -> None:
    parent = element.getparent()
    if parent is not None and element.tag not in _NO_PLACE:
        wrapper = element.makeelement(tag)
        wrapper.tail, element.tail = element.tail, None
        parent.replace(element, wrapper)
        wrapper.append(element)


def _move(finder: Finder, elements: list[Any], one: Directive) -> None:
    target = next(_elements(finder.look(one.argument)[0]), None)
    for element in elements:
        inside = target is None or element is target or element in target.iterancestors()
        if not inside and element.getparent() is not None:
            tail, element.tail = element.tail, None
            _leave_text(element, tail)
            target.append(element)  # type: ignore[union-attr]


def _leave_text(element: Any, tail: str | None) -> None:
    """Let the text after an element stay where it is when the element goes."""
    before, parent = element.getprevious(), element.getparent()
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail


def _strip_attributes(finder: Finder) -> None:
    for label, one in finder.directives("strip_attr"):
        for found in finder.find(label, one):
            _drop_attribute(found)
    if finder.switch("skip_json_ld", False)[0]:
        for script in list(finder.tree.iter("script")):
            if "ld+json" in (script.get("type") or "").lower() and (parent := script.getparent()) is not None:
                _leave_text(script, script.tail)
                parent.remove(script)


def _drop_attribute(found: Any) -> None:
    if getattr(found, "is_attribute", False) and (parent := found.getparent()) is not None:
        parent.attrib.pop(found.attrname, None)


def _stripped(finder: Finder) -> dict[Any, str]:
    """What is taken out, by the label of the first directive that says so."""
    stripped: dict[Any, str] = {}
    for label, one in finder.directives("strip"):
        found = finder.find(label, one)
        for each in found:
            _drop_attribute(each)
        for element in _elements(found):
            stripped.setdefault(element, label)
    named = [(label, one, one.value.strip("'\"")) for label, one in finder.directives("strip_id_or_class")]
    places = _named_places(finder.tree) if named else []
    for label, one, part in named:
        matched = [element for names, element in places if part and part in names]
        finder.note(label, one.value, matched)
        for element in matched:
            stripped.setdefault(element, label)
    return stripped


def _named_places(tree: etree._Element) -> list[tuple[str, Any]]:
    """The elements with an id or a class, and both in one line."""
    named = ((f"{one.get('id') or ''}\n{one.get('class') or ''}", one) for one in tree.iter("*"))
    return [(names, one) for names, one in named if len(names) > 1 and one.tag not in _NO_PLACE]


def _bodies(finder: Finder, stripped: frozenset[Any]) -> dict[Any, frozenset[str]]:
    """The elements of the first body directive that finds text; without one, the root if nothing is to be guessed."""
    whole, prune = finder.switch("prune", True)
    for label, one in finder.directives("body"):
        matched = [element for element in _elements(finder.find(label, one)) if _has_text(element, stripped)]
        if matched:
            return {element: frozenset((label, *(() if whole else (prune,)))) for element in matched}
    guesses, failed = finder.switch("autodetect_on_failure", True)
    return {} if guesses else {finder.tree: frozenset((failed,))}


def _has_text(element: Any, stripped: frozenset[Any]) -> bool:
    """Whether visible text is in an element, outside what is taken out."""
    if any(each in stripped for each in element.iterancestors()):
        return False
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, each in walker:
        if event == "start" and (each.tag in INVISIBLE or each in stripped):
            walker.skip_subtree()
        elif (event == "start" and (each.text or "").strip()) or (event == "end" and _tail(each, element)):
            return True
    return False


def _tail(each: Any, top: Any) -> str:
    return "" if each is top else (each.tail or "").strip()


def _elements(found: Sequence[Found]) -> Iterator[Any]:
    """The elements of what was found; a text node gets one around it."""
    for each in found:
        if not isinstance(each, str):
            yield each
        elif (element := _around(each)) is not None:
            yield element


def _around(text: Any) -> Any:
    """A new element around a text node, or None for a text that is none."""
    parent = text.getparent() if hasattr(text, "getparent") else None
    if parent is None or not str(text).strip():
        return None
    span = parent.makeelement("span")
    span.text = str(text)
    if text.is_text and parent.text == span.text:
        parent.text = None
        parent.insert(0, span)
        return span
    if text.is_tail and parent.tail == span.text:
        parent.tail = None
        parent.addnext(span)
        return span
    return None
