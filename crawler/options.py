"""The options of a crawl, parsed and checked once; each error is one line for the user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from broadsheet.cleaners.document import ExtractorUse


class OptionError(ValueError):
    """An option that cannot be used; its text is one line for the user."""


@dataclass(frozen=True, slots=True)
class CrawlOptions:
    """The options of a crawl, checked. Times are in seconds, sizes in bytes; 0 means no limit."""

    seeds: tuple[str, ...]
    include: tuple[str, ...] = ()  # regular expressions: only URLs that match one of them
    exclude: tuple[str, ...] = ()
    max_pages: int = 0
    max_depth: int | None = None  # links from a seed
    max_time: float = 0.0
    since: date | None = None  # what a sitemap, feed or page dates before it is not kept
    languages: tuple[str, ...] = ()  # primary tags: an article in another language is not kept
    sitemaps: bool = True  # sitemaps, feeds and links: where URLs may come from
    feeds: bool = True
    links: bool = True
    obey_directives: bool = False  # robots metas and X-Robots-Tag are obeyed, not only recorded
    contact: str = ""  # whom to ask about the crawl
    user_agent: str = ""  # the header that is sent; empty: the default
    site_rules: str = ""  # a folder of rule files by host
    warc: bool = True  # raw responses are kept
    max_size: int = 0  # of the archive and its WARC files together
    revisit: str = ""  # pages of a finished archive to fetch again: one of REVISIT_MODES
    every: float = 0.0  # the time after which a page is due; 0: the default rule
    watch: str = ""  # how closely known pages are watched: one of WATCHES; empty: as usual, or as they were
    keep_credentials: bool = False  # requests are stored with the values of given headers and cookies
    ignore_robots: bool = False  # robots.txt is read and recorded, and not obeyed
    sampling: bool = True  # where sitemaps and feeds suffice, URLs like many that brought nothing are sampled
    extractor: ExtractorUse | None = None  # pages on which trafilatura is asked; None: as BROADSHEET_EXTRACTOR says
    keep: str = "text"  # the parts of articles to store: one of KEPT_PARTS
    only_missing: bool = False  # nothing but the articles' pictures is asked for
    only_pages: tuple[str, ...] = ()  # these pages of the archive alone are fetched, due or not
    browser: str = "auto"  # the pages that are rendered in a browser: one of BROWSER_MODES

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> CrawlOptions:
        """Parse spider arguments (`-a name=value`, all strings) or a command's values. OptionError for invalid ones."""
        argument_names = {field.name for field in fields(cls)} | set(_EXTRA_ARGUMENTS)
        given_names = {name for name in arguments if not name.startswith("_")}  # `_job` and the like are scrapyd's
        if unknown := sorted(given_names - argument_names):
            raise _unknown_argument(unknown[0], argument_names)
        seeds = [*_strings(arguments.get("seeds") or arguments.get("url"))]
        if file := arguments.get("urls_file"):
            seeds += read_seed_file(file)
        if not seeds:
            raise OptionError("no URL given: say where to start (-a url=https://…)")
        values: dict[str, Any] = {
            "seeds": tuple(dict.fromkeys(map(_with_scheme, seeds))),
            "max_pages": _number(arguments, "max_pages", int) or 0,
            "max_depth": _number(arguments, "max_depth", int),
            "max_time": _number(arguments, "max_time", float) or 0.0,
            "every": _number(arguments, "every", float) or 0.0,
            "max_size": parse_size(str(arguments.get("max_size") or 0), "max_size"),
            "since": _date(arguments.get("since")),
            "languages": tuple(map(str.lower, _strings(arguments.get("languages") or arguments.get("language")))),
            "extractor": _extractor_use(arguments.get("extractor")),
        }
        values |= {name: _strings(arguments.get(name)) for name in ("include", "exclude", "only_pages")}
        values |= {name: str(arguments.get(name) or "") for name in ("contact", "user_agent", "site_rules")}
        values |= {name: _choice(arguments.get(name) or words[0], words, name) for name, words in _CHOICES.items()}
        switches = {field.name: field.default for field in fields(cls) if isinstance(field.default, bool)}
        values |= {name: _boolean(arguments.get(name, default)) for name, default in switches.items()}
        return cls(**values)._checked()

    def _checked(self) -> CrawlOptions:
        if self.keeps_files and not self.warc:
            raise OptionError("pictures are kept in the raw responses, and none are kept without warc")
        return self

    @property
    def keeps_files(self) -> bool:
        """Return whether files of the articles' pages are fetched after the pages."""
        return self.keep in (PICTURES, PAGE)

    def as_values(self) -> dict[str, object]:
        """Return the options as JSON-like values, for the row of the run."""
        return {name: str(value) if isinstance(value, date) else value for name, value in asdict(self).items()}


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", re.IGNORECASE)
_UNIT_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def parse_size(value: str, name: str) -> int:
    """Parse a size, a number with or without a unit (500M, 1.5G), as bytes. OptionError with the option's name else."""
    match = _SIZE.fullmatch(value.strip())
    if match is None:
        raise OptionError(f"{name} must be a size like 500M or 2G, not {value!r}")
    return int(float(match[1]) * _UNIT_BYTES[match[2].lower()])


REVISIT_MODES = ("", "due", "update", "all")  # none; those due; these and the pages that would announce news; all
PICTURES, PAGE = "pictures", "page"
KEPT_PARTS = ("text", PICTURES, PAGE)
"""What may be kept of articles: their text, the files of their pictures too, or all that their pages show."""

BROWSER_MODES = (BROWSER_AUTO, BROWSER_NEVER, BROWSER_ALWAYS) = ("auto", "never", "always")
"""The pages that are rendered in a browser: those that need it, none, all."""

WATCHES = ("", "close", "usual", "rare")
"""How closely known pages may be watched (`broadsheet.output.write.revisit_schedule.Watch`)."""

_CHOICES = {"revisit": REVISIT_MODES, "keep": KEPT_PARTS, "browser": BROWSER_MODES, "watch": WATCHES}
"""Words that an option may have, its default first."""

DISCOVERY_SOURCES = ("sitemaps", "feeds", "links")
"""Where URLs come from besides start URLs; each has an option `--no-…`."""

SETTING_OPTIONS: Mapping[str, str] = {
    "delay": "BROADSHEET_DELAY",
    "concurrency": "BROADSHEET_CONCURRENCY",
    "allow_private": "BROADSHEET_ALLOW_PRIVATE",
    "browser_no_sandbox": "BROADSHEET_BROWSER_NO_SANDBOX",
    "ports": "BROADSHEET_PORTS",
    "headers": "BROADSHEET_HEADERS",
    "cookies": "BROADSHEET_COOKIES",
    "ca": "BROADSHEET_CA",
}
"""Options of the command and of `broadsheet.crawl` that are settings of the spider."""

_EXTRA_ARGUMENTS = ("url", "urls_file", "db", "language")


def _unknown_argument(name: str, argument_names: Iterable[str]) -> OptionError:
    """Name an unknown option, or how a spider is given one that is a setting, beside all that are known."""
    if name in SETTING_OPTIONS:
        return OptionError(f"{name} is a setting of the spider: -s {SETTING_OPTIONS[name]}=…")
    return OptionError(f"unknown option: {name} (known: {', '.join(sorted({*argument_names, *SETTING_OPTIONS}))})")


def read_seed_file(path: str | Path) -> tuple[str, ...]:
    """Read the URLs of a text file, one a line; empty lines and lines that begin with # are ignored."""
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            f"cannot read the file of URLs {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    return tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))


def _with_scheme(seed: str) -> str:
    """Put https:// in front of a bare host name, as browsers read it; other seeds stay as they are."""
    return seed if ":" in seed.split("/")[0] or "/" in seed[:1] else f"https://{seed}"


def _strings(value: object) -> tuple[str, ...]:
    if not value:
        return ()
    values: Iterable[object] = value.split() if isinstance(value, str) else value  # type: ignore[assignment]
    return tuple(str(word) for word in values)


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


def _choice(value: object, choices: tuple[str, ...], name: str) -> str:
    text = str(value or "")
    if text not in choices:
        raise OptionError(f"{name} must be one of {', '.join(filter(None, choices))}, not {text!r}")
    return text


def _extractor_use(value: object) -> ExtractorUse | None:
    return read_extractor_use(str(value), "extractor") if value else None


def read_extractor_use(value: str, name: str) -> ExtractorUse:
    """Read the pages on which trafilatura is asked. OptionError with the option's name for an unknown word."""
    return ExtractorUse(_choice(value, tuple(ExtractorUse), name) or ExtractorUse.IN_DOUBT)


def _date(value: object) -> date | None:
    if not value or isinstance(value, date):
        return value or None  # type: ignore[return-value]
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise OptionError(f"since must be a date like 2024-01-31, not {value!r}") from None


def _boolean(value: object) -> bool:
    return value if isinstance(value, bool) else str(value).lower() not in ("0", "false", "no", "")
