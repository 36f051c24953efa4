"""`broadsheet datasette`: an archive in Datasette, with metadata by which it explains itself in a browser."""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import click

from ..cli.command_line import CommandError
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import print_text
from .verb_options import archive_argument, verb

with lazy_imports():
    from broadsheet.output.archive import stored_text
    from broadsheet.output.read import datasette as datasette_metadata

    from ..cli import archive_access
    from . import run_summary


@verb
@archive_argument
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- OPTION...]")
@click.option("--print", "is_printing", is_flag=True, help="Print the metadata as JSON; do not start Datasette.")
def datasette(db: str, arguments: tuple[str, ...], is_printing: bool) -> int:
    """Start Datasette with descriptions of tables and columns, facets and queries.

    Internal tables are hidden. Arguments after -- go to Datasette: broadsheet datasette news.db -- --port 8002 --open
    """
    with archive_access.open_read_only(db) as archive_db:
        metadata = datasette_metadata.datasette_metadata(archive_db)
    text = stored_text.escaped_json(json.dumps(metadata, ensure_ascii=False, indent=2))
    if is_printing:
        print_text(text)
        return 0
    program = run_summary.find_program("datasette")
    if program is None:
        raise CommandError("this needs Datasette, which is not installed: pipx install datasette")
    with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        file = Path(folder) / "metadata.json"
        file.write_text(text, "utf-8")
        return subprocess.run([program, db, "-m", str(file), *arguments], check=False).returncode
    return 0
