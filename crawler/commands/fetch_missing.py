"""`broadsheet fetch-missing`: the pictures of an archive's articles, fetched later than the articles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from ..cli.command_line import CommandError, duration, is_nonempty_file
from ..cli.lazy_modules import lazy_imports
from ..crawl.processes import watch_lifeline
from .crawl import crawl_process, run_and_notify, run_crawl
from .verb_options import (
    POLITENESS_OPTIONS,
    Options,
    unchecked_archive_argument,
    verb,
    with_options,
)

with lazy_imports():
    from broadsheet.output.write import archive_writer, run_records

_FIXED_OPTIONS = {
    "urls_file": None, "include": (), "exclude": (), "since": None, "language": (), "max_depth": None,
    "max_pages": None, "no_warc": False, "revisit": "", "every": 0.0, "keep": "pictures", "only_missing": True,
}  # fmt: skip
_FIRST_URLS = "SELECT min(url) FROM articles GROUP BY host ORDER BY count(*) DESC, host LIMIT 100"


_FETCH_OPTIONS: Options = (
    unchecked_archive_argument,
    click.option("--max-time", type=duration, metavar="TIME", help="Stop after this time: 90 (seconds), 30m, 2h."),
    click.option("--max-size", metavar="SIZE", help="Stop when archive and raw responses take so much: 500M, 20G."),
    click.option("--wait", "patience", type=duration, metavar="TIME",
                 help="Wait so long for another crawl of the archive to end: 90, 30m. Else exit code 75 at once."),
    *POLITENESS_OPTIONS,
)  # fmt: skip


@verb("Fetch the articles' pictures later.", name="fetch-missing")
@with_options(_FETCH_OPTIONS)
def fetch_missing(**options: Any) -> int:
    """Fetch the pictures of an archive's articles that it has not, and nothing else.

    They are those that crawl --keep pictures would have kept: in the articles, and their lead. Run it again and what
    failed is asked for once more.
    """
    if not is_nonempty_file(options["db"]):
        raise CommandError(f"{options['db']} is no archive yet: broadsheet crawl https://… --db {options['db']}")
    watch_lifeline()
    return run_and_notify(_fetch_missing, options)


def _fetch_missing(options: Mapping[str, Any], on_failure: Callable[[str], object]) -> int:
    with crawl_process(options):
        with archive_writer.Archive.open(options["db"]) as archive:
            urls = [url for (url,) in archive.db.execute(_FIRST_URLS)]
            earlier_runs = run_records.crawl_options(archive.db)
        if not urls:
            raise CommandError(f"{options['db']} has no articles yet")
        last_run = earlier_runs[-1] if earlier_runs else {}
        kept = {name: options[name] or last_run.get(name) for name in ("contact", "obey_directives", "site_rules")}
        return run_crawl({**options, **_FIXED_OPTIONS, **kept, "urls": origins(urls)}, on_failure=on_failure)


def origins(urls: Iterable[str]) -> tuple[str, ...]:
    """Return the roots of the hosts of some URLs."""
    parts = [urlsplit(url) for url in urls]
    return tuple(dict.fromkeys(f"{part.scheme}://{part.netloc}/" for part in parts))
