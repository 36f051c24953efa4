"""`broadsheet fleet`: many sites by one list."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from crawler.console.option_types import CommandError
from crawler.fleet.new_sites_file import new_sites_file


def init_sites(urls: tuple[str, ...], contact: str, output: str) -> int:
    """Write a list of sites; a file that is there is left as it is. Returns the exit code."""
    text = new_sites_file(urls, contact)
    if output == "-":
        click.echo(text, nl=False)
        return 0
    try:
        with Path(output).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise CommandError(
            f"{output} is there already; add a table [sites.NAME] to it, or name another with -o"
        ) from None
    click.echo(f"Wrote {output}. Look through it, then: broadsheet fleet run {shlex.quote(output)}")
    return 0
