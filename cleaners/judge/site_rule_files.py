"""Site rule files of a person, in ftr-site-config's format: read, checked, and looked up by host.

The format is that of fivefilters' ftr-site-config (https://help.fivefilters.org/full-text-rss/site-patterns.html): a
text file for each host, a directive on each line. An unusable line becomes a `SiteRuleProblem`, and the rest of the
file is used. A file is read when the first page of its host comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from lxml import etree

_LINE = re.compile(r"\s*(?P<name>[a-z_]+)\s*(?:\((?P<argument>.*?)\)\s*)?:(?P<value>.*)$", re.IGNORECASE)

_XPATH_DIRECTIVES = frozenset(
    (
        "title", "body", "date", "author", "strip", "single_page_link", "single_page_link_in_feed",
        "next_page_link", "native_ad_clue", "not_logged_in_xpath", "strip_attr", "post_strip_attr", "dissolve",
        "wrap_in", "move_into", "if_page_contains",
    )
)  # fmt: skip
_SUBSTRING_DIRECTIVES = frozenset(("strip_id_or_class", "skip_id_or_class", "strip_image_src"))
_SWITCH_DIRECTIVES = frozenset(
    (
        "prune", "tidy", "autodetect_on_failure", "autodetect_next_page", "convert_double_br_tags", "requires_login",
        "insert_detected_image", "skip_json_ld", "strip_comments", "footnotes",
    )
)  # fmt: skip
_TEXT_DIRECTIVES = frozenset(
    (
        "test_url", "test_contains", "find_string", "replace_string", "http_header", "parser", "src_lazy_load_attr",
        "login_uri", "login_username_field", "login_password_field", "login_extra_fields",
    )
)  # fmt: skip
_ARGUMENT_DIRECTIVES = frozenset(("replace_string", "http_header", "wrap_in", "move_into"))
_QUOTED_STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_FUNCTION_CALL = re.compile(r"([\w:.-]+)\s*\(")
_XPATH_OPERATORS = "and or div mod"
_XPATH_FUNCTIONS = frozenset(
    (
        "last position count id local-name namespace-uri name string concat starts-with contains substring-before "
        "substring-after substring string-length normalize-space translate boolean not true false lang number sum "
        f"floor ceiling round text node comment processing-instruction {_XPATH_OPERATORS}"
    ).split()
)
_SAMPLE_TAGS = "a article aside div figure footer h1 h2 header img li main meta p section span td time ul".split()
_EMPTY_ALLOWED = frozenset(("find_string", "replace_string"))  # an empty value is the empty string


IGNORED_DIRECTIVES = {
    "tidy": "every page is parsed as browsers do", "parser": "there is one parser, made for broken pages",
    "convert_double_br_tags": "two line breaks always end a paragraph",
    "autodetect_next_page": "links that a page marks as its next one are always followed",
    "single_page_link_in_feed": "what a feed lists is fetched and read as a page",
    "insert_detected_image": "the text has no images", "src_lazy_load_attr": "the text has no images",
    "footnotes": "footnotes are judged like any other block", "strip_comments": "HTML comments are never text",
    "skip_id_or_class": "its meaning is not documented",
    "post_strip_attr": "attributes do not enter the text",
    "requires_login": "the crawl logs in nowhere", "not_logged_in_xpath": "the crawl logs in nowhere",
    "login_uri": "the crawl logs in nowhere", "login_username_field": "the crawl logs in nowhere",
    "login_password_field": "the crawl logs in nowhere", "login_extra_fields": "the crawl logs in nowhere",
}  # fmt: skip
"""Directives that are accepted and have no effect, each with the reason."""


@dataclass(frozen=True, slots=True)
class SiteRuleProblem:
    """Line of a rule file that cannot be used, and why. `line` counts from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Directive(NamedTuple):
    """Directive as written; `argument` is the part in parentheses: `replace_string(argument): value`."""

    name: str
    value: str
    line: int
    argument: str = ""


class PageTest(NamedTuple):
    """Page that a rule file was written for, and strings that its article must contain."""

    url: str
    contains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SiteRuleFile:
    """Rules of one file, for one host.

    `file` is the file's name, `directives` are in the order of the file, `replacements` are (find, replace) pairs,
    `headers` are request headers by lower-case name.
    """

    file: str
    directives: tuple[Directive, ...] = ()
    problems: tuple[SiteRuleProblem, ...] = ()
    replacements: tuple[tuple[str, str], ...] = ()
    tests: tuple[PageTest, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def directives_named(self, name: str) -> tuple[Directive, ...]:
        """Return the directives with this name, in order."""
        return tuple(directive for directive in self.directives if directive.name == name)

    def switch(self, name: str, default: bool) -> bool:
        """Return the value of the last yes-or-no directive with this name, or the default without one."""
        directives = self.directives_named(name)
        return directives[-1].value.lower() not in ("no", "false", "0") if directives else default

    def label(self, directive: Directive) -> str:
        """Return the label that the ledger stores with what a directive removed: `site:example.org.txt:12/strip`."""
        return f"site:{self.file}:{directive.line}/{directive.name}"


def parse_rule_file(text: str, file: str) -> SiteRuleFile:
    """Parse the text of a rule file named `file`. Never raises."""
    directives: list[Directive] = []
    problems: list[SiteRuleProblem] = []
    for line, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not raw.strip() or raw.lstrip().startswith(("#", "//")):
            continue
        parsed = _parse_directive(raw, line)
        message = parsed if isinstance(parsed, str) else _value_problem(parsed)
        if message:
            problems.append(SiteRuleProblem(file, line, message))
        elif isinstance(parsed, Directive):
            directives.append(parsed)
    replacements, unpaired_lines = _replacements(directives)
    problems += (
        SiteRuleProblem(file, line, "find_string without a replace_string after it") for line in unpaired_lines
    )
    return SiteRuleFile(
        file,
        tuple(directives),
        tuple(sorted(problems, key=lambda problem: problem.line)),
        replacements,
        tuple(_page_tests(directives)),
        {directive.argument.lower(): directive.value for directive in directives if directive.name == "http_header"},
    )


def _parse_directive(raw: str, line: int) -> Directive | str:
    """Return the directive on a line, or an error message."""
    match = _LINE.match(raw)
    if match is None:
        return "not a directive (name: value)"
    name, argument = match["name"].lower(), match["argument"]
    value = match["value"] if name in _EMPTY_ALLOWED else match["value"].strip()
    value = value.removeprefix(" ") if name in _EMPTY_ALLOWED else value
    if name not in _XPATH_DIRECTIVES | _SUBSTRING_DIRECTIVES | _SWITCH_DIRECTIVES | _TEXT_DIRECTIVES:
        return f"unknown directive: {name}"
    if argument is not None and name not in _ARGUMENT_DIRECTIVES:
        return f"{name} takes nothing in parentheses"
    if argument is None and name in _ARGUMENT_DIRECTIVES - _EMPTY_ALLOWED:
        return f"{name} needs its argument in parentheses"
    if not value and name not in _EMPTY_ALLOWED:
        return f"{name} has no value"
    return Directive(name, value, line, argument or "")


def _value_problem(directive: Directive) -> str:
    """Return why a directive's value cannot be used, or an empty string."""
    if directive.name in _XPATH_DIRECTIVES:
        return xpath_problem(directive.value)
    if directive.name == "test_url" and not directive.value.lower().startswith(("http://", "https://")):
        return f"test_url is not an http address: {directive.value}"
    return ""


def xpath_problem(expression: str) -> str:
    """Return the error in an XPath 1.0 expression, or an empty string. It is also tried on a small page."""
    try:
        etree.XPath(expression)(_sample_page())
    except (etree.XPathError, ValueError) as error:
        return f"bad XPath: {expression} ({error})"
    called_names = (name.rpartition("::")[2] for name in _FUNCTION_CALL.findall(_QUOTED_STRING.sub("''", expression)))
    unknown = next((name for name in called_names if name not in _XPATH_FUNCTIONS), "")
    return f"bad XPath: {expression} (there is no function {unknown})" if unknown else ""


@cache
def _sample_page() -> etree._Element:
    """Return a page with an element of each common tag, so that errors inside predicates are raised."""
    return etree.fromstring(
        "".join(("<html><body>", *(f"<{tag} id='a' class='a' />" for tag in _SAMPLE_TAGS), "</body></html>"))
    )


def _replacements(directives: list[Directive]) -> tuple[tuple[tuple[str, str], ...], list[int]]:
    """Return the (find, replace) pairs in order, and the lines of each `find_string` without a `replace_string`."""
    pairs: list[tuple[str, str]] = []
    open_find: Directive | None = None  # the last find_string, until its replace_string comes
    unpaired_lines: list[int] = []
    for directive in directives:
        if directive.name == "find_string":
            unpaired_lines += [open_find.line] if open_find else []
            open_find = directive
        elif directive.name == "replace_string" and directive.argument:
            pairs.append((directive.argument, directive.value))
        elif directive.name == "replace_string" and open_find:
            pairs.append((open_find.value, directive.value))
            open_find = None
    unpaired_lines += [open_find.line] if open_find else []
    return tuple(pair for pair in pairs if pair[0]), unpaired_lines


def _page_tests(directives: list[Directive]) -> Iterator[PageTest]:
    url = ""
    contains: list[str] = []
    for directive in directives:
        if directive.name == "test_url":
            if url:
                yield PageTest(url, tuple(contains))
            url, contains = directive.value, []
        elif directive.name == "test_contains" and url:
            contains.append(directive.value)
    if url:
        yield PageTest(url, tuple(contains))


_FILE_SUFFIX = ".txt"
_GLOBAL_STEM = "global"  # global.txt applies to every host, after the host's own file
_OTHER_FILES = ("license.txt", "readme.txt")


class SiteRulesError(ValueError):
    """Folder that cannot be read. The message is one line for the user."""


class SiteRuleFolder:
    """Rule files of a folder. A file named `.example.org.txt` is for every subdomain of example.org."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        try:
            names = sorted(path.name for path in self._folder.iterdir() if path.suffix == _FILE_SUFFIX)
        except OSError as error:
            raise SiteRulesError(f"cannot read the folder of site rules {folder}: {error.strerror}") from error
        self._names_by_host = {
            name.removesuffix(_FILE_SUFFIX).lower(): name for name in names if name.lower() not in _OTHER_FILES
        }
        self._loaded: dict[str, SiteRuleFile] = {}

    def __len__(self) -> int:
        return len(self._names_by_host)

    def for_host(self, host: str) -> tuple[SiteRuleFile, ...]:
        """Return the rules for a host: its own file, or else the nearest one with a leading dot; then global.txt."""
        host_file = next((name for key in _lookup_keys(host) if (name := self._names_by_host.get(key))), None)
        return tuple(map(self._load, filter(None, (host_file, self._names_by_host.get(_GLOBAL_STEM)))))

    def read_all(self) -> Iterator[SiteRuleFile]:
        """Read all files of the folder, in the order of their names."""
        return map(self._load, self._names_by_host.values())

    def _load(self, name: str) -> SiteRuleFile:
        if name not in self._loaded:
            self._loaded[name] = read_rule_file(self._folder / name)
        return self._loaded[name]


def read_rule_file(path: Path) -> SiteRuleFile:
    """Read one rule file. A file that cannot be read gives one without directives, with that problem."""
    try:
        return parse_rule_file(path.read_text("utf-8-sig", "replace"), path.name)
    except OSError as error:
        return SiteRuleFile(path.name, problems=(SiteRuleProblem(path.name, 1, f"cannot be read: {error.strerror}"),))


def _lookup_keys(host: str) -> Iterator[str]:
    """Yield the names of the files that may be for a host, the most specific first."""
    name = host.lower().partition(":")[0].removeprefix("www.")
    yield name
    labels = name.split(".")
    for start in range(1, len(labels)):
        yield "." + ".".join(labels[start:])
