"""Site rules applied to a parsed page: elements kept or removed, verdicts overridden, a trial for their writer.

The tree changes only if a rule asks for another structure (wrap_in, move_into, dissolve, strip_attr). A removed element
stays in the tree with a label, so that each of its blocks still gets a row in the ledger, and a reason. Site rules
decide last, and their vote is added to the other votes on a block.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from ..document import Block, Column, KeepReason, RemovalReason, Verdict, Vote, verdict_by
from ..page.elements import INVISIBLE_TAGS
from ..page.links import base_url
from ..page.parsed_page import parse
from ..page.visible_blocks import ElementLabels, is_body_label, is_failure_label, keeps_whole_body, removal_label
from .site_rule_files import Directive, SiteRuleFile
from .site_rule_values import DirectiveFinder, DirectiveMatch, SiteRuleValues, XPathResult, read_values
from .weighed_verdicts import DIRECT_VOTERS

"""The labels of the directives that name an element, by element."""

_MAX_GROWTH = 4  # times that replacements may lengthen a page
_TAG_NAME = re.compile(r"[a-z][a-z0-9]*")
_PAGE_TAGS = frozenset(("html", "head", "body"))  # a substring of their classes says nothing about a part of the page


@dataclass(frozen=True, slots=True)
class SiteFindings:
    """Findings of a host's rules on a page.

    `labels` gives, by element, the labels of the directives that name it; `stripped` are the removed elements; `values`
    the metadata and links; `evidence` short `name=label` strings for the page's verdict; `matches` what each directive
    found.
    """

    labels: ElementLabels = field(default_factory=dict)
    stripped: frozenset[etree._Element] = frozenset()
    values: SiteRuleValues = field(default_factory=SiteRuleValues)
    evidence: tuple[str, ...] = ()
    matches: tuple[DirectiveMatch, ...] = ()


NO_FINDINGS = SiteFindings()


def apply_replacements(text: str, rules: Sequence[SiteRuleFile]) -> str:
    """Return the page's source with the rules' string replacements made; one that makes it too long is skipped."""
    max_chars = _MAX_GROWTH * len(text) + 1000
    for rule in rules:
        for find, replacement in rule.replacements:
            new_text = text.replace(find, replacement)
            text = new_text if len(new_text) <= max_chars else text
    return text


def apply_rules(
    tree: etree._Element, rules: Sequence[SiteRuleFile], url: str = "", *, samples: bool = False
) -> SiteFindings:
    """Find what the rules name, and change the tree's structure where they ask for it. Works on any tree; never raises.

    `url` is the base of the page's relative links. With `samples`, each match has the beginning of its text.
    """
    if not rules:
        return NO_FINDINGS
    finder = DirectiveFinder(tree, rules, samples=samples)
    _restructure(finder)
    values = read_values(finder, url)
    _strip_attributes(finder)
    stripped = _strip_labels(finder)
    labels: defaultdict[etree._Element, frozenset[str]] = defaultdict(frozenset)
    for element, label in stripped.items():
        labels[element] |= {label}
    for element, body_labels in _body_labels(finder, frozenset(stripped)).items():
        labels[element] |= body_labels
    ad_clues = finder.directives("native_ad_clue")
    ads = [f"native_ad={label}" for label, directive in ad_clues if finder.find(label, directive)]
    faults = [f"site_rule_fault={match.label}" for match in finder.matches if match.problem]
    return SiteFindings(dict(labels), frozenset(stripped), values, (*ads, *faults), tuple(finder.matches))


def copy_without_stripped(tree: HtmlElement, findings: SiteFindings) -> HtmlElement:
    """Return a copy of the page without the removed elements; the page itself if there are none."""
    if not findings.stripped:
        return tree
    copy: HtmlElement = deepcopy(tree)
    element_pairs = zip(tree.iter(), copy.iter(), strict=True)
    removed_copies = [copied for original, copied in element_pairs if original in findings.stripped]
    for element in removed_copies:
        if element.getparent() is not None:
            element.drop_tree()
    return copy


def _restructure(finder: DirectiveFinder) -> None:
    """Change the tree where directives wrap, move or dissolve elements, in the order of the files."""
    for label, directive in finder.directives("wrap_in", "move_into", "dissolve"):
        results, tag = finder.find(label, directive), directive.argument
        if directive.name == "wrap_in" and _TAG_NAME.fullmatch(tag) and tag not in INVISIBLE_TAGS:
            for element in _elements(results):
                _wrap(element, tag)
        elif directive.name == "dissolve":
            for element in _elements(results):
                if element.getparent() is not None:
                    element.drop_tag()
        elif directive.name == "move_into":
            _move(finder, list(_elements(results)), directive)


def _wrap(element: Any, tag: str) -> None:
    parent = element.getparent()
    if parent is not None and element.tag not in _PAGE_TAGS:
        wrapper = element.makeelement(tag)
        wrapper.tail, element.tail = element.tail, None
        parent.replace(element, wrapper)
        wrapper.append(element)


def _move(finder: DirectiveFinder, elements: list[Any], directive: Directive) -> None:
    """Append the elements to the first element that the directive's argument finds, unless that is inside of them."""
    target = next(_elements(finder.evaluate(directive.argument)[0]), None)
    for element in elements:
        cannot_move = target is None or element is target or element in target.iterancestors()
        if not cannot_move and element.getparent() is not None:
            tail, element.tail = element.tail, None
            _keep_tail(element, tail)
            target.append(element)  # type: ignore[union-attr]


def _keep_tail(element: Any, tail: str | None) -> None:
    """Move an element's tail to the text before it, so that it survives when the element is removed."""
    previous, parent = element.getprevious(), element.getparent()
    if tail and previous is not None:
        previous.tail = (previous.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail


def _strip_attributes(finder: DirectiveFinder) -> None:
    """Remove the attributes that directives name, and the JSON-LD scripts if they say so."""
    for label, directive in finder.directives("strip_attr"):
        for result in finder.find(label, directive):
            _drop_attribute(result)
    if finder.switch("skip_json_ld", False)[0]:
        for script in list(finder.tree.iter("script")):
            if "ld+json" in (script.get("type") or "").lower() and (parent := script.getparent()) is not None:
                _keep_tail(script, script.tail)
                parent.remove(script)


def _drop_attribute(result: Any) -> None:
    """Remove an attribute from its element; a result that is not an attribute is left alone."""
    if getattr(result, "is_attribute", False) and (parent := result.getparent()) is not None:
        parent.attrib.pop(result.attrname, None)


def _strip_labels(finder: DirectiveFinder) -> dict[Any, str]:
    """Return the removed elements, each with the label of the first directive that removes it."""
    label_by_element: dict[Any, str] = {}
    for label, directive in finder.directives("strip"):
        results = finder.find(label, directive)
        for result in results:
            _drop_attribute(result)
        for element in _elements(results):
            label_by_element.setdefault(element, label)
    substring_directives = list(finder.directives("strip_id_or_class"))
    named_elements = _named_elements(finder.tree) if substring_directives else []
    for label, directive in substring_directives:
        substring = directive.value.strip("'\"")
        matched = [element for names, element in named_elements if substring and substring in names]
        finder.record_match(label, directive.value, matched)
        for element in matched:
            label_by_element.setdefault(element, label)
    return label_by_element


def _named_elements(tree: etree._Element) -> list[tuple[str, Any]]:
    """Return (names, element) for each element with an id or a class; `names` is both, a line each."""
    pairs = ((f"{element.get('id') or ''}\n{element.get('class') or ''}", element) for element in tree.iter("*"))
    return [(names, element) for names, element in pairs if len(names) > 1 and element.tag not in _PAGE_TAGS]


def _body_labels(finder: DirectiveFinder, stripped: frozenset[Any]) -> dict[Any, frozenset[str]]:
    """Return the labels of the elements of the first body directive that finds text.

    Without one, the root gets the label of `autodetect_on_failure: no`, if a rule says that.
    """
    may_prune, prune_label = finder.switch("prune", True)
    for label, directive in finder.directives("body"):
        matched = [element for element in _elements(finder.find(label, directive)) if _has_text(element, stripped)]
        if matched:
            return {element: frozenset((label, *(() if may_prune else (prune_label,)))) for element in matched}
    may_autodetect, failure_label = finder.switch("autodetect_on_failure", True)
    return {} if may_autodetect else {finder.tree: frozenset((failure_label,))}


def _has_text(element: Any, stripped: frozenset[Any]) -> bool:
    """Return whether an element has visible text outside of the removed elements."""
    if any(ancestor in stripped for ancestor in element.iterancestors()):
        return False
    walker = etree.iterwalk(element, events=("start", "end"))
    for event, child in walker:
        if event == "start" and (child.tag in INVISIBLE_TAGS or child in stripped):
            walker.skip_subtree()
        elif (event == "start" and (child.text or "").strip()) or (event == "end" and _tail_text(child, element)):
            return True
    return False


def _tail_text(child: Any, root: Any) -> str:
    return "" if child is root else (child.tail or "").strip()


def _elements(results: Sequence[XPathResult]) -> Iterator[Any]:
    """Yield the elements among the results; a text node is put into a new element first."""
    for result in results:
        if not isinstance(result, str):
            yield result
        elif (element := _wrap_text_node(result)) is not None:
            yield element


def _wrap_text_node(text: Any) -> Any:
    """Return a new `<span>` around a text node; None for a string that is not a text node of the tree."""
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


_PRUNE_THRESHOLD = 0.1  # a block of a body with a lower probability, by the model, is removed if pruning is on
_TITLE = "metadata/title"  # often within the body, but the article has its title apart


def override_verdicts(
    blocks: Sequence[Block], verdicts: Sequence[Verdict], probabilities: Column
) -> tuple[Verdict, ...]:
    """Return the verdicts, overridden where site rules have labelled the blocks.

    `probabilities` are the model's, one for each block, that it belongs to the article.
    """
    landmark_sets = {block.landmarks for block in blocks}
    site_labels = {
        landmarks: sorted(mark for mark in landmarks if mark.startswith("site:")) for landmarks in landmark_sets
    }
    if not any(site_labels.values()):
        return tuple(verdicts)
    labels_by_block = [site_labels[block.landmarks] for block in blocks]
    body_label = next((label for labels in labels_by_block for label in labels if is_body_label(label)), "")
    return tuple(
        _override(verdict, labels, body_label, float(probability))
        for verdict, labels, probability in zip(verdicts, labels_by_block, probabilities, strict=True)
    )


def _override(verdict: Verdict, labels: Sequence[str], body_label: str, probability: float) -> Verdict:
    """Return the verdict on a block with these labels; `body_label` is that of the page's body, if a rule names one."""
    if label := removal_label(labels):
        return verdict_by(Vote("site", False, label, RemovalReason.SITE_RULE), *verdict.votes)
    if any(map(is_body_label, labels)):
        if _is_pruned(verdict, labels, probability):
            return verdict
        return verdict_by(Vote("site", True, body_label, KeepReason.SELECTED), *verdict.votes)
    if label := body_label or next(filter(is_failure_label, labels), ""):
        return verdict_by(Vote("site", False, label, RemovalReason.SITE_RULE), *verdict.votes)
    return verdict


def _is_pruned(verdict: Verdict, labels: Sequence[str], probability: float) -> bool:
    """Return whether a block of the body stays removed: a named rule or the model is sure that it is boilerplate."""
    if verdict.kept:
        return False
    if any(map(keeps_whole_body, labels)):
        return verdict.rule == _TITLE
    removals = [vote for vote in verdict.votes if not vote.keep]
    by_named_rule = any(vote.voter in DIRECT_VOTERS or vote.rule == "context/duplicate" for vote in removals)
    return by_named_rule or probability < _PRUNE_THRESHOLD


def directive_matches(rule: SiteRuleFile, text: str, url: str) -> Sequence[DirectiveMatch]:
    """Return the matches of a file's directives on a page's source, each with the beginning of its first match."""
    tree = parse(apply_replacements(text, (rule,)))
    return () if tree is None else apply_rules(tree, (rule,), base_url(tree, url), samples=True).matches
