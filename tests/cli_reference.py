"""The reference of the command line, made from its help texts: `python -m tests.cli_reference > docs/cli.md`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.resources import files

import click

from broadsheet.crawler import settings
from broadsheet.crawler.cli import cli
from broadsheet.crawler.cli.command_line import VerbGroup

_INTRODUCTION = """\
# The command line

This page is generated from the help texts: `python -m tests.cli_reference > docs/cli.md`.
`broadsheet VERB -h` says the same.

```sh
broadsheet --help
broadsheet crawl --help
broadsheet doctor                    # can a crawl run on this machine?
eval "$(broadsheet completion bash)" # the Tab key completes verbs and options; also zsh and fish
```

Errors are one line on standard error. Exit codes: 0 done; 1 nothing found, or something failed; 2 the command makes no
sense as it stands, and nothing was done; 130 stopped with Ctrl-C; 143 with SIGTERM; 141 the program that read the
output went away. Where the output is no terminal nothing is cut, unless `COLUMNS` says how wide a line may be. A long
report, `explain`, `search` or `rulings` goes through `PAGER`, else `less`, on a terminal; `NO_COLOR` turns colours off.
"""
_SETTINGS_INTRODUCTION = """
## Settings from the environment

Each setting can be given in an environment variable of its name; an option of the command goes before it. In a checkout
`scrapy crawl site -s NAME=value` sets the same. Lists have commas; true is 1, false 0.

| variable | default | is |
|---|---|---|
"""
_COLUMNS = 79  # of a verb's help text


def reference_page(program: VerbGroup) -> str:
    """Return the page in Markdown: every verb that is not hidden, and the settings."""
    verbs = sorted((words, command) for words, command in program.verbs() if not command.hidden)
    sections = [_section(f"broadsheet {words}", command) for words, command in verbs]
    return "\n".join([_INTRODUCTION, *sections]) + _SETTINGS_INTRODUCTION + "".join(_setting_rows())


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
