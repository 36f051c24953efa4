"""docs/cli.md is what the help texts say, and lists what options do besides and the fields that `--json` prints."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.cli import cli, run
from broadsheet.crawler.settings import ENVIRONMENT_SETTINGS
from broadsheet.output.archive.ledger import block_id
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.cli_reference import reference_page
from tests.crawler.crawls import REPOSITORY
from tests.crawler.shell import ACTIVE, HOSTILE, environment
from tests.expected_texts import expected_text
from tests.output.conftest import Maker

PAGE = REPOSITORY / "docs" / "cli.md"
OPTIONS = Path(__file__).with_name("options.txt")
"""A line for each option whose type, default, variable, completion or repetition matters, with its verbs."""
PRINT_ALL = """
import sys
from collections import defaultdict
from broadsheet.crawler.cli import cli
from tests.cli_reference import reference_page

verbs = defaultdict(list)
for name, verb in cli.verbs():
    for option in verb.params:
        of_type = getattr(option.type, "func", type(option.type)).__name__
        shown = {"StringParamType": "", "BoolParamType": "", "Choice": repr(option.type), "IntRange": repr(option.type)}
        facts = [
            shown.get(of_type, of_type),
            "" if repr(option.default).startswith(("Sentinel", "None")) else repr(option.default),
            f"${option.envvar}" if option.envvar else "", "repeated" if option.multiple or option.nargs == -1 else "",
            "required" if option.required else "",
            f"completes {option._custom_shell_complete.__name__}" if option._custom_shell_complete else "",
        ]
        if any(facts):
            verbs[", ".join(filter(None, ("/".join(option.opts), *facts)))].append(name)
print(*sorted(f"{option}: {', '.join(names)}" for option, names in verbs.items()), sep="\\n", file=sys.stderr)
print(reference_page(cli), end="")
"""


@pytest.mark.slow
def test_the_page_is_what_a_new_process_prints():
    """Another process, so that what verbs are declared with when they are imported is this test's, too."""
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_ALL], env=environment(), capture_output=True, text=True, check=True
    )
    assert printed.stdout == PAGE.read_text("utf-8"), "run: python -m tests.cli_reference > docs/cli.md"
    assert printed.stderr == expected_text(OPTIONS, printed.stderr)


def test_every_verb_and_every_setting_is_on_the_page():
    page = reference_page(cli)
    assert page == PAGE.read_text("utf-8")
    assert [name for name, verb in cli.verbs() if (f"\n## {name}" in page) == verb.hidden] == []
    assert [name for name in ENVIRONMENT_SETTINGS if f"| `{name}` |" not in page] == []


STORY = "http://a.test/story"
FIRST = "The council of the harbour town voted on Tuesday to keep the second dredger in service until spring."
SECOND = "Its harbour master had told the members that the first one would be in the yard for eleven weeks."
PROMO = "Read our other stories about the harbour and its council."
COMMANDS: Mapping[str, list[str]] = {
    "explain": ["explain", "DB", STORY],
    "search": ["search", "DB", "harbour"],
    "show": ["show", "DB", STORY, "--removed"],
    "report": ["report", "DB"],
    "verify": ["verify", "DB"],
    "changes": ["changes", "DB"],
    "diff": ["diff", "DB", STORY],
    "correct": ["correct", "DB"],
}


def documented_fields(verb: str) -> set[str]:
    """The fields in the table below a verb's heading, `a.b` for those of the objects in `a`."""
    section = re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(f"{verb}\n")]
    first_cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {field for cell in first_cells for field in re.findall(r"`([^`]+)`", cell)}


def shown_fields(values: Mapping[str, Any], documented: set[str], prefix: str = "") -> set[str]:
    """The fields of an object, and of objects in it where the document names any of theirs."""
    fields = {prefix + name for name in values}
    for name, value in values.items():
        inner = [row for row in (value if isinstance(value, list) else [value]) if isinstance(row, dict)]
        if any(field.startswith(f"{prefix}{name}.") for field in documented):
            for row in inner:
                fields |= shown_fields(row, documented, f"{prefix}{name}.")
    return fields


@pytest.fixture(scope="module")
def archive_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An article that was edited, with a ruling, a corrected field and a hostile title."""
    file, make = tmp_path_factory.mktemp("json") / "a.db", Maker()
    with Archive.open(file, make.clock) as archive:
        for first in (FIRST, FIRST.replace("Tuesday", "Monday")):
            archive.save([make.outcome(STORY, first, SECOND, removed=(PROMO,), title=f"Dredger {HOSTILE}")])
            settle(archive.db, make.clock)
    assert run(["restore", str(file), str(block_id(PROMO))]) == 0
    assert run(["correct", str(file), STORY, "--language", "en"]) == 0
    return file


def damaged_copy(archive: Path, folder: Path) -> Path:
    """A copy in which a page's counts are wrong."""
    copy = folder / "damaged.db"
    shutil.copy(archive, copy)
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE pages SET blocks = 99")
    connection.close()
    return copy


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_fields_are_those_of_the_document(archive_path, tmp_path, verb, capsys):
    archive = damaged_copy(archive_path, tmp_path) if verb == "verify" else archive_path
    arguments = [str(archive) if argument == "DB" else argument for argument in COMMANDS[verb]]
    run([*arguments, "--json"])
    output = capsys.readouterr().out
    documented = documented_fields(verb)
    rows = (
        [json.loads(line) for line in output.splitlines()] if verb in ("changes", "correct") else [json.loads(output)]
    )
    assert rows
    assert set().union(*(shown_fields(row, documented) for row in rows)) == documented
    assert not ACTIVE & set(output)


def test_numbers_of_blocks_are_numbers_that_json_keeps(archive_path, capsys):
    assert block_id(PROMO) < 2**53
    assert run(["correct", str(archive_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["block_id"] == block_id(PROMO)


def test_every_verb_with_json_is_in_the_document():
    verbs = {
        name
        for name, verb in cli.verbs()
        if " " not in name and any(option.name == "as_json" for option in verb.params)
    }
    assert verbs == set(COMMANDS)
