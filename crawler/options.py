"""What a person may ask of a crawl, checked once, in one line each where it cannot be done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any


class OptionError(ValueError):
    """An option that cannot be used; its text is one line for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """A crawl's bounds. `max_time` is in seconds; 0 means no bound for `max_pages` and `max_time`.

    `since` is an ISO date: what a sitemap, feed or page dates before it is not kept. `languages` are primary
    tags: an article in another one is not kept. `discover_*` say where URLs may come from. `contact` is whom to ask
    about the crawl; with `obey_directives` what pages and answers ask of robots binds, else it is recorded alone.
    `user_agent` is the header that is sent; empty for the usual one. `site_rules` is a folder of rule files by host.
    Raw responses are kept if `warc`, up to `max_size` bytes of WARC files in all; 0 means no bound.
    `revisit` says what of a finished archive is looked at again: nothing, what is `due`, also where news would be
    announced (`update`), or `all`; `every` is the time in seconds after which a page is due, 0 for the usual rule.
    """

    seeds: tuple[str, ...]
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_pages: int = 0
    max_depth: int | None = None
    max_time: float = 0.0
    since: date | None = None
    languages: tuple[str, ...] = ()
    discover_sitemaps: bool = True
    discover_feeds: bool = True
    discover_links: bool = True
    obey_directives: bool = False
    contact: str = ""
    user_agent: str = ""
    site_rules: str = ""
    warc: bool = True
    max_size: int = 0
    revisit: str = ""
    every: float = 0.0

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> CrawlOptions:
        """Read spider arguments (`-a name=value`, all strings) or a command's values. OptionError if one is off."""
        known = {field.name for field in fields(cls)} | set(_OTHER_NAMES)
        if unknown := sorted(set(arguments) - known):
            raise OptionError(f"unknown argument: {unknown[0]} (known: {', '.join(sorted(known))})")
        return cls(
            seeds=_seeds(arguments),
            include=_many(arguments.get("include")),
            exclude=_many(arguments.get("exclude")),
            max_pages=_number(arguments, "max_pages", int) or 0,
            max_depth=_number(arguments, "max_depth", int),
            max_time=_number(arguments, "max_time", float) or 0.0,
            since=_day(arguments.get("since")),
            languages=tuple(tag.lower() for tag in _many(arguments.get("languages") or arguments.get("language"))),
            obey_directives=_truth(arguments.get("obey_directives", False)),
            contact=str(arguments.get("contact") or ""),
            user_agent=str(arguments.get("user_agent") or ""),
            site_rules=str(arguments.get("site_rules") or ""),
            warc=_truth(arguments.get("warc", True)),
            max_size=size_of(str(arguments.get("max_size") or 0), "max_size"),
            revisit=_one_of(arguments.get("revisit"), REVISITS, "revisit"),
            every=_number(arguments, "every", float) or 0.0,
            **{name: _truth(arguments.get(name, True)) for name in known if name.startswith("discover_")},
        )._checked()

    def _checked(self) -> CrawlOptions:
        if self.max_size and not self.warc:
            raise OptionError("max_size bounds the raw responses, and none are kept without warc")
        return self

    def as_values(self) -> dict[str, object]:
        """The options as plain values, for the record of the run."""
        return {name: str(value) if isinstance(value, date) else value for name, value in asdict(self).items()}


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def size_of(value: str, name: str) -> int:
    """Bytes from a number with or without a unit: 500M, 1.5G. OptionError with the option's name if it is none."""
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise OptionError(f"{name} must be a size like 500M or 2G, not {value!r}")
    return int(float(match[1]) * _UNITS[match[2].lower()])


REVISITS = ("", "due", "update", "all")

_OTHER_NAMES = ("url", "urls_file", "db", "language")


def read_seed_file(path: str | Path) -> tuple[str, ...]:
    """The URLs of a text file, one a line; empty lines and lines that begin with # are passed over."""
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"cannot read the file of URLs {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    return tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _seeds(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    seeds = [*_many(arguments.get("seeds") or arguments.get("url"))]
    if file := arguments.get("urls_file"):
        seeds += read_seed_file(file)
    if not seeds:
        raise OptionError("no URL given: say where to start (-a url=https://…)")
    return tuple(dict.fromkeys(map(_with_scheme, seeds)))


def _with_scheme(seed: str) -> str:
    """A bare host name is read as https, as browsers do."""
    return seed if ":" in seed.split("/")[0] or "/" in seed[:1] else f"https://{seed}"


def _many(value: object) -> tuple[str, ...]:
    if not value:
        return ()
    values: Iterable[object] = value.split() if isinstance(value, str) else value  # type: ignore[assignment]
    return tuple(str(each) for each in values)


def _number(arguments: Mapping[str, Any], name: str, kind: type[int] | type[float]) -> Any:
    value = arguments.get(name)
    if value is None or value == "":
        return None
    try:
        number = kind(value)
    except (TypeError, ValueError):
        raise OptionError(f"{name} must be a number, not {value!r}") from None
    if not 0 <= number < float("inf"):
        raise OptionError(f"{name} must not be negative")
    return number


def _one_of(value: object, known: tuple[str, ...], name: str) -> str:
    said = str(value or "")
    if said not in known:
        raise OptionError(f"{name} must be one of {', '.join(filter(None, known))}, not {said!r}")
    return said


def _day(value: object) -> date | None:
    if not value or isinstance(value, date):
        return value or None  # type: ignore[return-value]
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise OptionError(f"since must be a date like 2024-01-31, not {value!r}") from None


def _truth(value: object) -> bool:
    return value if isinstance(value, bool) else str(value).lower() not in ("0", "false", "no", "")
