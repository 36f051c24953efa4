"""Usual changes: CONTRIBUTING's example is a rule, the rows of "Where do I change …" name files that are there, and
Scrapy writes a spider into the checkout."""

import re
import shutil
import subprocess
import sys

import pytest

from broadsheet.cleaners.rules.matcher import RuleBook
from broadsheet.cleaners.rules.rule_files import parse_rules
from tests.cleaners.rules.test_rules import misread_examples
from tests.crawler.crawls import REPOSITORY

_ROW = re.compile(r"^\| (?P<change>[^|]+?) \| (?P<here>[^|]+) \|(?P<beside>[^|]+)\|$", re.MULTILINE)
_TABLE = re.compile(r"^## Where do I change …\n(.*?)^## ", re.MULTILINE | re.DOTALL)
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", "*.egg-info", "_build", "dist")
RULE = "\n".join(
    line.removeprefix("   ")
    for line in re.findall(
        r"^   ```toml\n(.*?)^   ```$", (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )[0].splitlines()
)


def test_each_file_that_a_row_names_is_there():
    table = _TABLE.search((REPOSITORY / "docs/architecture.md").read_text("utf-8"))[1]
    rows = [match for match in _ROW.finditer(table) if match["change"] not in ("…", "---")]
    named = [file for row in rows for file in re.findall(r"`([a-z_/]+\.\w+)`", row["here"] + row["beside"])]
    assert len(named) >= len(rows) > 15
    assert [file for file in named if "/" in file and not (REPOSITORY / file).exists()] == []


def test_the_example_of_a_rule_is_one():
    (rule,) = parse_rules("en", RULE)
    assert (len(rule.positive), len(rule.negative)) == (2, 1)
    assert misread_examples(RuleBook((rule,)), rule) == []


@pytest.mark.slow
def test_scrapy_writes_a_spider_into_the_checkout_and_finds_it(tmp_path):
    copy = shutil.copytree(REPOSITORY, tmp_path / "copy", ignore=_LEFT_OUT, symlinks=True)
    scrapy = [sys.executable, "-m", "scrapy"]
    subprocess.run([*scrapy, "genspider", "mine", "news.example"], cwd=copy, check=True)
    found = subprocess.run([*scrapy, "list"], cwd=copy, check=True, capture_output=True, text=True)
    assert ((copy / "crawler/crawl/mine.py").exists(), found.stdout) == (True, "mine\nsite\nurls\n")
