"""The site rule format of fivefilters' ftr-site-config: a text file a host, one directive a line.

Format: https://help.fivefilters.org/full-text-rss/site-patterns.html. A file is read whole; what cannot be used is a
`Problem` with its line, and the rest of the file holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from lxml import etree

_LINE = re.compile(r"\s*(?P<name>[a-z_]+)\s*(?:\((?P<argument>.*?)\)\s*)?:(?P<value>.*)$", re.IGNORECASE)

_XPATHS = frozenset(
    (
        "title", "body", "date", "author", "strip", "single_page_link", "single_page_link_in_feed",
        "next_page_link", "native_ad_clue", "not_logged_in_xpath", "strip_attr", "post_strip_attr", "dissolve",
        "wrap_in", "move_into", "if_page_contains",
    )
)  # fmt: skip
_SUBSTRINGS = frozenset(("strip_id_or_class", "skip_id_or_class", "strip_image_src"))
_SWITCHES = frozenset(
    (
        "prune", "tidy", "autodetect_on_failure", "autodetect_next_page", "convert_double_br_tags", "requires_login",
        "insert_detected_image", "skip_json_ld", "strip_comments", "footnotes",
    )
)  # fmt: skip
_TEXTS = frozenset(
    (
        "test_url", "test_contains", "find_string", "replace_string", "http_header", "parser", "src_lazy_load_attr",
        "login_uri", "login_username_field", "login_password_field", "login_extra_fields",
    )
)  # fmt: skip
_ARGUED = frozenset(("replace_string", "http_header", "wrap_in", "move_into"))
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_CALL = re.compile(r"([\w:.-]+)\s*\(")
_OPERATORS = "and or div mod"
_FUNCTIONS = frozenset(
    (
        "last position count id local-name namespace-uri name string concat starts-with contains substring-before "
        "substring-after substring string-length normalize-space translate boolean not true false lang number sum "
        f"floor ceiling round text node comment processing-instruction {_OPERATORS}"
    ).split()
)
_TAGS = "a article aside div figure footer h1 h2 header img li main meta p section span td time ul".split()
_ANYWAY = frozenset(("find_string", "replace_string"))  # an empty value means the empty string


WITHOUT_EFFECT = {
    "tidy": "every page is parsed as browsers do", "parser": "there is one parser, made for broken pages",
    "convert_double_br_tags": "two line breaks always end a paragraph",
    "autodetect_next_page": "links that a page marks as its next one are always followed",
    "single_page_link_in_feed": "what a feed lists is fetched and read as a page",
    "insert_detected_image": "the text has no images", "src_lazy_load_attr": "the text has no images",
    "footnotes": "footnotes are judged as all blocks are", "strip_comments": "HTML comments are no text",
    "skip_id_or_class": "its meaning is not documented",
    "post_strip_attr": "attributes do not enter the text",
    "requires_login": "the crawl logs in nowhere", "not_logged_in_xpath": "the crawl logs in nowhere",
    "login_uri": "the crawl logs in nowhere", "login_username_field": "the crawl logs in nowhere",
    "login_password_field": "the crawl logs in nowhere", "login_extra_fields": "the crawl logs in nowhere",
}  # fmt: skip
"""Directives that are read and change nothing, each with the reason."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A line of a rule file that cannot be used, and why. `line` counts from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive as written; `argument` stands in its parentheses: `replace_string(argument): value`."""

    name: str
    value: str
    line: int
    argument: str = ""


@dataclass(frozen=True, slots=True)
class PageTest:
    """A page that a rule was written for, and strings that its article contains."""

    url: str
    contains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteRule:
    """What a file says about its host. `directives` keep the order of the file; `file` is the name to cite."""

    file: str
    directives: tuple[Directive, ...] = ()
    problems: tuple[Problem, ...] = ()
    replacements: tuple[tuple[str, str], ...] = ()
    tests: tuple[PageTest, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def all(self, name: str) -> tuple[Directive, ...]:
        """The directives of one name, in order."""
        return tuple(one for one in self.directives if one.name == name)

    def switch(self, name: str, default: bool) -> bool:
        """The last word of the file on a yes-or-no directive."""
        values = self.all(name)
        return values[-1].value.lower() not in ("no", "false", "0") if values else default

    def label(self, directive: Directive) -> str:
        """The name that the ledger keeps beside what a directive removed: `site:example.org.txt:12/strip`."""
        return f"site:{self.file}:{directive.line}/{directive.name}"


def read_rule(text: str, file: str) -> SiteRule:
    """Read a rule file's text. Never raises."""
    directives: list[Directive] = []
    problems: list[Problem] = []
    for line, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith(("#", "//")):
            continue
        found = _directive(raw, line)
        trouble = found if isinstance(found, str) else _trouble(found)
        if trouble:
            problems.append(Problem(file, line, trouble))
        elif isinstance(found, Directive):
            directives.append(found)
    replacements, unpaired = _replacements(directives)
    problems += (Problem(file, line, "find_string without a replace_string after it") for line in unpaired)
    return SiteRule(
        file,
        tuple(directives),
        tuple(sorted(problems, key=lambda problem: problem.line)),
        replacements,
        tuple(_tests(directives)),
        {one.argument.lower(): one.value for one in directives if one.name == "http_header"},
    )


def _directive(raw: str, line: int) -> Directive | str:
    """The directive of a line, or what is wrong with it."""
    match = _LINE.match(raw)
    if match is None:
        return "not a directive (name: value)"
    name, argument = match["name"].lower(), match["argument"]
    value = match["value"] if name in _ANYWAY else match["value"].strip()
    value = value.removeprefix(" ") if name in _ANYWAY else value
    if name not in _XPATHS | _SUBSTRINGS | _SWITCHES | _TEXTS:
        return f"unknown directive: {name}"
    if argument is not None and name not in _ARGUED:
        return f"{name} takes nothing in parentheses"
    if argument is None and name in _ARGUED - _ANYWAY:
        return f"{name} needs its argument in parentheses"
    if not value and name not in _ANYWAY:
        return f"{name} has no value"
    return Directive(name, value, line, argument or "")


def _trouble(directive: Directive) -> str:
    """Why a directive's value cannot be used, or an empty string."""
    if directive.name in _XPATHS:
        return xpath_trouble(directive.value)
    if directive.name == "test_url" and not directive.value.lower().startswith(("http://", "https://")):
        return f"test_url is not an http address: {directive.value}"
    return ""


def xpath_trouble(expression: str) -> str:
    """What is wrong with an XPath 1.0 expression, or an empty string. It is tried on a small page too."""
    try:
        etree.XPath(expression)(_sample_page())
    except (etree.XPathError, ValueError) as error:
        return f"bad XPath: {expression} ({error})"
    called = (name.rpartition("::")[2] for name in _CALL.findall(_QUOTED.sub("''", expression)))
    unknown = next((name for name in called if name not in _FUNCTIONS), "")
    return f"bad XPath: {expression} (there is no function {unknown})" if unknown else ""


@cache
def _sample_page() -> etree._Element:
    """A page with an element of each usual tag, so that what is wrong inside a predicate shows."""
    return etree.fromstring(
        "".join(("<html><body>", *(f"<{tag} id='a' class='a' />" for tag in _TAGS), "</body></html>"))
    )


def _replacements(directives: list[Directive]) -> tuple[tuple[tuple[str, str], ...], list[int]]:
    """(find, replace) pairs in order, and the lines of those without a partner."""
    pairs: list[tuple[str, str]] = []
    waiting: Directive | None = None
    alone: list[int] = []
    for one in directives:
        if one.name == "find_string":
            alone += [waiting.line] if waiting else []
            waiting = one
        elif one.name == "replace_string" and one.argument:
            pairs.append((one.argument, one.value))
        elif one.name == "replace_string" and waiting:
            pairs.append((waiting.value, one.value))
            waiting = None
    alone += [waiting.line] if waiting else []
    return tuple(pair for pair in pairs if pair[0]), alone


def _tests(directives: list[Directive]) -> Iterator[PageTest]:
    url = ""
    contains: list[str] = []
    for one in directives:
        if one.name == "test_url":
            if url:
                yield PageTest(url, tuple(contains))
            url, contains = one.value, []
        elif one.name == "test_contains" and url:
            contains.append(one.value)
    if url:
        yield PageTest(url, tuple(contains))
