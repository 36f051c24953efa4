"""`broadsheet rules`: what is wrong with rule files, and what they make of a page."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from broadsheet.cleaners.judge.site_rule_files import IGNORED_DIRECTIVES, parse_rule_file
from broadsheet.crawler.cli import cli
from broadsheet.crawler.fetch.request_headers import allowed_headers, header_refusal
from tests.crawler.scripted_site import page
from tests.crawler.shell import REPOSITORY, command

SHARED = Path(os.environ.get("BROADSHEET_SHARED") or REPOSITORY.parent / "shared")


def run_rules(*arguments: object) -> tuple[int, list[str]]:
    result = CliRunner().invoke(cli, ["rules", *map(str, arguments)], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, result.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.example.txt").write_text("body: //main\nstrip: //aside\nhttp_header(Cookie): a=b\n")
    return tmp_path


@pytest.mark.slow
def test_a_real_collection_is_checked(tmp_path):
    packed = SHARED / "corpus/ftr-site-config.tar.xz"
    if not packed.is_file():
        pytest.skip("the collection of rule files is not here: ../shared is absent")
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path, filter="data")
    code, lines = run_rules("check", next(path.parent for path in tmp_path.rglob("global.txt")))
    assert code == 1
    assert lines[-1].startswith("1,947 files, ")
    assert 0 < len(lines) - 1 < 15
    assert all(line.partition(".txt:")[2].partition(":")[0].isdigit() for line in lines[:-1])


RULE = """\
title: //h1
strip: //p[contains(., 'paragraph 2')]
strip: //sup[x:y]
tidy: no
find_string: council
replace_string: assembly
test_url: https://press.example/river
test_contains: which the assembly of the harbour town
"""


def test_a_sandbox_shows_what_each_directive_found(tmp_path):
    (tmp_path / "press.example.txt").write_text(RULE)
    (tmp_path / "page.html").write_text(page("river", extra="<p>One<sup>1</sup> more line.</p>"))
    code, lines = run_rules("test", tmp_path / "press.example.txt", tmp_path / "page.html")
    assert code == 0
    cells = {tuple(line.split(None, 3)[:3]): line for line in lines if line.startswith("press.example.txt:")}
    assert ("press.example.txt:1", "title", "1") in cells
    assert "River paragraph 2" in cells["press.example.txt:2", "strip", "1"]
    assert "no effect" in next(line for line in lines if ":4 " in line)
    assert ("press.example.txt:5", "find_string", "3") in cells
    assert "title      The story of river and the harbour" in lines
    assert lines[-1] == "contains  which the assembly of the harbour town"
    assert not any("paragraph 2" in line for line in lines if line.startswith("text"))


@pytest.mark.slow
def test_the_file_s_own_pages_are_fetched(site, tmp_path):
    site.routes["/river"] = page("river", "/other")
    site.routes["/other"] = page("other")
    rule = tmp_path / "127.0.0.1.txt"
    rule.write_text(
        f"strip: //p[contains(., 'paragraph 1')]\ntest_url: {site.url}/river\ntest_contains: River paragraph 0\n"
    )
    code, out, errors = command("rules", "test", rule, "--allow-private")
    assert (code, errors) == (0, "")
    assert "The story of river" in out
    assert "contains  River paragraph 0" in out
    assert site.paths() == ["/robots.txt", "/river"]
    rule.write_text(
        f"strip: //p\ntest_url: {site.url}/river\ntest_contains: River paragraph 0\ntest_url: {site.url}/gone\n"
    )
    code, out, _ = command("rules", "test", rule, "--allow-private")
    assert code == 1
    assert f"{site.url}/gone  failed (HTTP 404 Not Found)" in out


def test_headers_that_a_rule_may_send_and_those_that_it_may_not():
    names = ("Host", "cookie", "Authorization", "Proxy-Authorization", "User-Agent", "From", "Range", "If-None-Match",
             "X-Forwarded-For", "Transfer-Encoding", "Content-Length", "Accept-Encoding", "a b", "x(y")  # fmt: skip
    assert [name for name in names if not header_refusal(name, "value")] == []
    assert allowed_headers([parse_rule_file(f"http_header({name}): value\n", "a.txt") for name in names]) == {}
    rules = [parse_rule_file(f"http_header(Referer): https://{name}.example/\n", "a.txt") for name in ("own", "all")]
    assert allowed_headers(rules) == {"referer": "https://own.example/"}
    assert header_refusal("referer", "a\x07") == "is not a header that can be sent"


def test_the_docs_name_every_directive_without_effect():
    words = (REPOSITORY / "docs/rules.md").read_text("utf-8")
    assert [name for name in IGNORED_DIRECTIVES if f"`{name}`" not in words] == []


def test_several_files_are_checked_together(folder):
    (folder.parent / "more").mkdir(exist_ok=True)
    other = folder.parent / "more" / "other.example.txt"
    other.write_text("body: //article\n")
    code, lines = run_rules("check", folder / "good.example.txt", other)
    assert (code, lines) == (0, ["2 files, 4 directives; no problem; 1 header not sent"])
