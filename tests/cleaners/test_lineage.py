from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.cleaners.judge.site_rule_files import parse_rule_file
from broadsheet.cleaners.lineage import (
    CLEANER_VERSION,
    MODEL_DATA,
    RULE_DATA,
    DataFile,
    data_digest,
    lineage,
    rule_files,
    site_rules_digest,
)
from tests.cleaners.stored_verdicts import COMMAND, StoredVerdicts, problem, read_verdicts, verdicts_now

ROOM = Path(__file__).resolve().parents[2] / "cleaners"
SHOW = "from broadsheet.cleaners.lineage import lineage; said = lineage(); print(said.rules, said.model)"
CHANGES_NO_VERDICT = {
    ("broadsheet.cleaners.judge.models", "judge.json"),
    ("broadsheet.cleaners.judge.models", "lines.json"),
}
"""What training writes for people: hashes of the pages, versions, scores. The package does not read it."""


def digests(folder: Path) -> tuple[str, str]:
    """Digests of rules and model of the cleaners in a folder."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    rules, model = subprocess.check_output([sys.executable, "-c", SHOW], cwd=folder, env=environment, text=True).split()
    return rules, model


def copy_cleaners(folder: Path) -> Path:
    """A package `broadsheet` in a folder, found there before the installed one, with a copy of the cleaners in it."""
    cleaners = folder / "broadsheet/cleaners"
    shutil.copytree(ROOM, cleaners, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOM.parent / "broadsheet/__init__.py", cleaners.parent)
    return cleaners


def data_files() -> set[DataFile]:
    """Every file of the package that is no code."""
    paths = [path.relative_to(ROOM.parent) for path in ROOM.rglob("*") if path.is_file()]
    return {
        (".".join(("broadsheet", *path.parent.parts)), path.name)
        for path in paths
        if path.suffix not in (".py", ".pyc", ".c", ".h", ".so") and path.name != "py.typed"
    }


def test_a_lineage_names_version_data_and_libraries():
    current = lineage()
    assert (current.version, current.site_rules) == (CLEANER_VERSION, "")
    assert (len(current.rules), len(current.model)) == (16, 16)
    assert "trafilatura " in current.libraries
    assert lineage() is current


def test_every_data_file_is_in_the_lineage_or_known_to_change_no_verdict():
    counted_files = [*rule_files().values(), *MODEL_DATA.values()]
    assert len(counted_files) == len(set(counted_files))
    assert not CHANGES_NO_VERDICT & set(counted_files)
    assert data_files() == {*counted_files, *CHANGES_NO_VERDICT}


def test_labels_stay_as_they_are_since_archives_know_their_cleaner_by_them():
    assert " ".join(sorted([*RULE_DATA, *MODEL_DATA])) == (
        "block-words first-look-model language-model layout letters line-model metadata-words notices page-network"
        " page-signs page-type page-type-weights page-words robots-directives second-look-model url-shape urls"
    )
    assert rule_files()["phrases/de"] == ("broadsheet.cleaners.rules.phrases", "de.toml")


def test_what_changes_no_verdict_is_named_in_no_code():
    for _, name in CHANGES_NO_VERDICT:
        readers = {str(path.relative_to(ROOM)) for path in ROOM.rglob("*.py") if name in path.read_text("utf-8")}
        assert readers == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "rules_differ", "model_differs"),
    [
        ("rules/phrases/nl.toml", True, False),
        ("page/url_shapes.toml", True, False),
        ("judge/models/network.npz", False, True),
        ("judge/models/lines.npz", False, True),
        ("judge/page_weights.json", False, True),
        ("judge/models/judge.json", False, False),
    ],
)
def test_another_rule_or_model_is_another_lineage(tmp_path, changed, rules_differ, model_differs):
    cleaners = copy_cleaners(tmp_path)
    with (cleaners / changed).open("a") as file:
        file.write("\n")
    rules, model = digests(tmp_path)
    assert (rules != lineage().rules, model != lineage().model) == (rules_differ, model_differs)


def test_the_phrases_of_a_new_language_count_at_once(tmp_path):
    cleaners = copy_cleaners(tmp_path)
    assert digests(tmp_path) == (lineage().rules, lineage().model)
    (cleaners / "rules/phrases/tlh.toml").write_text("# nothing yet\n")
    assert digests(tmp_path)[0] != lineage().rules


def test_a_file_that_is_moved_and_renamed_is_the_same_lineage(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(ROOM / "page/canonical_urls.toml", tmp_path / "elsewhere" / "canonical.toml")
    monkeypatch.syspath_prepend(tmp_path)
    new_place: DataFile = ("elsewhere", "canonical.toml")
    assert data_digest(rule_files() | {"urls": new_place}) == lineage().rules
    assert data_digest({"urls": new_place}) != data_digest({"other": new_place})


def test_site_rules_count_by_what_they_say():
    strip_aside, strip_nav = parse_rule_file("strip: //aside\n", "a.txt"), parse_rule_file("strip: //nav\n", "a.txt")
    assert site_rules_digest(()) == ""
    assert site_rules_digest((strip_aside,)) == site_rules_digest((parse_rule_file("strip: //aside\n", "a.txt"),))
    sets = [(strip_aside,), (strip_nav,), (strip_aside, strip_nav), (strip_nav, strip_aside)]
    assert len({site_rules_digest(rules) for rules in sets}) == 4


def test_another_use_of_trafilatura_is_another_lineage():
    assert len({lineage(use) for use in ExtractorUse}) == 3
    assert lineage(ExtractorUse.IN_DOUBT) == lineage()


@pytest.mark.slow
def test_verdicts_do_not_change_under_one_version():
    """An archive says by the number which cleaner made a text, and `verify` compares texts of one number."""
    stored, now = read_verdicts(), verdicts_now()
    if stored.libraries != now.libraries:
        pytest.skip(f"needs {stored.libraries}")
    assert problem(stored, now) == ""


@pytest.mark.parametrize(
    ("version", "digest", "words"),
    [
        ("7", "a", ""),
        ("7", "b", "1 pages are judged otherwise (u), and CLEANER_VERSION is still 7: run "),
        ("8", "b", "1 pages are judged otherwise (u), and CLEANER_VERSION is 8: run "),
        ("8", "a", "0 pages are judged otherwise (), and CLEANER_VERSION is 8: run "),
    ],
)
def test_a_version_of_other_verdicts_is_told(version, digest, words):
    told = problem(StoredVerdicts("7", "", {"u": "a"}), StoredVerdicts(version, "", {"u": digest}))
    assert told == (words and words + COMMAND)
