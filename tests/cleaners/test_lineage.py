from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cleaners
from cleaners.lineage import CLEANER_VERSION, lineage, site_rules_digest
from cleaners.site_rules.ftr_format import read_rule

ROOM = Path(cleaners.__file__).parent
SHOW = "from cleaners.lineage import lineage; said = lineage(); print(said.rules, said.model)"


def digests(folder: Path) -> tuple[str, str]:
    """Digests of rules and model of the cleaners in a folder."""
    done = subprocess.run([sys.executable, "-c", SHOW], cwd=folder, capture_output=True, text=True, check=True)
    rules, model = done.stdout.split()
    return rules, model


def test_a_lineage_names_version_data_and_libraries():
    said = lineage()
    assert (said.version, said.site_rules) == (CLEANER_VERSION, "")
    assert (len(said.rules), len(said.model)) == (16, 16)
    assert "trafilatura " in said.libraries
    assert lineage() is said


def test_another_rule_or_model_is_another_lineage(tmp_path: Path):
    shutil.copytree(ROOM, tmp_path / "cleaners", ignore=shutil.ignore_patterns("__pycache__"))
    rules, model = digests(tmp_path)
    assert (rules, model) == (lineage().rules, lineage().model)
    with (tmp_path / "cleaners/rules/nl.toml").open("a") as file:
        file.write("# another\n")
    assert digests(tmp_path) != (rules, model)
    assert digests(tmp_path)[1] == model
    with (tmp_path / "cleaners/learned/model.npz").open("ab") as file:
        file.write(b"x")
    assert digests(tmp_path)[1] != model


def test_site_rules_count_by_what_they_say():
    one, other = read_rule("strip: //aside\n", "a.txt"), read_rule("strip: //nav\n", "a.txt")
    assert site_rules_digest(()) == ""
    assert site_rules_digest((one,)) == site_rules_digest((read_rule("strip: //aside\n", "a.txt"),))
    assert len({site_rules_digest(each) for each in ((one,), (other,), (one, other), (other, one))}) == 4
