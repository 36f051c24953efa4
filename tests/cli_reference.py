"""The reference of the command line, made from its help texts: `python -m tests.cli_reference > docs/cli.md`.

The words around them, and the fields that `--json` prints, are in `cli_reference.txt`.
"""

import ast
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click

from broadsheet.crawler import settings
from broadsheet.crawler.cli import cli
from broadsheet.crawler.cli.command_line import VerbGroup
from broadsheet.output.archive.metadata_columns import METADATA_COLUMNS

_COLUMNS = 79  # of a verb's help text


def reference_page(program: VerbGroup) -> str:
    """Return the page in Markdown: every verb that is not hidden, the settings, and what `--json` prints."""
    verbs = sorted((words, command) for words, command in program.verbs() if not command.hidden)
    sections = [_section(f"broadsheet {words}", command) for words, command in verbs]
    page = Path(__file__).with_suffix(".txt").read_text("utf-8")
    page = page.replace("{verbs}", "\n".join(sections).rstrip())
    page = page.replace("{stated}", ", ".join(f"`{name}`" for name in METADATA_COLUMNS))
    return page.replace("{settings}", "".join(_setting_rows()).rstrip())


def _section(name: str, command: click.Command) -> str:
    context = command.make_context(
        name, [], resilient_parsing=True, max_content_width=_COLUMNS, terminal_width=_COLUMNS
    )
    return f"## {name.removeprefix('broadsheet ')}\n\n```\n{command.get_help(context)}\n```\n"


def _setting_rows() -> Iterator[str]:
    """Yield a row for each setting, from the source of the settings module, whatever this environment says."""
    lines = files("broadsheet.crawler").joinpath("settings.py").read_text("utf-8").splitlines()
    for line in lines:
        name, _, rest = line.partition(" = ")
        value, _, comment = rest.partition("  # ")
        name = name.partition(":")[0]
        if name.startswith("BROADSHEET_") and comment and name not in settings.INTERNAL_SETTINGS:
            yield f"| `{name}` | {_default_text(value)} | {comment} |\n"


def _default_text(source: str) -> str:
    try:
        value = ast.literal_eval(source)
    except ValueError:
        return f"`{source}`"
    return f"`{value}`" if value not in ("", []) else "empty"


if __name__ == "__main__":
    click.echo(reference_page(cli), nl=False)
