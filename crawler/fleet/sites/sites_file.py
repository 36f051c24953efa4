"""The list of a fleet's sites, `sites.toml`: read, merged and checked. A mistake is one line with its file and line.

    [fleet]                      # where the archives are, how many crawls run at once
    [defaults]                   # options of every site
    [groups.NAME]                # options of the sites that name this group
    [sites.NAME]                 # a site: `urls`, `groups`, and options of its own

What stands further down wins: a site's own option over that of its groups, the last group's over that of the first, and
these over the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from broadsheet.cleaners.urls.canonical import host_of
from broadsheet.crawler.console.early_checks import check_options
from broadsheet.crawler.console.option_types import CommandError, duration, is_file_of_receivers
from broadsheet.crawler.fleet.site_task import is_receiver
from broadsheet.crawler.fleet.sites.checked_toml import Table, TomlMistake, check_keys, read_checked, subtable
from broadsheet.crawler.fleet.sites.site_options import OptionMistake, OptionTable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TABLES = ("fleet", "defaults", "groups", "sites")
_FLEET_KEYS: Mapping[str, type] = {"folder": str, "parallel": int, "per-address": int}
_OWN_KEYS = ("urls", "groups", "every", "notify")
"""Keys of a site that are no options of `crawl`."""

_DEFAULT_EVERY = "1d"
_SOME_SITE = "https://site.example/"
DEFAULT_PER_ADDRESS = 4
"""Requests under way to one address, over all crawls of the fleet."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site of the list: its crawl and update as command line words, and how often it is looked at, in seconds."""

    name: str
    urls: tuple[str, ...]
    hosts: tuple[str, ...]
    groups: tuple[str, ...]
    every: float
    notify: tuple[str, ...]
    crawl_words: tuple[str, ...]
    update_words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteList:
    """A fleet: its sites in the order of the file, and the folder of their archives. `parallel` is the number of
    crawls side by side, 0 for what the machine has room for; with `per_address` 0 addresses are not counted."""

    file: Path
    folder: Path
    parallel: int
    per_address: int
    sites: tuple[Site, ...]

    def archive(self, site_name: str) -> Path:
        """Where the archive of a site is."""
        return self.folder / f"{site_name}.db"


def read_sites(file: Path, crawl: click.Command, update: click.Command) -> SiteList:
    """Read and check a list of sites; `crawl` and `update` are the commands whose options it may set.

    CommandError with the file and the line of the first mistake.
    """
    reader = _Reader(file, OptionTable(crawl, update, file.absolute().parent))
    return read_checked(file, reader.site_list, ": broadsheet fleet init https://… writes one")


@dataclass(frozen=True)
class _Reader:
    """Makes a list of what a file's tables say. Each method raises TomlMistake."""

    file: Path
    options: OptionTable

    def site_list(self, document: Table) -> SiteList:
        """The whole list."""
        check_keys(document, _TABLES)
        fleet, defaults = subtable(document, "fleet"), subtable(document, "defaults")
        groups, sites = _tables(document, "groups"), _tables(document, "sites")
        _check_fleet(fleet)
        self._check_table(defaults, ("defaults",))
        for name, table in groups.items():
            self._check_table(table, ("groups", name))
        if not sites:
            raise TomlMistake("there is no site: write a table [sites.NAME] with its urls")
        return SiteList(
            file=self.file,
            folder=self.file.absolute().parent / Path(fleet.get("folder", "archives")).expanduser(),
            parallel=fleet.get("parallel", 0),
            per_address=fleet.get("per-address", DEFAULT_PER_ADDRESS),
            sites=tuple(self._sites(sites, defaults, groups)),
        )

    def _sites(self, sites: Table, defaults: Table, groups: Table) -> Iterator[Site]:
        spellings: dict[str, str] = {}
        for name, table in sites.items():
            self._check_name(name, spellings)
            self._check_table(table, ("sites", name))
            yield self._site(name, _site_table(name, table, defaults, groups), ("sites", name))

    def _site(self, name: str, table: Table, path: tuple[str, ...]) -> Site:
        urls = _texts(table, "urls", path)
        options = {key: value for key, value in table.items() if key not in _OWN_KEYS}
        if not urls and "urls-file" not in options:
            raise TomlMistake(f"the site {name} has no urls", *path)
        seeds = self._checked_urls(options, urls, path)
        return Site(
            name=name,
            urls=urls,
            hosts=tuple(sorted({host_of(seed) for seed in seeds})),
            groups=_texts(table, "groups", path),
            every=duration(str(table.get("every", _DEFAULT_EVERY))),
            notify=tuple(map(self._beside_list, _texts(table, "notify", path))),
            crawl_words=self.options.crawl_words(options, urls),
            update_words=self.options.update_words(options),
        )

    def _beside_list(self, word: str) -> str:
        """A word of `notify`; a file of addresses lies beside the list."""
        path = str(self.file.absolute().parent / Path(word).expanduser())
        return path if is_file_of_receivers(word) and is_receiver(path) else word

    def _checked_urls(self, options: Table, urls: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...]:
        """The start URLs as a crawl has them, if it can be made of the options together."""
        try:
            return check_options(self.options.values(options) | {"urls": urls})
        except CommandError as error:
            raise TomlMistake(f"{path[-1]}: {error.message}", *path) from error

    def _check_table(self, table: Table, path: tuple[str, ...]) -> None:
        """The keys and values of a table of options, each by itself."""
        for key, value in table.items():
            if key == "every":
                _check_every(value, (*path, key))
            elif key in ("urls", "groups") and path[0] != "sites":
                raise TomlMistake(f"{key} belongs into a site", *path, key)
            elif key in _OWN_KEYS:
                _texts(table, key, path)
            else:
                self._check_option(key, value, (*path, key))

    def _check_option(self, key: str, value: object, path: tuple[str, ...]) -> None:
        """Check an option by itself, as a crawl of some site would."""
        try:
            check_options(self.options.values({key: value}) | {"urls": (_SOME_SITE,)})
        except OptionMistake as mistake:
            raise TomlMistake(str(mistake), *path) from mistake
        except CommandError as error:
            raise TomlMistake(f"{key}: {error.message}", *path) from error

    def _check_name(self, name: str, spellings: dict[str, str]) -> None:
        """A name becomes that of a file, on disks too that do not tell capitals from small letters."""
        if not _NAME.fullmatch(name):
            raise TomlMistake(f"a site's name has letters, digits, dots and dashes, unlike {name!r}", "sites", name)
        first_spelling = spellings.setdefault(name.lower(), name)
        if first_spelling != name:
            raise TomlMistake(f"{first_spelling} and {name} would be one file on some disks", "sites", name)


def _site_table(name: str, table: Table, defaults: Table, groups: Table) -> Table:
    """A site's table over those of its groups, over the defaults."""
    site_table: dict[str, Any] = dict(defaults)
    for group in _texts(table, "groups", ("sites", name)):
        if group not in groups:
            raise TomlMistake(f"there is no table [groups.{group}]", "sites", name, "groups")
        site_table.update(groups[group])
    return {**site_table, **table}


def _check_fleet(fleet: Table) -> None:
    check_keys(fleet, tuple(_FLEET_KEYS), "fleet")
    for key, value in fleet.items():
        if type(value) is not _FLEET_KEYS[key] or (isinstance(value, int) and value < 0):
            kind = "a text" if _FLEET_KEYS[key] is str else "a number that is not negative"
            raise TomlMistake(f"{key} must be {kind}, not {value!r}", "fleet", key)


def _check_every(value: object, path: tuple[str, ...]) -> None:
    try:
        duration(str(value))
    except click.ClickException as error:
        raise TomlMistake(f"every: {error.message}", *path) from error


def _tables(document: Table, key: str) -> Mapping[str, Table]:
    """The tables of a table."""
    tables = subtable(document, key)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise TomlMistake(f"{name} must be a table: [{key}.{name}]", key, name)
    return tables


def _texts(table: Table, key: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """A text or an array of texts."""
    value = table.get(key, [])
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise TomlMistake(f"{key} must be a text or an array of texts", *path, key)
    return tuple(texts)
