"""`broadsheet rules`: what is wrong with site rule files, and what they make of a page."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cleaners.clean import clean
from cleaners.document import Cleaned, Page
from cleaners.html.decode import decode, parse
from cleaners.html.links import base_url
from cleaners.site_rules.finder import Hit
from cleaners.site_rules.folder import SiteRules, SiteRulesError, read_file
from cleaners.site_rules.ftr_format import WITHOUT_EFFECT, PageTest, Problem, SiteRule
from cleaners.site_rules.marks import apply_rules, replaced
from cleaners.urls.canonical import canonicalise
from crawler.console.option_types import Mistake
from crawler.console.reasons import meaning
from crawler.console.terminal import cut, one_line, say, table, width
from crawler.fetch.rule_headers import refused_headers
from output.db.open import open_database
from output.read.url_result import Fetched, fetched

_START_CHARS = 300


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a rule makes of a page: what readers see of it, and its text."""

    title: str
    authors: str
    published: str
    text: str


def check(path: str) -> int:
    """Print a line for each problem of a file or folder, and the counts; 1 if there is a problem.

    A header that is not sent is none: the file is in order, and `rules test` names it.
    """
    rules = list(_rules_at(Path(path)))
    problems = [problem for rule in rules for problem in rule.problems]
    for problem in problems:
        click.echo(one_line(str(problem)))
    unsent = sum(1 for rule in rules for _ in refused_headers(rule))
    counts = f"{len(rules):,} files, {sum(len(rule.directives) for rule in rules):,} directives"
    told = (
        f"{len(problems):,} problems in {len({each.file for each in problems}):,} files" if problems else "no problem"
    )
    click.echo(f"{counts}; {told}" + (f"; {unsent:,} headers that are not sent" if unsent else ""))
    return int(bool(problems))


def problems_of(rule: SiteRule) -> list[Problem]:
    """What cannot be used of a file, by line: what does not read, and headers that are not sent."""
    refused = (Problem(rule.file, line, why) for line, why in refused_headers(rule))
    return sorted((*rule.problems, *refused), key=lambda problem: problem.line)


def test(given: Mapping[str, Any]) -> int:
    """Print what a rule file makes of a page, or of its own test pages; 1 if a string it promises is not there."""
    rule = _rule_at(Path(given["file"]))
    for problem in problems_of(rule):
        click.echo(one_line(str(problem)), err=True)
    if given["page"]:
        return _test_page(rule, Path(given["page"]), given["url"])
    return _test_urls(rule, given)


def _rules_at(path: Path) -> Iterator[SiteRule]:
    if not path.is_dir():
        yield _rule_at(path)
        return
    try:
        yield from SiteRules(path).every()
    except SiteRulesError as error:
        raise Mistake(str(error)) from error


def _rule_at(path: Path) -> SiteRule:
    try:
        path.open("rb").close()
    except OSError as error:
        raise Mistake(f"cannot read {path}: {error.strerror}") from error
    return read_file(path)


def _test_page(rule: SiteRule, file: Path, url: str) -> int:
    try:
        body = file.read_bytes()
    except OSError as error:
        raise Mistake(f"cannot read {file}: {error.strerror}") from error
    url = url or (rule.tests[0].url if rule.tests else "")
    text = decode(body).text
    _say_hits(_hits(rule, text, url), rule, text)
    outcome = _outcome_of(clean(Page(url, body), (rule,)))
    _say_outcome(outcome)
    promised = [test for test in rule.tests if test.url == url] or list(rule.tests)
    return _say_contains(dict.fromkeys(each for test in promised for each in test.contains), outcome.text)


def _hits(rule: SiteRule, text: str, url: str) -> Sequence[Hit]:
    tree = parse(replaced(text, (rule,)))
    return () if tree is None else apply_rules(tree, (rule,), base_url(tree, url), samples=True).hits


def _say_hits(hits: Sequence[Hit], rule: SiteRule, text: str) -> None:
    """A line for each directive: where it stands, how much it found, and the first words of that."""
    found = {hit.label: hit for hit in hits}
    rows = []
    for one in rule.directives:
        if one.name.startswith("test_"):
            continue
        hit = found.get(rule.label(one))
        count = str(hit.count) if hit else str(text.count(one.value)) if one.name == "find_string" else ""
        said = hit.problem or hit.sample if hit else f"no effect: {WITHOUT_EFFECT.get(one.name, '')}"
        rows.append([f"{rule.file}:{one.line}", one.name, count, said if hit or one.name in WITHOUT_EFFECT else ""])
    if rows:
        say(table(rows, width(), right=frozenset({2})))


def _outcome_of(cleaned: Cleaned) -> _Outcome:
    found = cleaned.metadata
    return _Outcome(found.title, ", ".join(found.authors), found.published, cleaned.text)


def _say_outcome(outcome: _Outcome) -> None:
    rows = [["title", outcome.title], ["authors", outcome.authors], ["published", outcome.published]]
    rows.append(["text", cut(outcome.text, _START_CHARS) or "(none)"])
    say()
    say(table(rows, max(width(), _START_CHARS)))


def _say_contains(strings: Mapping[str, None], text: str) -> int:
    """Say of each string whether it is in the text; 1 if one is not."""
    folded, missing = " ".join(text.split()), 0
    for string in strings:
        inside = " ".join(string.split()) in folded
        missing += not inside
        say(f"{'contains' if inside else 'MISSING '}  {one_line(string)}")
    return int(missing > 0)


def _test_urls(rule: SiteRule, given: Mapping[str, Any]) -> int:
    """Fetch the file's test pages by a crawl of their own, and say what came of each; 1 if one gave no article."""
    if not rule.tests:
        raise Mistake(f"{rule.file} has no test_url; name a saved page: broadsheet rules test FILE PAGE")
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules"
        rules.mkdir()
        shutil.copy(given["file"], rules / rule.file)
        came_of = _fetch(rule.tests, Path(folder) / "tests.db", rules, given)
    return max(_say_fetched(promised, came) for promised, came in zip(rule.tests, came_of, strict=True))


def _say_fetched(promised: PageTest, came: Fetched) -> int:
    say(f"{promised.url}  {came.state} ({meaning(came.reason)})")
    if came.article is None:
        return 1
    article = came.article
    authors = ", ".join(json.loads(article.authors or "[]"))
    _say_outcome(_Outcome(article.title, authors, article.published, article.text))
    failed = _say_contains(dict.fromkeys(promised.contains), article.text)
    say()
    return failed


def _fetch(tests: Sequence[PageTest], db: Path, rules: Path, given: Mapping[str, Any]) -> list[Fetched]:
    """Crawl the tests' pages alone; what came of each."""
    from crawler.commands.crawl import run_spider, settings_of

    changed = {
        "allow_private": given["allow_private"], "delay": 1.0, "concurrency": 1, "cookies": None, "quiet": True,
        "verbose": 0, "headers": (),
    }  # fmt: skip
    off = dict.fromkeys(("discover_sitemaps", "discover_feeds", "discover_links"), False)
    arguments = {"seeds": tuple(test.url for test in tests), "contact": given["contact"] or "", **off}
    run_spider(str(db), arguments | {"site_rules": str(rules)}, settings_of(changed))
    with closing(open_database(db, read_only=True)) as archive:
        return [fetched(archive, canonicalise(test.url) or test.url) for test in tests]
