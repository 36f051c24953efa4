"""Usual changes, carried out on a copy of the project: CONTRIBUTING's example, and the rows of "Where do I change …".

Each change is made where the row says, and the tests of its place pass with it.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from broadsheet.cleaners.rules.matcher import RuleBook
from broadsheet.cleaners.rules.rule_files import parse_rules
from tests.cleaners.rules.test_rules import misread_examples
from tests.crawler.crawls import REPOSITORY

_ROW = re.compile(r"^\| (?P<change>[^|]+?) \| (?P<here>[^|]+) \|", re.MULTILINE)
_TABLE = re.compile(r"^## Where do I change …\n(.*?)^## ", re.MULTILINE | re.DOTALL)
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", "*.egg-info", "_build", "dist")
RULE = "\n".join(
    line.removeprefix("   ")
    for line in re.findall(
        r"^   ```toml\n(.*?)^   ```$", (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )[0].splitlines()
)
NOT_CARRIED_OUT = {
    "a feature of the model": "the models are trained anew, in half an hour",
    "the form of a list of sites": "what else the change needs depends on the word that is added",
    "a setting": "what else the change needs depends on what reads it",
    "a dependency": "versions are asked of the registry",
    "a button of the desk": "what else the change needs depends on the verb behind it",
    "a column of a Parquet table": "the column needs a value in each row",
    "an export": "a format needs a module and a reader of its own",
}
"""Rows that no test carries out, and why."""


@dataclass(frozen=True)
class Change:
    """A change: of each file the words that it goes before and what is put there, commands, and the tests to run.

    Empty words stand for the file's end; a file that is not there is made.
    """

    edits: Sequence[tuple[str, str, str]]
    tests: Sequence[str]
    commands: Sequence[str] = ()


CHANGES = {
    "a metadata field": Change(
        [
            (
                "cleaners/document.py",
                "    canonical_url: TextT = _declare(",
                '    place: TextT = _declare("Where it was written; NULL if the page states none.", since=2)\n',
            ),
            (
                "cleaners/page/metadata_fields.py",
                '    "canonical_url": _read_canonical,',
                '    "place": _text_field_reader("section", "contentLocation"),\n',
            ),
        ],
        [
            *("tests/output/archive", "tests/output/read/test_exports.py", "tests/output/browse/test_article_page.py"),
            *("tests/output/collections/test_parquet_files.py", "tests/output/collections/test_merged_pages.py"),
        ],
        [
            *("broadsheet.output.archive.schema_doc docs", "broadsheet.output.collections.parquet_files docs"),
            "tests.cli_reference > docs/cli.md",
        ],
    ),
    "a phrase rule": Change(
        [("cleaners/rules/phrases/en.toml", "", f"\n{RULE}\n")],
        ["tests/cleaners/rules", "tests/cleaners/test_lineage.py"],
    ),
    "a removal reason": Change(
        [
            ("cleaners/document.py", '    BREADCRUMB = "breadcrumb"', '    WEATHER = "the weather"\n'),
            ("output/archive/schema.toml", "`breadcrumb`, ", "`the weather`, "),
            ("cleaners/rules/phrases/en.toml", "", "\n" + RULE.replace('"donation"', '"weather"') + "\n"),
        ],
        ["tests/output/archive", "tests/cleaners/rules"],
        ["broadsheet.output.archive.schema_doc docs"],
    ),
    "a URL's state or reason": Change(
        [
            ("output/archive/url_words.py", '    BAD_FEED = "bad_feed"', '    BAD_MANNERS = "bad_manners"\n'),
            ("output/read/url_reasons.toml", "bad_encoding =", 'bad_manners = "its answer is rude"\n'),
            ("output/read/coverage.toml", "not_in_archive =", 'bad_manners = "ask again, kindly"\n'),
        ],
        ["tests/output/read", "tests/output/archive"],
    ),
    "a page of the reading room": Change(
        [
            (
                "output/browse/page_routes.py",
                '    PageRoute("report",',
                '    PageRoute("short-report", "short_report.html", "report", _report),\n',
            ),
            (
                "output/browse/templates/short_report.html",
                "",
                '{% extends "base.html" %}\n{% block title %}Short{% endblock %}\n'
                "{% block main %}<h1>Short</h1>{% endblock %}\n",
            ),
        ],
        ["tests/output/browse"],
    ),
    "a verb or an option": Change(
        [
            (
                "crawler/cli/__init__.py",
                '    ("doctor", "Check',
                '    ("greet", "Say that the command is here.", "greet:greet"),\n',
            ),
            ("crawler/cli/__init__.py", 'report demo doctor"', "greet "),
            (
                "crawler/commands/greet.py",
                "",
                '"""`broadsheet greet`: a word of welcome."""\n\nfrom __future__ import annotations\n\nimport click\n\n'
                "from .verb_options import verb\n\n\n@verb\ndef greet() -> int:\n"
                '    """Say that the command is here."""\n    click.echo("Here.")\n    return 0\n',
            ),
        ],
        ["tests/crawler/cli/test_cli.py", "tests/test_docs.py"],
        ["tests.cli_reference > docs/cli.md"],
    ),
    "a command in README or docs": Change(
        [
            ("docs/backup.md", "", "\n```sh\nbroadsheet report news.db\n```\n"),
            ("tests/test_doc_commands.py", ', "python": 7', " + 1"),
        ],
        ["tests/test_doc_commands.py"],
    ),
    "words for a reason or rule": Change(
        [("output/read/plain_words.toml", 'any = "phrase', 'weather = "the weather"\n')],
        ["tests/output/read"],
    ),
    "a column of the schema": Change(
        [
            (
                "output/archive/version_2.py",
                "    _READERS_VIEWS,\n",
                '    "ALTER TABLE runs ADD COLUMN remark TEXT;",\n',
            ),
            (
                "output/archive/schema.toml",
                'reason = "Why it ended so',
                'remark = "What a person says of it; NULL for nothing."\n',
            ),
        ],
        ["tests/output/archive", "tests/test_docs.py"],
        ["broadsheet.output.archive.schema_doc docs"],
    ),
    "a network without a bound on requests to one address": Change(
        [
            (
                "crawler/fetch/exempt_networks.toml",
                "",
                '\n[[network]]\nname = "example"\nsource = "https://example.org/ranges"\ncompared = ""\n'
                'ranges = ["9.9.9.0/24"]\n',
            )
        ],
        ["tests/crawler/fetch"],
    ),
    "a crawler trap": Change(
        [("crawler/discovery/traps.toml", "drupal =", "example = '/example-login(?:/|$)'\n")],
        ["tests/crawler/discovery"],
    ),
    "a benchmark": Change([("tests/bench/lengths.py", "", '"""Benchmark of lengths."""\n')], ["tests/test_benches.py"]),
}


def test_each_row_is_carried_out_or_says_why_not():
    table = _TABLE.search((REPOSITORY / "docs/architecture.md").read_text("utf-8"))[1]
    rows = {match["change"]: match["here"] for match in _ROW.finditer(table)}
    named = {change: re.findall(r"`([a-z_/]+\.\w+)`", here) for change, here in rows.items()}
    unnamed = {name: [file for file, *_ in change.edits] for name, change in CHANGES.items()}
    assert set(rows) - {"…", "---"} == {*CHANGES, *NOT_CARRIED_OUT}
    assert [file for files in named.values() for file in files if not (REPOSITORY / file).exists()] == []
    assert [name for name, files in unnamed.items() if named[name] and not {*files} & {*named[name]}] == []


def test_the_example_of_a_rule_is_one():
    (rule,) = parse_rules("en", RULE)
    assert (len(rule.positive), len(rule.negative)) == (2, 1)
    assert misread_examples(RuleBook((rule,)), rule) == []


@pytest.mark.nightly
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_made_where_its_row_says(tmp_path, name):
    change, copy = CHANGES[name], _copy(tmp_path)
    for file, before, addition in change.edits:
        _insert(copy / file, before, addition)
    for command in change.commands:
        subprocess.run(f"{sys.executable} -m {command}", cwd=copy, shell=True, check=True)
    tests = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-m", "not slow and not nightly", *change.tests]
    ended = subprocess.run(tests, cwd=copy, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:]


@pytest.mark.slow
def test_scrapy_writes_a_spider_into_the_checkout_and_finds_it(tmp_path):
    copy = _copy(tmp_path)
    scrapy = [sys.executable, "-m", "scrapy"]
    subprocess.run([*scrapy, "genspider", "mine", "news.example"], cwd=copy, check=True)
    found = subprocess.run([*scrapy, "list"], cwd=copy, check=True, capture_output=True, text=True)
    assert ((copy / "crawler/crawl/mine.py").exists(), found.stdout) == (True, "mine\nsite\nurls\n")


def _copy(folder: Path) -> Path:
    return Path(shutil.copytree(REPOSITORY, folder / "copy", ignore=_LEFT_OUT, symlinks=True))


def _insert(file: Path, before: str, addition: str) -> None:
    text = file.read_text("utf-8") if file.exists() else ""
    assert not before or text.count(before) == 1, f"{file.name}: {before!r} is there {text.count(before)} times"
    file.write_text(text.replace(before, addition + before) if before else text + addition, "utf-8")
