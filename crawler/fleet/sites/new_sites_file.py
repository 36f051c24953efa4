"""Writes a list of sites from their URLs: what `broadsheet fleet init` prints, to be changed by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from broadsheet.crawler.console.early_checks import checked_seeds
from broadsheet.crawler.console.option_types import CommandError
from broadsheet.crawler.options import OptionError

_HEAD = """\
# The sites of a fleet: broadsheet fleet run FILE crawls what is due of them. docs/scale.md says more.

[fleet]
folder = "archives"       # beside this file; each site gets NAME.db and its raw responses in it
# parallel = 4            # crawls side by side; without it what this machine has room for
# per-address = 4         # requests under way to one address, over all sites

[defaults]                # any option of broadsheet crawl, without the dashes; a site's own go before these
every = "1d"              # how often a site is looked at
{contact}
# max-time = "6h"
# notify = ["mail -s broadsheet you@example.org"]   # a command, or an address as `crawl --notify` takes it
"""
_UNSAFE = re.compile(r"[^a-z0-9.]+")
_NAME_CHARS = 80


def new_sites_file(urls: Sequence[str], contact: str) -> str:
    """The text of a list with a table for each URL. CommandError for what is no URL of a site."""
    try:
        seeds = [seed for url in urls for seed in checked_seeds((_with_scheme(url),), True)]
    except OptionError as error:
        raise CommandError(str(error)) from error
    contact_line = f"contact = {_quoted(contact)}" if contact else '# contact = "you@example.org"   # sent to sites'
    names: dict[str, str] = {}
    for seed in dict.fromkeys(seeds):
        names[_free_name(seed, names)] = seed
    tables = [f"\n[sites.{_quoted(name)}]\nurls = [{_quoted(seed)}]\n" for name, seed in names.items()]
    return _HEAD.format(contact=contact_line) + "".join(tables)


def _with_scheme(url: str) -> str:
    return url if "//" in url else f"https://{url}"


def _free_name(seed: str, names: dict[str, str]) -> str:
    """A name for a site by its host and folder, that no other site has."""
    parts = urlsplit(seed)
    words = f"{(parts.hostname or '').removeprefix('www.')}-{parts.path.strip('/')}".lower()
    name = _UNSAFE.sub("-", words).strip("-.")[:_NAME_CHARS] or "site"
    number = 2
    while name in names:
        name, number = f"{name.removesuffix(f'-{number - 1}')}-{number}", number + 1
    return name


def _quoted(text: str) -> str:
    """A text as a basic string of TOML, which JSON's strings are."""
    return json.dumps(text, ensure_ascii=False)
