"""The list of a fleet's sites, `sites.toml`: written anew from URLs, read, merged and checked.

    [fleet]                      # where the archives are, how many crawls run at once
    [defaults]                   # options of every site
    [groups.NAME]                # options of the sites that name this group
    [sites.NAME]                 # a site: `urls`, `groups`, and options of its own

A table further down wins: a site's own option over that of its groups, the last group's over that of the first, and
these over the defaults. A mistake is one line with its file and line.

A key is the name of an option of `crawl` without the dashes, checked as the command line checks it: `max-pages = 500`
is `--max-pages=500`, `no-warc = true` is `--no-warc`, and an option that may be repeated takes an array. Options that a
site may not choose are left to the fleet.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click

from broadsheet.cleaners.page.canonical_urls import host_of

from ..cli.command_line import CommandError, duration, is_file_of_receivers
from ..crawl.early_checks import check_options, checked_seeds
from ..options import OptionError, read_seed_file
from .site_records import digest_of
from .site_task import is_receiver

Table = Mapping[str, Any]
_Value = TypeVar("_Value")

_OF_THE_FLEET = frozenset(("db", "verbose", "quiet", "patience", "urls", "help"))
"""Parameters of `crawl` that no table may set: the fleet gives each site its archive and its log."""

_FILES = frozenset(("urls_file", "site_rules", "cookies", "ca"))
"""Parameters that name a file or folder: in a table it is beside the list of sites."""


class OptionMistake(Exception):  # noqa: N818 - what a person wrote, not what went wrong here
    """A key of a table that is no option, or whose value cannot be used; the text is one line."""


@dataclass(frozen=True)
class OptionTable:
    """A checker of tables that turns them into words of the command line.

    `crawl` and `update` are the commands; paths of files are below `folder`.
    """

    crawl: click.Command
    update: click.Command
    folder: Path

    @property
    def names(self) -> tuple[str, ...]:
        """Return the keys that a table may have."""
        return tuple(name for name, option in _options(self.crawl).items() if option.name not in _OF_THE_FLEET)

    def value(self, key: str, value: object) -> object:
        """Return the value of a key as `crawl` takes it. OptionMistake if it has no such option, or refuses the
        value.
        """
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
        """Return all parameters of `crawl`, the values of a table over their defaults.

        OptionMistake for a key or value that cannot be used.
        """
        values = {key: self.value(key, value) for key, value in table.items()}
        chosen = {str(_options(self.crawl)[key].name): value for key, value in values.items()}
        return self._unset_values | chosen

    @cached_property
    def _unset_values(self) -> dict[str, Any]:
        """Return the parameters of `crawl` without any option, but for those that the environment sets."""
        return self.crawl.make_context("crawl", []).params

    def crawl_words(self, table: Mapping[str, object], urls: Sequence[str]) -> tuple[str, ...]:
        """Return the words after `broadsheet crawl`, but for the archive."""
        return (*self._words(self.crawl, table), "--", *urls)

    def update_words(self, table: Mapping[str, object]) -> tuple[str, ...]:
        """Return the words after `broadsheet update`: the bounds of a crawl are in its archive, the rest is
        repeated.
        """
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
        """Return a value as it is typed; a relative path is meant from the folder of the list."""
        if isinstance(value, bool) or not isinstance(value, str | int | float | date):
            raise OptionMistake(f"{key} must be a text or a number, not {value!r}")
        text = value.isoformat() if isinstance(value, date) else str(value)
        return str(self.folder / Path(text).expanduser()) if option.name in _FILES else text

    def _hint(self, key: str) -> str:
        """Suggest the option that may be meant by an unknown key."""
        if _options(self.crawl).get(key):
            return ": the fleet sets it for every site"
        spelling = key.replace("_", "-")
        return f" (write {spelling})" if spelling in self.names else " of crawl (broadsheet crawl --help)"


@cache
def _options(command: click.Command) -> dict[str, click.Option]:
    """Return a command's options by their long names, without the dashes."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    return {name[2:]: option for option in options for name in option.opts if name.startswith("--")}


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise OptionMistake(f"{key} is true or false, not {value!r}")
    return value


def _members(key: str, option: click.Option, value: object) -> Sequence[object]:
    """Return the values of an option: those of an array, if it may be repeated."""
    if option.multiple:
        return value if isinstance(value, list) else [value]
    if isinstance(value, list):
        raise OptionMistake(f"{key} takes one value, not an array")
    return [value]


SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_TABLES = ("fleet", "defaults", "groups", "sites")
_FLEET_KEYS: Mapping[str, type] = {"folder": str, "parallel": int, "per-address": int}
_OWN_KEYS = ("urls", "groups", "every", "notify")
"""Keys of a site that are no options of `crawl`."""

_EVERY = {"close": "6h", "usual": "1d", "rare": "7d"}
"""How often a site is looked at that says only how closely it is watched."""
_SOME_SITE = "https://site.example/"
_SOME_RECEIVER = "--notify=json://site.example"  # a turn is given the site's own
DEFAULT_PER_ADDRESS = 4
"""Requests under way to one address, over all crawls of the fleet."""


@dataclass(frozen=True, slots=True)
class Site:
    """A site of the list: its crawl and update as command line words, and the seconds between two looks at it."""

    name: str
    urls: tuple[str, ...]
    hosts: tuple[str, ...]
    groups: tuple[str, ...]
    every: float
    notify: tuple[str, ...]
    crawl_words: tuple[str, ...]
    update_words: tuple[str, ...]
    words_digest: str = ""
    """The digest of the words of its crawl, the same wherever the list lies."""


@dataclass(frozen=True)
class SiteList:
    """A fleet: its sites in the order of the file, and the folder of their archives.

    `parallel` is the number of crawls side by side, 0 for as many as the machine has room for; with `per_address` 0
    addresses are not counted.
    """

    file: Path
    folder: Path
    parallel: int
    per_address: int
    sites: tuple[Site, ...]

    def archive(self, site_name: str) -> Path:
        """Return the path of a site's archive."""
        return self.folder / f"{site_name}.db"


def read_sites(file: Path, crawl: click.Command, update: click.Command) -> SiteList:
    """Read and check a list of sites; `crawl` and `update` are the commands whose options it may set.

    CommandError with the file and the line of the first mistake.
    """
    reader = _Reader(file, OptionTable(crawl, update, file.absolute().parent))
    return read_checked(file, reader.site_list, ": broadsheet fleet init https://… writes one")


@dataclass(frozen=True)
class _Reader:
    """A reader of a file's tables into a list. Each method raises TomlMistake."""

    file: Path
    options: OptionTable
    checked: set[str] = field(default_factory=set)
    """The options that were found to go together."""

    def site_list(self, document: Table) -> SiteList:
        """Make the whole list."""
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
        notify = tuple(map(self._beside_list, _texts(table, "notify", path)))
        unused = _OWN_KEYS if any(map(is_receiver, notify)) else (*_OWN_KEYS, "room")
        options = {key: value for key, value in table.items() if key not in unused}
        if not urls and "urls-file" not in options:
            raise TomlMistake(f"the site {name} has no urls", *path)
        seeds = self._checked_urls(options, urls, path)
        crawl_words = self.options.crawl_words(options, urls)
        return Site(
            name=name,
            urls=urls,
            hosts=tuple(sorted({host_of(seed) for seed in seeds})),
            groups=_texts(table, "groups", path),
            every=duration(str(table.get("every") or _EVERY[table.get("watch", "usual")])),
            notify=notify,
            crawl_words=crawl_words,
            update_words=self.options.update_words(options),
            words_digest=digest_of([word.replace(str(self.options.folder), "") for word in crawl_words]),
        )

    def _beside_list(self, word: str) -> str:
        """Return a word of `notify`; a file of addresses lies beside the list."""
        path = str(self.file.absolute().parent / Path(word).expanduser())
        return path if is_file_of_receivers(word) and is_receiver(path) else word

    def _checked_urls(self, options: Table, urls: tuple[str, ...], path: tuple[str, ...]) -> tuple[str, ...]:
        """Return the start URLs as a crawl has them, if it can be made of the options together."""
        try:
            self._check_together(options, urls)
            return check_options(self.options.values(options) | {"urls": urls})
        except (CommandError, click.UsageError) as error:
            message = error.message.replace("--allow-private opens it", "allow-private = true opens it")
            raise TomlMistake(f"{path[-1]}: {message}", *path) from error

    def _check_together(self, options: Table, urls: tuple[str, ...]) -> None:
        """Check that options go together, once for all sites that have the same ones: it takes a millisecond."""
        key = repr((sorted(options.items()), bool(urls)))
        if key not in self.checked:
            self.options.crawl.make_context("crawl", [_SOME_RECEIVER, *self.options.crawl_words(options, urls)])
            self.checked.add(key)

    def _check_table(self, table: Table, path: tuple[str, ...]) -> None:
        """Check the keys and values of a table of options, each by itself."""
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
        """Check a name: it becomes that of a file, on disks too that do not tell capitals from small letters."""
        if not SITE_NAME.fullmatch(name):
            raise TomlMistake(f"a site's name has letters, digits, dots and dashes, unlike {name!r}", "sites", name)
        first_spelling = spellings.setdefault(name.lower(), name)
        if first_spelling != name:
            raise TomlMistake(f"{first_spelling} and {name} would be one file on some disks", "sites", name)


def _site_table(name: str, table: Table, defaults: Table, groups: Table) -> Table:
    """Lay a site's table over those of its groups, over the defaults."""
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
    """Return the tables of a table."""
    tables = subtable(document, key)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise TomlMistake(f"{name} must be a table: [{key}.{name}]", key, name)
    return tables


def _texts(table: Table, key: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """Return a text or an array of texts as texts."""
    value = table.get(key, [])
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) and text for text in texts):
        raise TomlMistake(f"{key} must be a text or an array of texts", *path, key)
    return tuple(texts)


_NEW_FILE_HEAD = """\
# The sites of a fleet: broadsheet fleet run FILE crawls what is due of them. docs/fleet.md says more.

[fleet]
folder = "archives"       # beside this file; each site gets NAME.db and its raw responses in it
# parallel = 4            # crawls side by side; without it what this machine has room for
# per-address = 4         # requests under way to one address, over all sites

[defaults]                # any option of broadsheet crawl, without the dashes; a site's own go before these
every = "1d"              # how often a site is looked at; without it: watch = "close" 6h, "usual" 1d, "rare" 7d
{contact}
# max-time = "6h"
# notify = ["mail -s broadsheet you@example.org"]   # a command, or an address as `crawl --notify` takes it
"""
_UNSAFE = re.compile(r"[^a-z0-9.]+")
_NAME_CHARS = 80


def new_sites_file(words: Sequence[str], contact: str) -> str:
    """Return the text of a list with a table for each URL of words that are URLs or files of them.

    CommandError for what is no URL of a site, and for a file that cannot be read or names none.
    """
    try:
        seeds = [seed for word in words for url in _listed(word) for seed in checked_seeds((with_scheme(url),), True)]
    except OptionError as error:
        raise CommandError(str(error)) from error
    contact_line = f"contact = {quoted(contact)}" if contact else '# contact = "you@example.org"   # sent to sites'
    names: dict[str, str] = {}
    for seed in dict.fromkeys(seeds):
        names[free_name(seed, names)] = seed
    tables = [f"\n[sites.{quoted(name)}]\nurls = [{quoted(seed)}]\n" for name, seed in names.items()]
    return _NEW_FILE_HEAD.format(contact=contact_line) + "".join(tables)


def _listed(word: str) -> Sequence[str]:
    """Return the URLs of a file, or the word where it names none. OptionError for a file that cannot be read."""
    if "://" in word or not Path(word).is_file():
        return (word,)
    if urls := read_seed_file(word):
        return urls
    raise OptionError(f"{word} names no URL")


def with_scheme(url: str) -> str:
    """Return a URL as a person may type it, with https where it names no scheme."""
    return url if "//" in url else f"https://{url}"


def free_name(seed: str, names: Collection[str]) -> str:
    """Name a site by its host and folder, as no other site is."""
    parts = urlsplit(seed)
    words = f"{(parts.hostname or '').removeprefix('www.')}-{parts.path.strip('/')}".lower()
    name = _UNSAFE.sub("-", words).strip("-.")[:_NAME_CHARS] or "site"
    number = 2
    while name in names:
        name, number = f"{name.removesuffix(f'-{number - 1}')}-{number}", number + 1
    return name


def quoted(text: str) -> str:
    """Quote a text as a basic string of TOML, which JSON's strings are."""
    return json.dumps(text, ensure_ascii=False)


# A mistake with its file and line. Python's parser keeps no line numbers; `line_of` finds the line of a key.


def line_of(text: str, path: Sequence[str]) -> int:
    """Return the number, from 1 on, of the line in which the key at `path` begins, or the first header of the table.

    `text` is TOML as a whole, and so is its beginning wherever a statement ends. The key is in the statement with which
    a beginning holds it for the first time; halving finds that in some twenty readings.

    >>> line_of("delay = 1", ("delay",))
    1
    """
    lines = text.splitlines(keepends=True)

    def is_there(line_number: int) -> bool:
        """Tell whether the text up to the end of the statement in this line holds the key."""
        return _holds(_beginning(lines, line_number), path)

    return 1 + bisect_left(range(1, len(lines)), True, key=is_there)


def _beginning(lines: Sequence[str], line_number: int) -> dict[str, Any]:
    """Parse the first lines, up to the end of the statement that this one is in."""
    for end in range(line_number, len(lines)):
        try:
            return tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
    return tomllib.loads("".join(lines))


def _holds(document: Any, path: Sequence[str]) -> bool:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


class TomlMistake(Exception):  # noqa: N818 - named by what it is
    """A mistake in a file, and the path of the key at which it is."""

    def __init__(self, text: str, *path: str) -> None:
        super().__init__(text)
        self.path = path


def read_checked(file: Path, build: Callable[[Table], _Value], missing_hint: str = "") -> _Value:
    """Read a file and return what `build` makes of it; `build` raises TomlMistake.

    CommandError with the place of the first mistake. `missing_hint` is said of a file that is not there.
    """
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        hint = missing_hint if isinstance(error, FileNotFoundError) else ""
        raise CommandError(f"cannot read {file}: {error.strerror}{hint}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{file} is not valid TOML: {error}") from error
    try:
        return build(document)
    except TomlMistake as mistake:
        line = f", line {line_of(text, mistake.path)}" if mistake.path else ""
        raise CommandError(f"{file}{line}: {mistake}") from mistake


def check_keys(table: Table, allowed_keys: Sequence[str], *path: str) -> None:
    """Raise TomlMistake for a key of the table at `path` that is none of these."""
    for key in table:
        if key not in allowed_keys:
            raise TomlMistake(f"{key} is not known here; there are {', '.join(allowed_keys)}", *path, key)


def subtable(document: Table, key: str) -> Table:
    """Return a table of a document; an empty one if there is none. TomlMistake if something else is there."""
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise TomlMistake(f"{key} must be a table: [{key}]", key)
    return table
