"""Named, explainable rules for what on a page is not the article. The rules are data: see the TOML files."""

from cleaners.rules.layout import explain_layout
from cleaners.rules.loader import LANGUAGES, RuleFileError, load_rules, read_rules
from cleaners.rules.matcher import RuleBook, core, count_words, fold
from cleaners.rules.rule import REASONS, Place, Position, Rule

__all__ = [
    "LANGUAGES",
    "REASONS",
    "Place",
    "Position",
    "Rule",
    "RuleBook",
    "RuleFileError",
    "core",
    "count_words",
    "explain_layout",
    "fold",
    "load_rules",
    "read_rules",
]
