"""The options of `crawl` in a TOML table: checked as the command line checks them, and turned into its words.

A key is an option's name without the dashes: `max-pages = 500` is `--max-pages=500`, `no-warc = true` is `--no-warc`,
and an option that may be repeated takes an array. What a site may not choose is left to the fleet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import click

_OF_THE_FLEET = frozenset(("db", "verbose", "quiet", "patience", "urls", "help"))
"""Parameters of `crawl` that no table may set: the fleet gives each site its archive and its log."""

_FILES = frozenset(("urls_file", "site_rules", "cookies"))
"""Parameters that name a file or folder: in a table it is beside the list of sites."""


class OptionMistake(Exception):  # noqa: N818 - what a person wrote, not what went wrong here
    """A key of a table that is no option, or whose value cannot be used; the text is one line."""


@dataclass(frozen=True)
class OptionTable:
    """Checks tables and words them. `crawl` and `update` are the commands; paths of files are below `folder`."""

    crawl: click.Command
    update: click.Command
    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The keys that a table may have."""
        return tuple(name for name, option in _options(self.crawl).items() if option.name not in _OF_THE_FLEET)

    def value(self, key: str, value: object) -> object:
        """The value of a key as `crawl` takes it. OptionMistake if it has no such option, or refuses the value."""
        if key not in self.names:
            raise OptionMistake(f"there is no option {key}{self._hint(key)}")
        option = _options(self.crawl)[key]
        if option.is_flag:
            return _flag(key, value)
        texts = [self._text(key, option, member) for member in _members(key, option, value)]
        try:
            return option.type_cast_value(click.Context(self.crawl), texts if option.multiple else texts[0])
        except click.ClickException as error:
            raise OptionMistake(f"{key}: {error.message}") from error

    def values(self, table: Mapping[str, object]) -> dict[str, Any]:
        """All parameters of `crawl` with the values of a table over what they are without it. OptionMistake for a
        key or value that cannot be used."""
        values = {key: self.value(key, value) for key, value in table.items()}
        chosen = {str(_options(self.crawl)[key].name): value for key, value in values.items()}
        return self._unset_values | chosen

    @cached_property
    def _unset_values(self) -> dict[str, Any]:
        """The parameters of `crawl` without any option, but for those that the environment sets."""
        return self.crawl.make_context("crawl", []).params

    def crawl_words(self, table: Mapping[str, object], urls: Sequence[str]) -> tuple[str, ...]:
        """What to type after `broadsheet crawl`, but for the archive."""
        return (*self._words(self.crawl, table), "--", *urls)

    def update_words(self, table: Mapping[str, object]) -> tuple[str, ...]:
        """What to type after `broadsheet update`: the bounds of a crawl are in its archive, and the rest is said
        again."""
        return self._words(self.update, table)

    def _words(self, command: click.Command, table: Mapping[str, object]) -> tuple[str, ...]:
        known = _options(command)
        words: list[str] = []
        for key, value in table.items():
            option = known.get(key)
            if option is None or value is False:
                continue
            if option.is_flag:
                words.append(f"--{key}")
            else:
                words += [f"--{key}={self._text(key, option, member)}" for member in _members(key, option, value)]
        return tuple(words)

    def _text(self, key: str, option: click.Option, value: object) -> str:
        """A value as it is typed; a relative path is meant from the folder of the list."""
        if isinstance(value, bool) or not isinstance(value, str | int | float | date):
            raise OptionMistake(f"{key} must be a text or a number, not {value!r}")
        text = value.isoformat() if isinstance(value, date) else str(value)
        return str(self.folder / Path(text).expanduser()) if option.name in _FILES else text

    def _hint(self, key: str) -> str:
        """What may be meant by a key that is none."""
        if _options(self.crawl).get(key):
            return ": the fleet sets it for every site"
        spelling = key.replace("_", "-")
        return f" (write {spelling})" if spelling in self.names else " of crawl (broadsheet crawl --help)"


@cache
def _options(command: click.Command) -> dict[str, click.Option]:
    """A command's options by their long names, without the dashes."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    return {name[2:]: option for option in options for name in option.opts if name.startswith("--")}


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise OptionMistake(f"{key} is true or false, not {value!r}")
    return value


def _members(key: str, option: click.Option, value: object) -> Sequence[object]:
    """The values of an option: those of an array, if it may be repeated."""
    if option.multiple:
        return value if isinstance(value, list) else [value]
    if isinstance(value, list):
        raise OptionMistake(f"{key} takes one value, not an array")
    return [value]
