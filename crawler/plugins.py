"""Plug-ins: exporters, notifiers and fleet engines that other packages bring as entry points (`docs/python.md`).

A plug-in is loaded when it is named, and never before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .cli.command_line import CommandError

EXPORTERS = "broadsheet.exporters"
NOTIFIERS = "broadsheet.notifiers"
FLEET_ENGINES = "broadsheet.fleet_engines"


def has_plugin(group: str, name: str) -> bool:
    """Return whether an installed package brings a plug-in of this name."""
    from importlib.metadata import entry_points

    return bool(entry_points(group=group, name=name))


def load_plugin(group: str, name: str) -> Callable[..., Any]:
    """Load the object that a plug-in names. CommandError, in one line, if it is missing or cannot be loaded."""
    from importlib.metadata import entry_points

    found = tuple(entry_points(group=group, name=name))
    if not found:
        raise CommandError(f"no installed package brings {name} for {group}")
    try:
        plugin = found[0].load()
    except Exception as error:
        raise CommandError(f"the plug-in {name} ({found[0].value}) cannot be loaded: {error}") from error
    if not callable(plugin):
        raise CommandError(f"the plug-in {name} ({found[0].value}) is not a function or class")
    return plugin  # type: ignore[no-any-return]


def call_plugin(group: str, name: str, *arguments: object, **options: object) -> Any:
    """Load a plug-in, call it, and return what it returns. An error of its own is one line, with exit code 1."""
    plugin = load_plugin(group, name)
    try:
        return plugin(*arguments, **options)
    except OSError:
        raise  # of the output: a full disk, a reader that went away
    except Exception as error:
        raise click.ClickException(f"the plug-in {name} failed: {type(error).__name__}: {error}") from error
