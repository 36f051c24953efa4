"""docs/cli.md is what the help texts say, and options do what no help text says, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from broadsheet.crawler.cli import cli
from broadsheet.crawler.settings import ENVIRONMENT_SETTINGS
from tests.cli_reference import reference_page
from tests.crawler.crawls import REPOSITORY
from tests.crawler.shell import environment
from tests.expected_texts import expected_text

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


def test_the_page_is_what_a_new_process_prints() -> None:
    """Another process, so that what verbs are declared with when they are imported is this test's, too."""
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_ALL], env=environment(), capture_output=True, text=True, check=True
    )
    assert printed.stdout == PAGE.read_text("utf-8"), "run: python -m tests.cli_reference > docs/cli.md"
    assert printed.stderr == expected_text(OPTIONS, printed.stderr)


def test_every_verb_and_every_setting_is_on_the_page() -> None:
    page = reference_page(cli)
    assert page == PAGE.read_text("utf-8")
    assert [name for name, verb in cli.verbs() if (f"\n## {name}" in page) == verb.hidden] == []
    assert [name for name in ENVIRONMENT_SETTINGS if f"| `{name}` |" not in page] == []
