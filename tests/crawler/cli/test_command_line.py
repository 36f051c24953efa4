"""Option values that click does not know.

Exit codes of commands.
"""

from __future__ import annotations

import io
import os
import re
import sqlite3
import sys

import click
import pytest

from broadsheet.crawler.cli import archive_access
from broadsheet.crawler.cli.command_line import (
    ArchiveVerb,
    CommandError,
    duration,
    existing_archive,
    language,
    require_extra,
    run_command,
    seconds,
)
from broadsheet.crawler.commands.verb_options import header
from broadsheet.output.archive.archive_errors import ArchiveError, InUse, NotAnArchive, NotReachable
from tests.crawler.shell import start


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (duration, "90", 90.0),
        (duration, "30m", 1800.0),
        (duration, " 1.5 H ", 5400.0),
        (duration, "2d", 172800.0),
        (seconds, "0", 0.0),
        (seconds, "0.25", 0.25),
        (header, "X-Why:  because: it is ", ("X-Why", "because: it is")),
        (header, "X-Empty:", ("X-Empty", "")),
        (language, "EN-us", "en"),
        (language, "gsw", "gsw"),
    ],
)
def test_values_are_read(read, text, value):
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *((duration, text) for text in ("", "soon", "-3", "1 year", "1e3", "5m30s")),
        *((seconds, text) for text in ("-1", "nan", "inf", "a")),
        *((header, text) for text in ("X-Why", ": because", "X Why: a", "X: a\nY: b", "Cookie: a=b", "user-agent: me")),
        *((language, text) for text in ("", "e", "english", "e1", "../x")),
    ],
)
def test_nonsense_is_refused(read, text):
    with pytest.raises(click.BadParameter):
        read(text)


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error(db):
    process = start("export", db, "--format", "jsonl")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 141


def full_disk() -> OSError:
    return OSError(28, "No space left on device", "a.db")


@pytest.mark.parametrize(
    ("result", "code", "line"),
    [
        (0, 0, ""),
        (7, 7, ""),
        (None, 0, ""),
        (SystemExit(0), 0, ""),
        (SystemExit(1), 141, ""),
        (BrokenPipeError(), 141, ""),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
        (CommandError("that makes no sense"), 2, "that makes no sense"),
        (click.ClickException("a  fault\nof http://me:secret@a.example/"), 1, "a fault of http://a.example/"),
        (InUse("a.db is in use"), 75, "a.db is in use"),
        (NotReachable("a.db is away"), 1, "a.db is away"),
        (full_disk(), 1, "cannot go on: No space left on device: a.db"),
        (OSError("no more"), 1, "cannot go on: no more"),
        (sqlite3.OperationalError("disk I/O error"), 1, "the archive cannot be used: disk I/O error"),
    ],
)
def test_what_ends_a_command_is_an_exit_code_and_a_line(result, code, line, monkeypatch, capsys, tmp_path):
    @click.command()
    def command() -> object:
        if isinstance(result, BaseException):
            raise result
        return result

    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert run_command(command, []) == code
        assert (os.readlink(f"/proc/self/fd/{out.fileno()}") == os.devnull) is (code == 141)
    monkeypatch.undo()
    told_blank = isinstance(result, KeyboardInterrupt)  # after the ^C that a terminal shows
    assert capsys.readouterr().err == (f"broadsheet: {line}\n" if line else "\n" * told_blank)


class FullOutput(io.StringIO):
    def flush(self) -> None:
        raise full_disk()


def test_a_full_output_is_told_as_such(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", FullOutput())
    assert run_command(click.Command("verb", callback=lambda: 0), []) == 1
    monkeypatch.undo()
    assert capsys.readouterr().err == "broadsheet: cannot write to standard output: No space left on device\n"


def test_a_command_line_that_makes_no_sense_has_a_hint(capsys):
    assert run_command(click.Command("verb", params=[click.Option(["--day"], type=int)]), ["--day", "x"]) == 2
    assert capsys.readouterr().err == (
        "broadsheet: Invalid value for '--day': 'x' is not a valid integer. (broadsheet --help)\n"
    )


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "is_damage_told"),
    [
        (sqlite3.DatabaseError("malformed"), True),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), True),
        (NotReachable("does not exist"), False),
        (caused(NotReachable("cannot be written"), sqlite3.OperationalError("malformed")), True),
        (click.Abort(), False),
        (BrokenPipeError(), False),
        (CommandError("no such thing"), False),
    ],
)
def test_the_damage_behind_an_error_is_told_in_its_place(error, is_damage_told, monkeypatch):
    damage: list[ArchiveError] = [NotAnArchive("a.db is damaged")]
    monkeypatch.setattr(archive_access, "damage_behind", lambda path, _: [*damage, None][0] if path == "a.db" else None)

    def run(**_options: object) -> None:
        raise error

    for parameter in ("db", "target"):
        verb = ArchiveVerb("verb", params=[click.Argument([parameter])], callback=run)
        with pytest.raises(BaseException) as caught:  # noqa: PT011 - whichever it is
            verb.main(["a.db"], standalone_mode=False)
        assert caught.value is (damage[0] if is_damage_told else error)
    damage.clear()
    with pytest.raises(type(error)):
        verb.main(["a.db"], standalone_mode=False)


def test_an_archive_that_a_verb_reads_is_a_file_that_is_there(tmp_path):
    (tmp_path / "a.db").touch()
    assert existing_archive(str(tmp_path / "a.db")) == str(tmp_path / "a.db")
    for path, problem in ((tmp_path, "is a folder, not an archive file"), (tmp_path / "b.db", "does not exist")):
        with pytest.raises(NotReachable) as caught:
            existing_archive(str(path))
        assert str(caught.value) == f"{path} {problem}"


def test_what_an_extra_brings_is_asked_for_with_the_command_that_installs_it():
    require_extra("json", "fleet")
    with pytest.raises(CommandError) as caught:
        require_extra("no_such_module", "fleet")
    assert caught.value.message.startswith("this needs no_such_module, which is not installed: ")
    assert re.search(r"pip install .*(fleet|'obstore<)", caught.value.message.rpartition(": ")[2])
