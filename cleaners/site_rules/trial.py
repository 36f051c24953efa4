"""What each line of a rule file matches on a page, for a person who writes it."""

from __future__ import annotations

from collections.abc import Sequence

from broadsheet.cleaners.html.decode import parse
from broadsheet.cleaners.html.links import base_url
from broadsheet.cleaners.site_rules.finder import DirectiveMatch
from broadsheet.cleaners.site_rules.ftr_format import SiteRuleFile
from broadsheet.cleaners.site_rules.marks import apply_replacements, apply_rules


def directive_matches(rule: SiteRuleFile, text: str, url: str) -> Sequence[DirectiveMatch]:
    """What the directives of a file match on a page's source, each with the beginning of its first match."""
    tree = parse(apply_replacements(text, (rule,)))
    return () if tree is None else apply_rules(tree, (rule,), base_url(tree, url), samples=True).matches
