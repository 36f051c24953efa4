"""Parts that verbs share: declaration, options, the article a person names, output. Light: help texts load them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from shlex import quote
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click
from click.shell_completion import CompletionItem

from broadsheet.cleaners.compare.edit_kinds import EditKind

from ..cli.command_line import (
    GROUP_ATTRIBUTE,
    ArchiveVerb,
    CommandError,
    duration,
    existing_archive,
    language,
    row_sample,
    seconds,
    shard,
)
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import one_line

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import article_filter as article_filter_module
    from broadsheet.output.read import export_target, stored_articles
    from broadsheet.output.read import search as search_module

_Value = TypeVar("_Value")
Options = tuple[Callable[[Any], Any], ...]
PATH = click.Path()
"""A type that checks nothing, and has the Tab key complete names of files."""
REFERENCE = "ARTICLE"
"""The placeholder in help texts for a URL, path, number, title or words."""
EDIT_KINDS = (*map(str, EditKind), "cleaner", "new")


def verb(function: Callable[..., int]) -> ArchiveVerb:
    """Declare a function as a verb, which `crawler.cli` names; its docstring is the help, its result the exit code."""
    return click.command(cls=ArchiveVerb)(function)


def with_options(decorators: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return a decorator that gives a verb these options; its help lists them in this order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def option_group(title: str, decorators: Sequence[Callable[[Any], Any]]) -> Options:
    """Return decorators whose options a help text lists under a title."""

    def grouped(decorator: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def decorate(function: Any) -> Any:
            function = decorator(function)
            setattr(function.__click_params__[-1], GROUP_ATTRIBUTE, title)
            return function

        return decorate

    return tuple(map(grouped, decorators))


def header(value: str) -> tuple[str, str]:
    """Read a header field of a request as (name, value)."""
    from ..fetch.request_headers import read_header

    return _checked_value(read_header, value)


def contact(value: str) -> str:
    """Read a contact that can be sent with requests: a URL or a mail address."""
    from ..fetch.identity import read_contact

    return _checked_value(read_contact, value)


def user_agent(value: str) -> str:
    """Read a User-Agent that can be sent in a header."""
    from ..fetch.identity import read_user_agent

    return _checked_value(read_user_agent, value)


def _checked_value(check: Callable[[str], _Value], value: str) -> _Value:
    from ..options import OptionError

    try:
        return check(value)
    except OptionError as error:
        raise click.BadParameter(str(error)) from error


def complete_files(_context: click.Context, _parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """Have a shell complete names of files."""
    return [CompletionItem(text, type="file")]


archive_argument = click.argument("db", metavar="DB", type=existing_archive, shell_complete=complete_files)
unchecked_archive_argument = click.argument("db", metavar="DB", type=PATH)


LIMIT_OPTIONS: Options = option_group("How much", (
    click.option("--max-pages", type=click.IntRange(min=1), metavar="N", help="Stop after N pages."),
    click.option("--max-time", type=duration, metavar="TIME", help="Stop after TIME: 90 (seconds), 30m, 2h."),
    click.option("--no-warc", is_flag=True,
                 help="Keep no raw responses. By default they go to WARC files beside the archive."),
    click.option("--max-size", metavar="SIZE", help="Stop when archive and raw responses reach SIZE: 500M, 20G."),
    click.option("--keep", type=click.Choice(("text", "pictures", "page")), metavar="WHAT",
                 help="text; pictures: also the image files of the articles, fetched after the pages; or page: "
                      "these, the style sheets and the other pictures of the articles' pages."),
    click.option("--watch", type=click.Choice(("close", "usual", "rare")), metavar="WORD",
                 help="How soon known pages are due again: close, usual or rare. Later runs keep to it."),
    click.option("--wait", "patience", type=duration, metavar="TIME",
                 help="Wait up to TIME for another crawl to finish: 90, 30m. Otherwise exit at once with 75."),
))  # fmt: skip
INCLUDE_OPTION = click.option(
    "--include", multiple=True, metavar="REGEX", help="Only URLs that match one of these. Repeatable."
)
EXCLUDE_OPTION = click.option(
    "--exclude", multiple=True, metavar="REGEX", help="No URL that matches one of these. Repeatable."
)
RECORD_HOST_OPTION = click.option(
    "--host", "hosts", multiple=True, metavar="HOST", help="Only records of this host. Repeatable."
)
DAY_AND_LANGUAGE_OPTIONS: Options = (
    click.option("--since", metavar="DATE", help="Only articles from this day on, as 2024-01-31."),
    click.option("--language", type=language, multiple=True, metavar="CODE",
                 help="Only articles in these languages: en, es … Repeatable."),
)  # fmt: skip
RENDERING_OPTIONS: Options = option_group("What is read", (
    click.option("--browser", type=click.Choice(("auto", "never", "always")), metavar="WHEN",
                 help="auto: render pages that lack text without scripts, if a browser is installed; never; always."),
    click.option("--browser-no-sandbox", is_flag=True, envvar="BROADSHEET_BROWSER_NO_SANDBOX",
                 help="Run the browser without its sandbox; root needs this."),
))  # fmt: skip
_PACE_OPTIONS = option_group("Pace", (
    click.option("--delay", type=seconds, default=1.0, envvar="BROADSHEET_DELAY", show_default=True, metavar="SECONDS",
                 help="Time between requests to one host; longer if the host asks for it. 0: no pacing."),
    click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True,
                 envvar="BROADSHEET_CONCURRENCY", metavar="N", help="Simultaneous requests to one host."),
    click.option("--total-concurrency", type=click.IntRange(1, 1024), metavar="N",
                 help="Simultaneous requests to all hosts. By default it follows their number."),
))  # fmt: skip
_IDENTITY_OPTIONS = option_group("Who asks", (
    click.option("--contact", type=contact, envvar="BROADSHEET_CONTACT", metavar="URL|MAIL",
                 help="Contact for questions about the crawl, sent with each request. Or set BROADSHEET_CONTACT."),
    click.option("--user-agent", type=user_agent, metavar="TEXT",
                 help="User-Agent of all requests, also looked up in robots.txt."),
    click.option("--header", "headers", type=header, multiple=True, metavar="'NAME: VALUE'",
                 help="Send this header to the hosts of the start URLs. Repeatable."),
    click.option("--header-host", "header_hosts", multiple=True, metavar="HOST",
                 help="Also send the --header values to this host; '*' is every host. Repeatable."),
    click.option("--cookies", type=PATH, metavar="FILE", envvar="BROADSHEET_COOKIES",
                 help="Send the cookies of a cookies.txt file to the hosts it names."),
    click.option("--ca", type=PATH, metavar="FILE", envvar="BROADSHEET_CA",
                 help="Also trust the certificate authorities in this PEM file."),
    click.option("--keep-credentials", is_flag=True,
                 help="Store --header and --cookies values in the raw requests, instead of [redacted]."),
))  # fmt: skip
_READING_OPTIONS = option_group("What is read", (
    click.option("--no-sitemaps", is_flag=True, help="Do not read sitemaps."),
    click.option("--no-feeds", is_flag=True, help="Do not read RSS and Atom feeds."),
    click.option("--no-links", is_flag=True, help="Do not follow links."),
    click.option("--obey-directives", is_flag=True,
                 help="Obey noindex, noarchive, noai, nofollow, TDM reservations and Content-Usage."),
    click.option("--ignore-robots", is_flag=True,
                 help="Ignore robots.txt. It is still fetched, and the run records this."),
    click.option("--no-sampling", is_flag=True,
                 help="Fetch all URLs of patterns without articles. By default one in ten, if sitemaps suffice."),
    click.option("--allow-private", is_flag=True, envvar="BROADSHEET_ALLOW_PRIVATE",
                 help="Allow loopback and private addresses, which are refused by default."),
    click.option("--port", "ports", type=click.IntRange(1, 65535), multiple=True, metavar="N",
                 help="Also allow this port, besides 80, 443 and those of the start URLs. Repeatable."),
    click.option("--site-rules", type=PATH, metavar="DIR",
                 help="Rule files by host, in the format of ftr-site-config."),
))  # fmt: skip
_TELLING_OPTIONS = option_group("What is told", (
    click.option("--notify", metavar="URL|FILE", multiple=True, envvar="BROADSHEET_NOTIFY",
                 shell_complete=complete_files,
                 help="Send news, edits, alarms, failures to an Apprise address or those in a file. Repeatable."),
    click.option("--room", metavar="URL", envvar="BROADSHEET_ROOM",
                 help="With --notify: the reading room (broadsheet browse) that edits link to."),
    click.option("-v", "--verbose", count=True, help="Print a line for each URL; -vv logs events, -vvv everything."),
    click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
))  # fmt: skip
POLITENESS_OPTIONS: Options = (*_PACE_OPTIONS, *_IDENTITY_OPTIONS, *_READING_OPTIONS, *_TELLING_OPTIONS)
FLEET_OPTIONS: Options = (
    click.argument("file", metavar="[SITES.TOML]", default="sites.toml", type=PATH),
    click.option("--site", "names", multiple=True, metavar="NAME", help="Only this site. Repeatable."),
    click.option("--group", "groups", multiple=True, metavar="NAME", help="Only sites of this group. Repeatable."),
    click.option("--shard", type=shard, metavar="N/M", help="Only the Nth of M parts, always the same by name: 3/20."),
)  # fmt: skip
SITES_OPTION = click.option(
    "--sites", "file", default="sites.toml", show_default=True, type=PATH, metavar="FILE", help="The list of sites."
)
STORE_OPTION = click.option(
    "--store", metavar="ADDRESS", help="Read the archives in this store, that of fleet run --store."
)

TAKEDOWN_OPTIONS: Options = (
    click.option("--note", default="", metavar="TEXT", help="Who asked, or why; stored with the takedown."),
    click.option("--dry-run", is_flag=True, help="Show what would be removed; change nothing."),
    click.option("--yes", is_flag=True, help="Do not ask for confirmation."),
)
SAMPLE_OPTION = click.option(
    "--sample", type=row_sample, metavar="M|N/M",
    help="Check one of M parts of texts and raw responses, another each day; N/M: the Nth. Other checks are complete.",
)  # fmt: skip


def import_while_not_collecting(module: str) -> None:
    """Import a module with many others, without garbage collection, which would take a sixth of the time."""
    gc.disable()
    try:
        import_module(module)
    finally:
        gc.freeze()  # imported modules live as long as the process: later collections may skip them
        gc.enable()


def iso_day(value: str) -> str:
    """Read a day, a month or a year as ISO 8601 writes it: 2024-01-31, 2024-01, 2024."""
    try:
        return article_filter_module.read_day(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


FILTER_OPTIONS: Options = option_group("Which articles", (
    click.option("--host", metavar="HOST", help="Only articles of this host, or of a domain's hosts."),
    click.option("--since", type=iso_day, metavar="DAY", help="Only articles published since this day: 2024-01-31."),
    click.option("--until", type=iso_day, metavar="DAY", help="Only articles published up to this day or month."),
    click.option("--language", "languages", type=language, multiple=True, metavar="CODE",
                 help="Only articles in these languages: en, es … Repeatable."),
    click.option("--section", metavar="NAME", help="Only articles of this section, as the pages state it."),
))  # fmt: skip


QUERY_OPTION = click.option(
    "--query", "chosen_words", metavar="WORDS", help="Only articles that match these words, as in search."
)
USE_OPTION = click.option(
    "--for", "use", type=click.Choice(("train-ai", "ai-use", "search")), metavar="USE",
    help="Leave out articles whose site refuses this use: train-ai, ai-use, search.",
)  # fmt: skip


def article_filter(options: Mapping[str, Any]) -> article_filter_module.ArticleBounds:
    """Build the filter that a verb's options ask for. CommandError for a query without a word."""
    words = options.get("chosen_words") or ""
    match = search_module.match_expression(words) if words else ""
    if words and not match:
        raise CommandError(f"--query {words!r} has no word")
    return article_filter_module.ArticleBounds(
        host=(options["host"] or "").lower(),
        since=options["since"] or "",
        until=options["until"] or "",
        languages=tuple(options["languages"]),
        section=options["section"] or "",
        match=match,
        use=options.get("use") or "",
    )


_CHOSEN = "The best of {count:,} articles that match ({command} lists them)"
_UNDECIDED = "{count:,} articles match {words} ({command} lists them): name one by its number or its URL"


def article_reference(db: Database, archive: str, words: str, *, must_be_one: bool = False) -> str:
    """Return a URL or number for an article reference: `words` unchanged, or the number of the article that they find.

    Of several matches the best is taken, and standard error says so. Verbs that write pass `must_be_one` and get
    CommandError. Words that find nothing may be the title of a withdrawn article; otherwise they are returned
    unchanged.
    """
    is_url = "://" in words or article_filter_module.find_known_url(db, words)
    if is_url or stored_articles.find_stored_article(db, words):
        return words
    for query in (words, search_module.widened(words)):
        hit = next(search_module.search(db, query, 1), None) if query else None
        if hit is None:
            continue
        count = search_module.count_matches(db, query)
        command = f"broadsheet search {quote(archive)} {query}"
        if count > 1 and must_be_one:
            raise CommandError(one_line(_UNDECIDED.format(count=count, words=words, command=command)))
        if count > 1:
            click.echo(one_line(_CHOSEN.format(count=count, command=command)), err=True)
        return str(hit.id)
    return stored_articles.find_withdrawn(db, words) or words


@contextmanager
def open_output(db: Database, target: str) -> Iterator[BinaryIO]:
    """Open a stream to a path or, for `-`, to standard output; never to a file of the open archive `db`."""
    with write_errors(), export_target.open_target(export_target.OwnFiles.of(db), target) as stream:
        yield stream


@contextmanager
def write_errors() -> Iterator[None]:
    """Turn errors within the `with` block into exits: with 2 for a refused target, with 1 for a failed write."""
    try:
        yield
    except export_target.TargetRefused as error:
        raise CommandError(str(error)) from error
    except export_target.TargetWriteError as error:
        raise click.ClickException(str(error)) from error
