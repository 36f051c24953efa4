"""Who is told what of a run: an address for each receiver, and what of the run is for it. From options and TOML files.

Addresses are Apprise's (`mailto://`, `slack://`, `json://` …) and hold passwords and tokens. They are never shown: not
in a message, not in a representation, not in the archive. A message names a receiver by its kind and its number.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from broadsheet.crawler.console.option_types import CommandError, is_file_of_receivers

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://.", re.IGNORECASE)
_KEYS = ("url", "url_env", "sites", "events")


class NewsEvent(StrEnum):
    """What of a run a receiver may be told."""

    EDITS = "edits"
    WITHDRAWALS = "withdrawals"
    ALARMS = "alarms"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom to tell, and what: the news of hosts that match one of `sites` (all, if there is none), of these events.

    `label` is what messages call it.
    """

    url: str = field(repr=False)
    label: str
    sites: tuple[str, ...] = ()
    events: frozenset[NewsEvent] = frozenset(NewsEvent)

    def is_for(self, host: str) -> bool:
        """Whether news of a host are for it. A port does not count; a site is a host, or a pattern with `*`."""
        bare_host = re.sub(r":\d+$", "", host)
        return not self.sites or any(fnmatchcase(name, site) for name in (host, bare_host) for site in self.sites)


def read_receivers(words: Iterable[str]) -> tuple[Receiver, ...]:
    """The receivers that `--notify` names: addresses, and TOML files of them. CommandError, without any address, if one
    cannot be used."""
    receivers: list[Receiver] = []
    for word in words:
        receivers += (
            _read_file(Path(word)) if is_file_of_receivers(word) else [_make_receiver({"url": word}, "--notify")]
        )
    return tuple(receivers)


def _read_file(path: Path) -> list[Receiver]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:  # the message may quote the line, and an address with it
        raise CommandError(f"{path} is not TOML{_line_of(error)}") from None
    entries = values.get("notify")
    if values.keys() != {"notify"} or not isinstance(entries, list):
        raise CommandError(f"{path} must hold [[notify]] tables and nothing else")
    return [_make_receiver(entry, f"{path.name}, [[notify]] {number}") for number, entry in enumerate(entries, 1)]


def _line_of(error: ValueError) -> str:
    match = re.search(r"at line \d+", str(error))
    return f" ({match[0]})" if match else ""


def _make_receiver(entry: Any, origin: str) -> Receiver:
    """CommandError that names the origin and what is wrong, never the address."""
    if not isinstance(entry, dict) or (unknown_keys := entry.keys() - set(_KEYS)):
        names = ", ".join(sorted(unknown_keys)) if isinstance(entry, dict) else "a value"
        raise CommandError(f"{origin}: {names} is not known; {', '.join(_KEYS)} are")
    url = _address_of(entry, origin)
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise CommandError(f"{origin}: this is no address for Apprise (and is not shown, since it may be a secret)")
    events = _list_of(entry, "events", origin, NewsEvent)
    sites = _list_of(entry, "sites", origin, str.lower)
    return Receiver(url, f"{scheme[1].lower()} ({origin})", tuple(sites), frozenset(events or NewsEvent))


def _address_of(entry: Mapping[str, Any], origin: str) -> str:
    """The address itself, or that of the variable of the environment that is named."""
    if ("url" in entry) == ("url_env" in entry):
        raise CommandError(f"{origin}: give url or url_env, one of them")
    value = entry["url"] if "url" in entry else os.environ.get(str(entry["url_env"]), "")
    if "url_env" in entry and not value:
        raise CommandError(f"{origin}: the variable {entry['url_env']} is not set")
    return value if isinstance(value, str) else ""


def _list_of(entry: Mapping[str, Any], key: str, origin: str, convert: Callable[[str], Any]) -> list[Any]:
    values = entry.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise CommandError(f"{origin}: {key} is no list of texts")
    try:
        return [convert(value) for value in values]
    except ValueError as error:
        raise CommandError(f"{origin}: {key} are {', '.join(NewsEvent)}") from error
