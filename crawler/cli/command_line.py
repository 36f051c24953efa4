"""Command lines: verbs, types of option values, errors of one line, exit codes. Light: `broadsheet --help` loads it."""

from __future__ import annotations

import math
import os
import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from broadsheet.output.archive.archive_errors import ArchiveError, InUse, NotReachable

from .option_rules import check_together

if TYPE_CHECKING:
    from broadsheet.output.archive.row_sample import RowSample

INTERRUPTED = 130
IN_USE = 75
"""The exit code where another crawl owns the archive: EX_TEMPFAIL of sysexits.h, which a script may try again."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9-]+)?", re.IGNORECASE)
_SHARD = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


class CommandError(click.ClickException):
    """Error of a command that makes no sense as given; the text says why, in one line."""

    exit_code = 2


def duration(value: str) -> float:
    """Parse a duration such as 90, 30m, 2h or 1d into seconds."""
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is not a time; write seconds or a number with a unit: 90, 30m, 2h")
    return float(match[1]) * _SECONDS[match[2].lower()]


def is_nonempty_file(name: str) -> bool:
    """Return whether the path is a file with content."""
    path = Path(name)
    return path.is_file() and path.stat().st_size > 0


def is_file_of_receivers(word: str) -> bool:
    """Return whether a word of --notify names a TOML file of addresses, and is not an address itself."""
    return word.endswith(".toml") and "://" not in word


def seconds(value: str | float) -> float:
    """Read a number of seconds that is neither negative nor infinite."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise click.BadParameter(f"{value!r} is not a number of seconds")
    return number


def shard(value: str) -> tuple[int, int]:
    """Read a part of a whole as (number, count): 3/20 is the third of twenty."""
    match = _SHARD.fullmatch(value.strip())
    if match is None or int(match[1]) > int(match[2]):
        raise click.BadParameter(f"{value!r} is not a part; write the third of twenty as 3/20")
    return int(match[1]), int(match[2])


def row_sample(value: str) -> RowSample:
    """Read a part of an archive's rows: 3/7 is the third of seven; 7 is one of seven, another each day (UTC)."""
    from broadsheet.output.archive.row_sample import RowSample

    number, count = shard(value if "/" in value else f"1/{value}")
    return RowSample(number, count) if "/" in value else RowSample.of_day(count, datetime.now(UTC).date())


def language(value: str) -> str:
    """Read the code of a language, two or three letters, in lower case; a region is dropped."""
    match = _LANGUAGE.fullmatch(value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is not a language code; write en, es, de …")
    return match[1].lower()


def existing_archive(value: str) -> str:
    """Check the path of an archive that a verb reads, before anything heavy is imported, and return it.

    NotReachable if nothing is there, or a folder.
    """
    file = Path(value).absolute()
    if file.is_dir():
        raise NotReachable(f"{file} is a folder, not an archive file")
    if not file.exists():
        raise NotReachable(f"{file} does not exist")
    return value


def require_extra(module: str, extra: str) -> None:
    """Raise CommandError, with the install command, if the module of an extra is missing."""
    if find_spec(module) is None:
        from broadsheet.output.archive.installed_extras import install_command

        raise CommandError(f"this needs {module}, which is not installed: {install_command(extra)}")


HELP_OPTIONS = ["-h", "--help"]
PIPE_CLOSED = 141
_NO_DAMAGE = (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError)
"""Exceptions of a verb that have nothing to do with the state of its archive."""


GROUP_ATTRIBUTE = "broadsheet_group"
"""The attribute of a parameter that has the title under which a help text lists it."""


class ArchiveVerb(click.Command):
    """A verb. An exception is reported as damage if the archive it names is damaged."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", HELP_OPTIONS)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read a command line. UsageError for options that do not go together."""
        words, rest = list(args), super().parse_args(ctx, args)
        # Parsed a second time: click's context does not tell a given option from a default.
        check_together(ctx, () if ctx.resilient_parsing else self.make_parser(ctx).parse_args(words)[2])
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options: first those without a group, then each group under its title."""
        records: dict[str, list[tuple[str, str]]] = {"": []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                records.setdefault(getattr(parameter, GROUP_ATTRIBUTE, ""), []).append(record)
        for title, rows in records.items():
            with formatter.section(title or "Options"):
                formatter.write_dl(rows)

    def invoke(self, context: click.Context) -> Any:
        """Run the verb; ArchiveError in place of an exception that comes from damage."""
        try:
            return super().invoke(context)
        except _NO_DAMAGE:
            raise
        except Exception as error:
            if isinstance(error, NotReachable) and error.__cause__ is None:  # refused before the file was read
                raise
            from .archive_access import damage_behind

            path = context.params.get("db") or context.params.get("target")
            if path and (damage := damage_behind(path, error)):
                raise damage from error
            raise


class UnloadedVerb(click.Command):
    """A verb by its name and short help, for lists of verbs. Its file is loaded when the verb is named."""

    def __init__(self, name: str, short_help: str, place: str) -> None:
        super().__init__(name, short_help=short_help)
        self._place = place

    def load(self) -> click.Command:
        """Return the verb itself, from `module:name`."""
        module, _, name = self._place.partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        command.name, command.short_help = self.name, self.short_help
        return command


class VerbGroup(click.Group):
    """A group of verbs and subgroups; a verb's module is loaded when the verb is named."""

    def __init__(self, *arguments: Any, sections: Mapping[str, str] | None = None, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", HELP_OPTIONS)
        self._sections = sections or {}

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs under the titles of their sections, all of them with the same width."""
        if not self._sections:
            super().format_commands(ctx, formatter)
            return
        width = max(map(len, self.commands))
        for title, names in self._sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:{width}}", self.commands[name].get_short_help_str(80)) for name in names.split()]
                )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that the arguments name, and load it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, UnloadedVerb) else command, rest

    def verbs(self) -> Iterator[tuple[str, click.Command]]:
        """Load all verbs, those of subgroups too, and yield pairs: the words that name a verb, and the verb."""
        for name, command in self.commands.items():
            if isinstance(command, VerbGroup):
                yield from ((f"{name} {inner}", verb) for inner, verb in command.verbs())
            elif isinstance(command, UnloadedVerb):
                yield name, command.load()


def run_command(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of this process, and return its exit code; errors are one line each."""
    try:
        code = command.main(arguments, prog_name="broadsheet", standalone_mode=False)
        sys.stdout.flush()  # here, since a full disk or a closed pipe shows only when the buffer is written
    except (BrokenPipeError, SystemExit) as error:  # by SystemExit click tells of a broken pipe, and ends a completion
        if isinstance(error, SystemExit) and not error.code:
            return 0
        _discard_output()
        return PIPE_CLOSED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except click.ClickException as error:
        hint = f" ({error.ctx.command_path} --help)" if isinstance(error, click.UsageError) and error.ctx else ""
        _print_error(error.format_message() + hint)
        return error.exit_code
    except ArchiveError as error:
        _print_error(str(error))
        return IN_USE if isinstance(error, InUse) else 1
    except (OSError, sqlite3.OperationalError) as error:
        _print_error(_system_message(error))
        return 1
    return code if isinstance(code, int) else 0


def _system_message(error: OSError | sqlite3.OperationalError) -> str:
    """Describe a refused system call, such as a write to a full disk; a broken standard output is discarded."""
    try:
        sys.stdout.flush()
    except OSError as output_error:
        _discard_output()
        return f"cannot write to standard output: {output_error.strerror}"
    if isinstance(error, sqlite3.OperationalError):
        return f"the archive cannot be used: {error}"
    return f"cannot go on: {error.strerror or error}" + (f": {error.filename}" if error.filename else "")


def _discard_output() -> None:
    """Discard buffered output: the interpreter would report an error when it flushes at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_error(message: str) -> None:
    from broadsheet.output.archive.stored_text import inert_text
    from broadsheet.output.raw.redaction import without_userinfo

    click.echo("broadsheet: " + " ".join(without_userinfo(inert_text(message)).split()), err=True)
