"""Running a click command: its exit code, and what goes wrong in one line on standard error.

Light: `broadsheet --help` imports this.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from output.db.errors import ArchiveError

INTERRUPTED = 130
PIPE_CLOSED = 141


def run_command(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit code; errors are one line each."""
    try:
        code = command.main(arguments, prog_name="broadsheet", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:  # the latter is how click tells of the former, and ends a completion
        if isinstance(error, SystemExit) and not error.code:
            return 0
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else the interpreter complains when it flushes at its end
        return PIPE_CLOSED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except click.ClickException as error:
        _print_error(_error_message(error))
        return error.exit_code
    except ArchiveError as error:
        _print_error(str(error))
        return 1
    return code if isinstance(code, int) else 0


def _error_message(error: click.ClickException) -> str:
    """The error's text; a command line that makes no sense gets a hint to the verb's help."""
    hint = f" ({error.ctx.command_path} --help)" if isinstance(error, click.UsageError) and error.ctx else ""
    return error.format_message() + hint


def _print_error(message: str) -> None:
    from output.db.text import inert_text

    click.echo("broadsheet: " + " ".join(inert_text(message).split()), err=True)
