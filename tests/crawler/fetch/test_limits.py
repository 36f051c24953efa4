"""The bounds are those that docs/limits.md names, and nothing of ours runs what came from the web."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import broadsheet.cleaners.page.markup_repairs
import broadsheet.cleaners.page.parsed_page
import broadsheet.crawler.crawl.outcomes
import broadsheet.crawler.crawl.robots_rules
import broadsheet.crawler.discovery.feed_reader
import broadsheet.crawler.discovery.scope
import broadsheet.crawler.discovery.sitemaps
import broadsheet.crawler.fetch.capacity
import broadsheet.crawler.fetch.limits
import broadsheet.crawler.settings
import broadsheet.crawler.workers.worker
from broadsheet.crawler.commands.spider_run import project_settings
from broadsheet.crawler.fetch.addresses import PRIVATE_VERDICTS, SPECIAL_NETWORKS
from broadsheet.crawler.fetch.faults import is_refusal
from broadsheet.output.read.plain_words import reason_text
from broadsheet.output.write.url_bounds import PatternLimits
from tests.crawler.attacks import ATTACKS
from tests.crawler.crawls import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "limits.md").read_text(encoding="utf-8")
MODULES: dict[str, ModuleType | PatternLimits] = {
    "bounds": broadsheet.cleaners.page.markup_repairs,
    "capacity": broadsheet.crawler.fetch.capacity,
    "limits": broadsheet.crawler.fetch.limits,
    "settings": broadsheet.crawler.settings,
    "outcomes": broadsheet.crawler.crawl.outcomes,
    "worker": broadsheet.crawler.workers.worker,
    "robots": broadsheet.crawler.crawl.robots_rules,
    "scope": broadsheet.crawler.discovery.scope,
    "sitemaps": broadsheet.crawler.discovery.sitemaps,
    "webfeeds": broadsheet.crawler.discovery.feed_reader,
    "decode": broadsheet.cleaners.page.parsed_page,
    "PatternLimits": PatternLimits(),
}
_UNITS = {"": 1, "s": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_BOUND = re.compile(r"^\| [^|]+\| ([\d,.]+) ?(s|KiB|MiB|GiB|)[^|]*\| `(\w+)\.(\w+)` \|", re.MULTILINE)
_RUNS = {"eval", "exec", "compile", "__import__"}
_UNPACKS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "xmlrpc", "yaml", "jsonpickle"}
_OWN = {"worker_jobs.py", "worker.py", "batch_task.py", "site_parts.py"}  # what goes to our own workers and comes back


def bounds() -> list[tuple[float, str, str]]:
    return [
        (float(number.replace(",", "")) * _UNITS[unit], module, name)
        for number, unit, module, name in _BOUND.findall(DOCUMENT)
    ]


@pytest.mark.parametrize(("value", "module", "name"), bounds(), ids=lambda part: str(part))
def test_a_bound_in_the_document_is_the_bound_in_the_code(value, module, name):
    assert getattr(MODULES[module], name) == value


def test_every_limit_of_answers_is_in_the_document():
    limit_names = {name for _, module, name in bounds() if module == "limits"}
    assert limit_names == {
        name
        for name, value in vars(broadsheet.crawler.fetch.limits).items()
        if name.isupper() and isinstance(value, int)
    }


def test_every_refused_network_is_in_the_document():
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", DOCUMENT, re.MULTILINE))
    assert {reason: rows.get(reason, "").replace("`", "").split(", ") for reason in SPECIAL_NETWORKS} == {
        reason: networks.split() for reason, networks in SPECIAL_NETWORKS.items()
    }
    opened = set(re.findall(r"^\| `(\w+)` \| [^|]+ \| yes \|", DOCUMENT, re.MULTILINE))
    assert opened == PRIVATE_VERDICTS


def test_every_reason_of_an_attack_is_in_the_document_and_has_words():
    reasons = {reason for _, reason in ATTACKS.values()} | {"tls", "port", "proxy", "bad_url", "private_address"}
    assert {reason for reason in reasons if f"`{reason}`" not in DOCUMENT} == set()
    assert {reason for reason in reasons if reason_text(reason) == reason} == set()
    assert {reason for reason in reasons if is_refusal(reason)} == {"port", "proxy", "bad_url", "private_address"}


def test_what_would_listen_is_not_even_loaded():
    loaded = set(project_settings().get_component_priority_dict_with_base("EXTENSIONS"))
    assert "broadsheet.crawler.crawl.spiders.CrawlLimits" in loaded
    assert {path for path in loaded if "telnet" in path or "remote_control" in path} == set()


def test_only_http_and_https_have_a_handler():
    handlers = project_settings().getwithbase("DOWNLOAD_HANDLERS")
    assert {scheme for scheme, path in handlers.items() if path} == {"http", "https"}


def sources() -> list[Path]:
    return [path for room in ("crawler", "cleaners", "output") for path in sorted((REPOSITORY / room).rglob("*.py"))]


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield (node.module or "").partition(".")[0]


def _called(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


@pytest.mark.slow
def test_nothing_that_was_read_is_run_or_unpickled():
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources()}
    assert len(trees) > 50
    assert {path.name for path, tree in trees.items() if _UNPACKS & set(_imported(tree))} <= _OWN
    assert [(path.name, found) for path, tree in trees.items() if (found := _RUNS & set(_called(tree)))] == []
