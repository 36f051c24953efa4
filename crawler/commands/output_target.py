"""Target of a verb's output, `-o` and the like: its failures are errors of the command, one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import click
from sqlite_utils import Database

from broadsheet.output.read.export_target import OwnFiles, TargetRefused, TargetWriteError, open_target

from ..cli.command_line import CommandError


@contextmanager
def open_output(db: Database, target: str) -> Iterator[BinaryIO]:
    """Open a stream to a path or, for `-`, to standard output; never to a file of the open archive `db`."""
    with write_errors(), open_target(OwnFiles.of(db), target) as stream:
        yield stream


@contextmanager
def write_errors() -> Iterator[None]:
    """Turn errors within the `with` block into exits: with 2 for a refused target, with 1 for a failed write."""
    try:
        yield
    except TargetRefused as error:
        raise CommandError(str(error)) from error
    except TargetWriteError as error:
        raise click.ClickException(str(error)) from error
