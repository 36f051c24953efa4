"""`broadsheet update`: a crawl that revisits known pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from broadsheet.output.archive.url_words import OutcomeReason, UrlState

from ..cli.command_line import CommandError, duration, is_nonempty_file
from ..cli.lazy_modules import lazy_imports
from .crawl import crawl_process, run_and_notify, run_crawl
from .verb_options import (
    LIMIT_OPTIONS,
    POLITENESS_OPTIONS,
    REFERENCE,
    RENDERING_OPTIONS,
    Options,
    article_reference,
    unchecked_archive_argument,
    verb,
    with_options,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import article_filter, article_storage
    from broadsheet.output.read import edit_history, page_lookup, plain_words, stored_articles
    from broadsheet.output.write import archive_writer, run_records

    from ..cli import archive_access, terminal

_NO_CRAWL_OPTIONS = {
    "urls": (), "urls_file": None, "include": (), "exclude": (), "since": None, "language": (), "max_depth": None,
}  # fmt: skip
_PICTURE_OPTIONS = _NO_CRAWL_OPTIONS | {
    "max_pages": None, "no_warc": False, "revisit": "", "every": 0.0, "keep": "pictures", "only_missing": True,
}  # fmt: skip
_FIRST_URLS = "SELECT min(url) FROM articles GROUP BY host ORDER BY count(*) DESC, host LIMIT 100"


_UPDATE_OPTIONS: Options = (
    unchecked_archive_argument,
    click.argument("pages", nargs=-1, metavar=f"[{REFERENCE}]..."),
    click.option("--every", type=duration, metavar="TIME",
                 help="Look at known pages again after TIME: 6h, 1d. By default: by how often they change."),
    click.option("--all", "everything", is_flag=True, help="Look at every known page again now."),
    click.option("--pictures", is_flag=True, help="Only fetch pictures of articles that the archive lacks."),
    *LIMIT_OPTIONS,
    *POLITENESS_OPTIONS,
    *RENDERING_OPTIONS,
)  # fmt: skip


@verb
@with_options(_UPDATE_OPTIONS)
def update(**options: Any) -> int:
    """Look again at a site that is in an archive: fetch what is new and what may have changed.

    Sitemaps, feeds, start pages and sections are read first. Known pages are requested again when a sitemap or feed
    says that they have changed, and at intervals that follow how often they do. Where the server can tell, unchanged
    pages are not downloaded. `broadsheet changes` then lists the edits.

    With --pictures, only the articles' pictures are fetched, as by crawl --keep pictures; those that failed are tried
    again.

    With ARTICLEs, each a URL, a path, a number, a title or words, only these pages are fetched, due or not.
    """
    if not is_nonempty_file(options["db"]):
        raise CommandError(f"{options['db']} is not an archive yet: broadsheet crawl https://… --db {options['db']}")
    return run_and_notify(_update, options)


def _update(options: Mapping[str, Any], on_failure: Callable[[str], object]) -> int:
    """Revisit as the options say, print a summary and the edits, and return the exit code."""
    with crawl_process(options):
        if options["pictures"]:
            return _fetch_pictures(options, on_failure)
        db = options["db"]
        with archive_writer.Archive.open(db) as archive:  # an older one is upgraded
            last_seq = article_storage.latest_seq(archive.db)
            pages = tuple(_known_page(archive.db, db, words) for words in options["pages"])
        print_first = partial(_print_pages, db, pages, last_seq) if pages else lambda: None
        chosen: Mapping[str, Any] = {"only_pages": pages, "urls": origins(pages), "revisit": ""}
        if not pages:
            chosen = {"revisit": "all" if options["everything"] else "update", "every": options["every"] or 0.0}
        return run_crawl({**options, **_NO_CRAWL_OPTIONS, **chosen}, print_first=print_first, on_failure=on_failure)


def _fetch_pictures(options: Mapping[str, Any], on_failure: Callable[[str], object]) -> int:
    with archive_writer.Archive.open(options["db"]) as archive:
        urls = [url for (url,) in archive.db.execute(_FIRST_URLS)]
        earlier_runs = run_records.crawl_options(archive.db)
    if not urls:
        raise CommandError(f"{options['db']} has no articles yet")
    last_run = earlier_runs[-1] if earlier_runs else {}
    kept = {name: options[name] or last_run.get(name) for name in ("contact", "obey_directives", "site_rules")}
    return run_crawl(dict(options) | _PICTURE_OPTIONS | kept | {"urls": origins(urls)}, on_failure=on_failure)


def origins(urls: Iterable[str]) -> tuple[str, ...]:
    """Return the roots of the hosts of some URLs."""
    parts = [urlsplit(url) for url in urls]
    return tuple(dict.fromkeys(f"{part.scheme}://{part.netloc}/" for part in parts))


def _known_page(db: Database, archive: str, words: str) -> str:
    """Return the URL of the stored page that a person names. CommandError if the archive has no such page."""
    reference = article_reference(db, archive, words, must_be_one=True)
    page = page_lookup.find_page(db, reference)
    url = page.url if page else article_filter.find_known_url(db, reference)
    if url is None:
        raise CommandError(
            f"{archive} has no page {words}; add a new one with broadsheet crawl URL --db {quote(archive)}"
        )
    return url


def _print_pages(path: str, urls: Sequence[str], after_seq: int) -> None:
    """Print the edits of each page's article, or the outcome of the page."""
    with archive_access.open_read_only(path) as db:
        edits = list(edit_history.list_edits(db, after_seq=after_seq))
        for url in urls:
            article = stored_articles.find_stored_article(db, url)
            kinds = [str(edit.kind) for edit in edits if article and edit.article_id == article.id]
            _, state, reason = page_lookup.find_url_state(db, url) or (url, "", "")
            is_held = article and state == UrlState.DONE and reason != OutcomeReason.REDIRECT
            unedited = "unchanged" if is_held else plain_words.reason_text(reason)
            command = f" (broadsheet diff {quote(path)} {article.id})" if article and kinds else ""
            terminal.print_text(terminal.one_line(f"{url}: {', '.join(kinds) or unedited}{command}"))
