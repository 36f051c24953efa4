"""docs/cli.md is what the help texts say."""

from __future__ import annotations

from broadsheet.crawler.cli import cli
from broadsheet.crawler.commands.reference import reference_page
from broadsheet.crawler.settings import ENVIRONMENT_SETTINGS
from tests.crawler.crawls import REPOSITORY
from tests.crawler.shell import start

PAGE = REPOSITORY / "docs" / "cli.md"


def test_the_page_is_what_a_new_process_prints() -> None:
    """Another process, so that what verbs are declared with when they are imported is this test's, too."""
    assert start("reference").communicate() == (PAGE.read_text("utf-8"), ""), "run: broadsheet reference > docs/cli.md"


def test_every_verb_and_every_setting_is_on_the_page() -> None:
    page = reference_page(cli)
    assert page == PAGE.read_text("utf-8")
    assert [name for name, verb in cli.verbs() if (f"\n## {name}" in page) == verb.hidden] == []
    assert [name for name in ENVIRONMENT_SETTINGS if f"| `{name}` |" not in page] == []
