from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from broadsheet.cleaners.site_rules.folder import SiteRuleFolder, SiteRulesError

SHARED = Path(os.environ.get("BROADSHEET_SHARED") or Path(__file__).resolve().parents[4] / "shared")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("news.example.txt", ".news.example.txt", "sport.news.example.txt", "global.txt", "LICENSE.txt"):
        (tmp_path / name).write_text(f"strip: //div[@id='{name}']\n", "utf-8")
    return tmp_path


def test_the_nearest_file_speaks_for_a_host_and_global_after_it(folder: Path) -> None:
    rules = SiteRuleFolder(folder)
    files_by_host = {
        host: [rule.file for rule in rules.for_host(host)]
        for host in ("news.example", "www.news.example", "sport.news.example", "a.b.news.example:8080", "other.example")
    }
    assert files_by_host == {
        "news.example": ["news.example.txt", "global.txt"],
        "www.news.example": ["news.example.txt", "global.txt"],
        "sport.news.example": ["sport.news.example.txt", "global.txt"],
        "a.b.news.example:8080": [".news.example.txt", "global.txt"],
        "other.example": ["global.txt"],
    }


def test_files_are_read_when_a_host_comes(folder: Path) -> None:
    rules = SiteRuleFolder(folder)
    (folder / "news.example.txt").write_text("strip: //changed\n", "utf-8")
    assert rules.for_host("news.example")[0].directives_named("strip")[0].value == "//changed"


def test_a_file_that_cannot_be_read_is_a_problem(folder: Path) -> None:
    rules = SiteRuleFolder(folder)
    (folder / "news.example.txt").unlink()
    (problem,) = rules.for_host("news.example")[0].problems
    assert "cannot be read" in str(problem)


def test_a_folder_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SiteRulesError, match="cannot read the folder of site rules"):
        SiteRuleFolder(tmp_path / "none")


@pytest.mark.slow
def test_every_file_of_a_real_collection_loads(tmp_path: Path) -> None:
    packed = SHARED / "corpus/ftr-site-config.tar.xz"
    if not packed.is_file():
        pytest.skip("the collection of rule files is not here: ../shared is absent")
    with tarfile.open(packed) as tar:
        tar.extractall(tmp_path, filter="data")
    rules = SiteRuleFolder(next(path.parent for path in tmp_path.rglob("global.txt")))
    rule_files = list(rules.read_all())
    assert len(rule_files) == len(rules) == 1947
    problems = [problem for rule in rule_files for problem in rule.problems]
    assert len(problems) < 15
    assert all(problem.line >= 1 and problem.message for problem in problems)
