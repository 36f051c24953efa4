"""Running a click command: its exit code, and what goes wrong in one line on standard error.

Light: `broadsheet --help` imports this.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from broadsheet.output.db.errors import ArchiveError, InUse, NotReachable

HELP_OPTIONS = ["-h", "--help"]
INTERRUPTED = 130
PIPE_CLOSED = 141
IN_USE = 75
"""Another crawl owns the archive: EX_TEMPFAIL of sysexits.h, so that a script can tell what to try again."""
_NO_DAMAGE = (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError)
"""What a verb raises that says nothing of its archive."""


class ArchiveVerb(click.Command):
    """A verb. Whatever goes wrong in it while the archive that it names is damaged is put down to the damage."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", HELP_OPTIONS)

    def invoke(self, context: click.Context) -> Any:
        """Run the verb; ArchiveError in place of an exception that comes from damage."""
        try:
            return super().invoke(context)
        except _NO_DAMAGE:
            raise
        except Exception as error:
            if isinstance(error, NotReachable) and error.__cause__ is None:
                raise
            from broadsheet.crawler.console.open_archive import damage_behind

            path = context.params.get("db")
            if path and (damage := damage_behind(path, error)):
                raise damage from error
            raise


class ArchiveVerbs(click.Group):
    """A group of verbs that say in one line when an archive is damaged; so do those of the groups in it."""

    command_class = ArchiveVerb
    group_class = type

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", HELP_OPTIONS)


def run_command(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit code; errors are one line each."""
    try:
        code = command.main(arguments, prog_name="broadsheet", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:  # the latter is how click tells of the former, and ends a completion
        if isinstance(error, SystemExit) and not error.code:
            return 0
        _discard_output()
        return PIPE_CLOSED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except click.ClickException as error:
        _print_error(_error_message(error))
        return error.exit_code
    except ArchiveError as error:
        _print_error(str(error))
        return IN_USE if isinstance(error, InUse) else 1
    except (OSError, sqlite3.OperationalError) as error:
        _print_error(_system_message(error))
        return 1
    return code if isinstance(code, int) else 0


def _error_message(error: click.ClickException) -> str:
    """The error's text; a command line that makes no sense gets a hint to the verb's help."""
    hint = f" ({error.ctx.command_path} --help)" if isinstance(error, click.UsageError) and error.ctx else ""
    return error.format_message() + hint


def _system_message(error: OSError | sqlite3.OperationalError) -> str:
    """What the system refused, such as room on a full disk; standard output that takes no more is dropped."""
    try:
        sys.stdout.flush()
    except OSError as output_error:
        _discard_output()
        return f"cannot write to standard output: {output_error.strerror}"
    if isinstance(error, sqlite3.OperationalError):
        return f"the archive cannot be used: {error}"
    return f"cannot go on: {error.strerror or error}" + (f": {error.filename}" if error.filename else "")


def _discard_output() -> None:
    """Send what standard output still holds nowhere, else the interpreter complains when it flushes at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(message: str) -> None:
    from broadsheet.output.db.text import inert_text
    from broadsheet.output.raw.credentials import without_userinfo

    click.echo("broadsheet: " + " ".join(without_userinfo(inert_text(message)).split()), err=True)
