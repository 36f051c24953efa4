"""`broadsheet rules`: check site rule files, and try them out on a page."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from broadsheet.output.read.plain_words import count_text, reason_text

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import cut_line, format_table, one_line, print_text, terminal_width
from .verb_options import PATH, contact, verb

with lazy_imports():
    from broadsheet.cleaners import clean as clean_module
    from broadsheet.cleaners import document
    from broadsheet.cleaners.judge import site_rule_files, site_rule_values
    from broadsheet.cleaners.judge import site_rules as site_rules_module
    from broadsheet.cleaners.page import canonical_urls, parsed_page
    from broadsheet.output.read import page_lookup

    from ..cli import archive_access
    from ..crawl import early_checks, processes
    from ..fetch import request_headers
    from . import spider_run

_START_CHARS = 300


@verb
@click.argument("paths", metavar="DIR|FILE...", nargs=-1, required=True, type=PATH)
def check_rules(paths: tuple[str, ...]) -> int:
    """List what cannot be used in rule files or folders of them, with file and line."""
    early_checks.check_files(paths)
    site_rules = [rule for path in paths for rule in _read_rules(Path(path))]
    problems = [problem for site_rule in site_rules for problem in site_rule.problems]
    for problem in problems:
        click.echo(one_line(str(problem)))
    unsent_count = sum(1 for site_rule in site_rules for _ in request_headers.refused_headers(site_rule))
    directive_count = sum(len(site_rule.directives) for site_rule in site_rules)
    counts = f"{count_text(len(site_rules), 'file')}, {count_text(directive_count, 'directive')}"
    problems_text = (
        f"{count_text(len(problems), 'problem')} in {count_text(len({problem.file for problem in problems}), 'file')}"
        if problems
        else "no problem"
    )
    click.echo(
        f"{counts}; {problems_text}" + (f"; {count_text(unsent_count, 'header')} not sent" if unsent_count else "")
    )
    return int(bool(problems))


def sorted_problems(rule: site_rule_files.SiteRuleFile) -> list[site_rule_files.SiteRuleProblem]:
    """List, by line, the directives of a file that have no effect: unparsable ones, and headers that are not sent."""
    header_problems = (
        site_rule_files.SiteRuleProblem(rule.file, line, problem_text)
        for line, problem_text in request_headers.refused_headers(rule)
    )
    return sorted((*rule.problems, *header_problems), key=lambda problem: problem.line)


@verb
@click.argument("file", metavar="FILE", type=PATH)
@click.argument("page", metavar="[PAGE]", required=False, type=PATH)
@click.option("--url", default="", metavar="URL", help="Where the page came from.")
@click.option(
    "--allow-private", is_flag=True, help="Allow loopback and private addresses, which are refused by default."
)
@click.option(
    "--contact",
    type=contact,
    envvar="BROADSHEET_CONTACT",
    metavar="URL|MAIL",
    help="Whom to ask about the requests; sent with them. Or set BROADSHEET_CONTACT.",
)
def test_rules(**options: Any) -> int:
    """Show what each directive of a rule FILE finds on a saved PAGE, and what comes out.

    Without a PAGE, fetch the file's test_url pages, and check what they are to contain.
    """
    rule = _read_rule(Path(options["file"]))
    for problem in sorted_problems(rule):
        click.echo(one_line(str(problem)), err=True)
    if options["page"]:
        return _try_on_page(rule, Path(options["page"]), options["url"])
    if not rule.tests:
        raise CommandError(f"{rule.file} has no test_url; name a saved page: broadsheet rules test FILE PAGE")
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules"
        rules.mkdir()
        shutil.copy(options["file"], rules / rule.file)
        results = _crawl_test_pages(rule.tests, Path(folder) / "tests.db", rules, options)
    return max(_print_result(page_test, result) for page_test, result in zip(rule.tests, results, strict=True))


def _read_rules(path: Path) -> Iterator[site_rule_files.SiteRuleFile]:
    if not path.is_dir():
        yield _read_rule(path)
        return
    try:
        yield from site_rule_files.SiteRuleFolder(path).read_all()
    except site_rule_files.SiteRulesError as error:
        raise CommandError(str(error)) from error


def _read_rule(path: Path) -> site_rule_files.SiteRuleFile:
    try:
        path.open("rb").close()
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    return site_rule_files.read_rule_file(path)


def _try_on_page(rule: site_rule_files.SiteRuleFile, file: Path, url: str) -> int:
    try:
        body = file.read_bytes()
    except OSError as error:
        raise CommandError(f"cannot read {file}: {error.strerror}") from error
    url = url or (rule.tests[0].url if rule.tests else "")
    text = parsed_page.decode(body).text
    _print_hits(processes.run_in_worker(site_rules_module.directive_matches, rule, text, url), rule, text)
    cleaned = processes.run_in_worker(clean_module.clean, document.Page(url, body), (rule,))
    _print_outcome(cleaned.metadata.title, cleaned.metadata.authors, cleaned.metadata.published, cleaned.text)
    page_tests = [test for test in rule.tests if test.url == url] or list(rule.tests)
    return _print_contained(dict.fromkeys(string for test in page_tests for string in test.contains), cleaned.text)


def _print_hits(hits: Sequence[site_rule_values.DirectiveMatch], rule: site_rule_files.SiteRuleFile, text: str) -> None:
    """Print a line for each directive: its place in the file, the number of its matches, and their first words."""
    hits_by_label = {hit.label: hit for hit in hits}
    rows = []
    for directive in rule.directives:
        if directive.name.startswith("test_"):
            continue
        hit = hits_by_label.get(rule.label(directive))
        count = str(hit.count) if hit else str(text.count(directive.value)) if directive.name == "find_string" else ""
        detail = (
            hit.problem or hit.sample
            if hit
            else f"no effect: {site_rule_files.IGNORED_DIRECTIVES.get(directive.name, '')}"
        )
        rows.append(
            [
                f"{rule.file}:{directive.line}",
                directive.name,
                count,
                detail if hit or directive.name in site_rule_files.IGNORED_DIRECTIVES else "",
            ]
        )
    if rows:
        print_text(format_table(rows, terminal_width(), right_aligned=frozenset({2})))


def _print_outcome(title: str, authors: Sequence[str], published: str, text: str) -> None:
    """Print the result of a page under a rule file: main metadata, and the beginning of the text."""
    rows = [["title", title], ["authors", ", ".join(authors)], ["published", published]]
    rows.append(["text", cut_line(text, _START_CHARS) or "(none)"])
    print_text()
    print_text(format_table(rows, max(terminal_width(), _START_CHARS)))


def _print_contained(strings: Mapping[str, None], text: str) -> int:
    """Print of each string whether the text contains it; 1 if one is missing."""
    folded_text, missing_count = " ".join(text.split()), 0
    for string in strings:
        is_contained = " ".join(string.split()) in folded_text
        missing_count += not is_contained
        print_text(f"{'contains' if is_contained else 'MISSING '}  {one_line(string)}")
    return int(missing_count > 0)


def _print_result(page_test: site_rule_files.PageTest, result: page_lookup.UrlResult) -> int:
    print_text(f"{page_test.url}  {result.state} ({reason_text(result.reason)})")
    if result.article is None:
        return 1
    article = result.article
    _print_outcome(article.title, json.loads(article.authors or "[]"), article.published, article.text)
    has_failed = _print_contained(dict.fromkeys(page_test.contains), article.text)
    print_text()
    return has_failed


def _crawl_test_pages(
    tests: Sequence[site_rule_files.PageTest], db: Path, rules_folder: Path, options: Mapping[str, Any]
) -> list[page_lookup.UrlResult]:
    """Crawl only the tests' pages; returns the result of each."""
    processes.start_workers()
    no_discovery = dict.fromkeys(("sitemaps", "feeds", "links"), False)
    arguments = {"seeds": tuple(test.url for test in tests), "contact": options["contact"] or "", **no_discovery}
    settings = spider_run.quiet_settings(allow_private=options["allow_private"])
    spider_run.run_spider(str(db), arguments | {"site_rules": str(rules_folder)}, settings)
    with archive_access.open_read_only(str(db)) as archive:
        return [
            page_lookup.find_url_result(archive, canonical_urls.canonicalise(test.url) or test.url) for test in tests
        ]
