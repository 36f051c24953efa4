"""The command line of `broadsheet`: its verbs and their options. What a verb does is imported when the verb runs.

Exit codes: 0 all well; 1 nothing found, or something failed; 2 the command makes no sense as it stands;
75 another crawl owns the archive; 130 stopped with Ctrl-C, 143 with SIGTERM; 141 the reader of our output went away.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import CompletionItem

from broadsheet.cleaners.compare.edit_kinds import EditKind
from broadsheet.crawler import __version__
from broadsheet.crawler.commands.filter_options import FILTER_OPTIONS
from broadsheet.crawler.crawl.command_line import (
    ArchiveVerbs,
    CommandError,
    contact,
    duration,
    existing_archive,
    header,
    is_nonempty_file,
    language,
    require_extra,
    run_command,
    seconds,
    shard,
    user_agent,
)
from broadsheet.crawler.crawl.processes import require_workers, start_workers, watch_lifeline

_CONTEXT = {"max_content_width": 100}
_EDIT_KINDS = (*map(str, EditKind), "cleaner", "new")


def _complete_files(_context: click.Context, _parameter: click.Parameter, text: str) -> list[CompletionItem]:
    """What a shell is to complete for an archive: names of files."""
    return [CompletionItem(text, type="file")]


_archive = click.argument("db", metavar="DB", type=existing_archive, shell_complete=_complete_files)
_path = click.Path()  # checks nothing, and has the Tab key complete names of files
_unchecked_archive = click.argument("db", metavar="DB", type=_path)


@click.group(cls=ArchiveVerbs, context_settings=_CONTEXT, invoke_without_command=True)
@click.version_option(__version__, prog_name="broadsheet", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Crawl an article site into one SQLite file: the articles, and what became of everything else.

    Try it: broadsheet demo. Your own site: broadsheet crawl https://… --db site.db
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


_LIMIT_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--max-pages", type=click.IntRange(min=1), metavar="N", help="Stop after so many pages."),
    click.option("--max-time", type=duration, metavar="TIME", help="Stop after this time: 90 (seconds), 30m, 2h."),
    click.option("--no-warc", is_flag=True, help="Keep no raw responses; else WARC files beside the archive do."),
    click.option("--max-size", metavar="SIZE", help="Stop when the raw responses take so much: 500M, 20G."),
    click.option("--wait", "patience", type=duration, metavar="TIME",
                 help="Wait so long for another crawl of the archive to end: 90, 30m. Else exit code 75 at once."),
)  # fmt: skip
_POLITENESS_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--delay", type=seconds, default=1.0, envvar="BROADSHEET_DELAY", show_default=True, metavar="SECONDS",
                 help="Time between two requests to a host; grows where a host asks for it. 0: no pacing."),
    click.option("--concurrency", type=click.IntRange(1, 64), default=4, show_default=True,
                 envvar="BROADSHEET_PER_HOST", metavar="N", help="Requests under way to one host at once."),
    click.option("--total-concurrency", type=click.IntRange(1, 1024), metavar="N",
                 help="Requests under way to all hosts together. Follows their number otherwise."),
    click.option("--contact", type=contact, envvar="BROADSHEET_CONTACT", metavar="URL|MAIL",
                 help="Whom to ask about the crawl; sent with every request. Or set BROADSHEET_CONTACT."),
    click.option("--user-agent", type=user_agent, metavar="TEXT", help="Who to be in requests and for robots.txt."),
    click.option("--site-rules", type=_path, metavar="DIR",
                 help="Rule files by host, in the format of ftr-site-config."),
    click.option("--obey-directives", is_flag=True,
                 help="Keep and follow nothing against noindex, noarchive, noai, nofollow, tdm-reservation."),
    click.option("--ignore-robots", is_flag=True, help="Do not obey robots.txt; it is read, and the run records this."),
    click.option("--header", "headers", type=header, multiple=True, metavar="'NAME: VALUE'",
                 help="Send this header to the hosts of the start URLs. Repeatable."),
    click.option("--header-host", "header_hosts", multiple=True, metavar="HOST",
                 help="Send what --header gives to this host too; '*': to every host. Repeatable."),
    click.option("--cookies", type=_path, metavar="FILE", envvar="BROADSHEET_COOKIES",
                 help="Send the cookies of a cookies.txt file to the hosts it names."),
    click.option("--keep-credentials", is_flag=True,
                 help="Store what --header and --cookies send with the raw requests, where else [redacted] stands."),
    click.option("--no-sitemaps", is_flag=True, help="Do not read sitemaps."),
    click.option("--no-feeds", is_flag=True, help="Do not read RSS and Atom feeds."),
    click.option("--no-links", is_flag=True, help="Do not follow links."),
    click.option("--allow-private", is_flag=True, envvar="BROADSHEET_ALLOW_PRIVATE",
                 help="Allow loopback and private addresses, refused otherwise."),
    click.option("--port", "ports", type=click.IntRange(1, 65535), multiple=True, metavar="N",
                 help="Ask this port too, besides 80, 443 and those of the start URLs. Repeatable."),
    click.option("--notify", metavar="URL|FILE", multiple=True, envvar="BROADSHEET_NOTIFY",
                 shell_complete=_complete_files,
                 help="Tell an Apprise address, or those of a TOML file, of edits, alarms, failures. Repeatable."),
    click.option("-v", "--verbose", count=True, help="A line for each URL; -vv logs what happens, -vvv everything."),
    click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
)  # fmt: skip
_CRAWL_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("urls", nargs=-1, metavar="URL..."),
    click.option("--db", default="archive.db", show_default=True, type=_path, envvar="BROADSHEET_DB", metavar="FILE",
                 help="The archive; made if missing."),
    click.option("--urls-file", type=_path, metavar="FILE", help="More start URLs, one a line."),
    *_LIMIT_OPTIONS,
    click.option("--max-depth", type=click.IntRange(min=0), metavar="N", help="Follow so many links from a start URL."),
    click.option("--include", multiple=True, metavar="REGEX", help="Only URLs that match one of these. Repeatable."),
    click.option("--exclude", multiple=True, metavar="REGEX", help="No URL that matches one of these. Repeatable."),
    click.option("--since", metavar="DATE", help="Only articles from this day on, as 2024-01-31."),
    click.option("--language", type=language, multiple=True, metavar="CODE",
                 help="Only articles in these languages: en, es … Repeatable."),
    *_POLITENESS_OPTIONS,
)  # fmt: skip
_UPDATE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _unchecked_archive,
    click.option("--every", type=duration, metavar="TIME",
                 help="Look at each known page again after this time: 6h, 1d. Else by how often it has changed."),
    click.option("--all", "everything", is_flag=True, help="Look at every known page again now."),
    *_LIMIT_OPTIONS,
    *_POLITENESS_OPTIONS,
)  # fmt: skip


def _with_options(decorators: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """A decorator that gives a verb these options; its help lists them in this order."""

    def decorate(function: Any) -> Any:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _crawl_and_notify(
    crawl: Callable[[Mapping[str, Any], Callable[[str], object]], int], options: Mapping[str, Any]
) -> int:
    """Run a verb that crawls, and tell those whom `--notify` names what came of it."""
    if not options["notify"]:
        return crawl(options, str)  # nobody hears of failures
    require_extra("apprise", "notify")
    from broadsheet.crawler.commands.notified_run import crawl_and_notify
    from broadsheet.crawler.fleet.run_notices import read_receivers

    return crawl_and_notify(crawl, options, read_receivers(options["notify"]))


@contextmanager
def _ownership(db: str, patience: float | None) -> Iterator[None]:
    """Within it no other crawl owns the archive, which is waited for; without patience whoever opens it finds out."""
    if not patience:
        yield
        return
    from broadsheet.crawler.crawl.terminal import one_line
    from broadsheet.output.archive.archive_file import archive_path
    from broadsheet.output.archive.archive_lock import is_owned, keep_lock

    file = archive_path(db)
    if is_owned(file):
        click.echo(f"Waiting for another crawl of {one_line(db)} to end …", err=True)
    with keep_lock(file, patience):
        yield


@contextmanager
def _without_collecting() -> Iterator[None]:
    """For the import of many modules: to collect garbage meanwhile takes a sixth of the time, and finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what was imported stays, and is not looked through again
        gc.enable()


@cli.command(short_help="Crawl a site into an archive.")
@_with_options(_CRAWL_OPTIONS)
def crawl(**options: Any) -> int:
    """Find and fetch every article below the start URLs, and store it.

    Articles are found by sitemaps, feeds and links on the host of the start URL, and below its folder if it names
    one. Run the same command again and it goes on where it stood, and looks again at what may have changed once all is
    done; on an archive that has start URLs, also without a URL. Ctrl-C stops cleanly, twice at once.
    """
    require_workers()
    from broadsheet.crawler.crawl.early_checks import check_crawl

    check_crawl(options)
    watch_lifeline()
    return _crawl_and_notify(_crawl, options)


def _crawl(options: Mapping[str, Any], on_failure: Callable[[str], object]) -> int:
    with _ownership(options["db"], options["patience"]):
        start_workers()
        with _without_collecting():
            from broadsheet.crawler.commands.crawl import crawl

        return crawl(options, on_failure=on_failure)


@cli.command(short_help="Look again: what is new, what has changed.")
@_with_options(_UPDATE_OPTIONS)
def update(**options: Any) -> int:
    """Look again at a site that is in an archive: fetch what is new and what may have changed.

    Sitemaps, feeds, start pages and sections are read first. Known pages are asked for again when a sitemap or feed
    says that they have changed, and after a time that follows how often they do; only if they have changed, where the
    server can tell. `broadsheet changes` then lists the edits.
    """
    if not is_nonempty_file(options["db"]):
        raise CommandError(f"{options['db']} is no archive yet: broadsheet crawl https://… --db {options['db']}")
    watch_lifeline()
    return _crawl_and_notify(_update, options)


def _update(options: Mapping[str, Any], on_failure: Callable[[str], object]) -> int:
    with _ownership(options["db"], options["patience"]):
        start_workers()
        with _without_collecting():
            from broadsheet.crawler.commands.update import update

        return update(options, on_failure)


_IMPORT_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("files", nargs=-1, required=True, metavar="WARC|ARC|WACZ...", type=_path),
    click.option("--db", default="archive.db", show_default=True, type=_path, envvar="BROADSHEET_DB", metavar="FILE",
                 help="The archive; made if missing."),
    click.option("--host", "hosts", multiple=True, metavar="HOST", help="Only records of this host. Repeatable."),
    click.option("--include", multiple=True, metavar="REGEX", help="Only URLs that match one of these. Repeatable."),
    click.option("--exclude", multiple=True, metavar="REGEX", help="No URL that matches one of these. Repeatable."),
    click.option("--since", metavar="DATE", help="Only articles from this day on, as 2024-01-31."),
    click.option("--language", type=language, multiple=True, metavar="CODE",
                 help="Only articles in these languages: en, es … Repeatable."),
    click.option("--site-rules", type=_path, metavar="DIR",
                 help="Rule files by host, in the format of ftr-site-config."),
    click.option("--obey-directives", is_flag=True,
                 help="Keep nothing against noindex, noarchive, noai, tdm-reservation."),
    click.option("--lenient", is_flag=True, help="Exit with 0 although bytes of a file could not be read."),
    click.option("-q", "--quiet", is_flag=True, help="Print errors only."),
)  # fmt: skip


@cli.command(name="import", short_help="Take in WARC, ARC and WACZ files, without a network.")
@_with_options(_IMPORT_OPTIONS)
def import_(**options: Any) -> int:
    """Take the pages of WARC, ARC and WACZ files into an archive, as a crawl would have, without a network.

    The files stay where they are, and the archive names them. Run the same command again and it goes on where it
    stood; what was taken in already is left out. Ctrl-C stops cleanly, twice at once.
    """
    from broadsheet.crawler.crawl.early_checks import check_files

    require_workers()
    check_files(options["files"], folder_hint="name the files in it")
    start_workers()
    from broadsheet.crawler.commands.import_archives import import_archives

    return import_archives(options)


@cli.command(short_help="Merge archives into one.")
@click.argument("target", metavar="TARGET", type=_path)
@click.argument("sources", nargs=-1, required=True, metavar="ARCHIVE...", type=_path)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def merge(target: str, sources: tuple[str, ...], quiet: bool) -> int:
    """Merge archives into TARGET, which is made if missing: URLs, articles, ledgers, histories, rulings, raw responses.

    The merged archives stay as they are. Run the same command again and only what is new in them comes in; a merge that
    was cut off goes on. What was taken down in one of them is taken down in TARGET.
    """
    start_workers()
    from broadsheet.crawler.commands.merge import merge

    return merge(target, sources, quiet=quiet)


@cli.command(short_help="Many archives as one Parquet data set.")
@click.argument("target", metavar="DIR|s3://...", type=_path)
@click.argument("sources", nargs=-1, required=True, metavar="ARCHIVE|FOLDER|sites.toml...", type=_path)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def dataset(target: str, sources: tuple[str, ...], quiet: bool) -> int:
    """Write archives, all those of a folder or of a list of sites, as one data set of Parquet files: articles, what was
    removed from them, URLs, changes, and which articles say the same, also between archives.

    Run the same command again and only what has changed is written. What was taken down in an archive leaves the data
    set. README.md in it says how to read it; catalogue.db is for a first look. Needs broadsheet[dataset].
    """
    require_extra("pyarrow", "dataset")
    from broadsheet.crawler.commands.dataset import archives_of, dataset

    return dataset(target, archives_of(sources, crawl, update), quiet=quiet)


@cli.command(short_help="Clean an archive again from its raw responses.")
@_unchecked_archive
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--site-rules", type=_path, metavar="DIR", help="Rule files by host; without it, those of the last run.")
@click.option("--no-site-rules", is_flag=True, help="Without the site rules of the last run.")
@click.option("--all", is_flag=True, help="Also the pages that this very cleaner made.")
@click.option("--examples", type=click.IntRange(0), default=5, show_default=True, metavar="N", help="Changes to show.")
@click.option("--undo", is_flag=True, help="Put back what stood before the last run.")
@click.option("--back-to", type=click.IntRange(0), metavar="RUN", help="Put back what stood after a run; 0: at first.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def reclean(**options: Any) -> int:
    """Clean the stored pages again from their raw responses with this version's cleaner, without a network.

    Texts change in place, and rulings made by hand hold. Run the same command again and it goes on where it stood.
    """
    start_workers()
    from broadsheet.crawler.commands.reclean import reclean

    return reclean(options)


@cli.command(short_help="Print the articles of saved pages.")
@click.argument("files", metavar="[FILE|FOLDER|-]...", nargs=-1, type=_path)
@click.option(
    "--list",
    "list_file",
    type=_path,
    metavar="FILE",
    help="A list of saved pages: FILE, or URL and FILE, one a line.",
)
@click.option("--text", "form", flag_value="text", help="The input is text that another tool extracted.")
@click.option("--html", "form", flag_value="html", help="The input is HTML. Without both, it is looked at.")
@click.option("--url", default="", metavar="URL", help="Where the page came from; helps to judge it.")
@click.option("--format", "shape", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option(
    "--site-rules", type=_path, metavar="DIR", help="Rule files by host; with --url, whose host they are for."
)
@click.option("--explain", is_flag=True, help="List every block: kept or removed, why, by which rule and votes.")
def clean(**options: Any) -> int:
    """Print a saved page's title, an empty line, and its article. FILE may be - for standard input.

    Of a folder all .html, .htm, .xhtml and .txt files are cleaned. Several articles each have their file's name above
    them; as JSON, each is an object in a line.
    """
    from broadsheet.crawler.crawl.early_checks import check_files

    if not options["files"] and not options["list_file"]:
        raise click.UsageError("name a file, a folder, - for standard input, or a --list of files")
    if len(options["files"]) == 1:
        check_files(name for name in options["files"] if name != "-")
    from broadsheet.crawler.commands.clean import clean

    return clean(options)


@cli.command(short_help="Find articles in an archive.")
@_archive
@click.argument("query", nargs=-1, required=True, metavar="QUERY...")
@_with_options(FILTER_OPTIONS)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most N.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def search(**options: Any) -> int:
    """Find articles by words, best first: "a phrase", begin* and words in any order."""
    from broadsheet.crawler.commands.search import search

    return search(options)


@cli.command(short_help="Say what a crawl came to.")
@_archive
@click.option("--json", "as_json", is_flag=True, help="Everything, as one JSON object.")
@click.option("--host", metavar="HOST", default="", help="On one host of the archive, or on a domain's hosts.")
def report(db: str, as_json: bool, host: str) -> int:
    """Say what an archive came to, in a sentence first: articles, gaps against sitemaps and feeds, alarms.

    Then what was not read and what to do about it, what was withdrawn, removed and is alike, and what fell out of line
    with each site's past. A long report is shown page by page (PAGER, else less).
    """
    from broadsheet.crawler.commands.report import report

    return report(db, host, as_json=as_json)


_EXPORT_FORMATS = ("jsonl", "csv", "markdown", "html", "tei", "atom", "json-feed", "wacz")
_EXPORT_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _archive,
    click.option("--format", "shape", type=click.Choice(_EXPORT_FORMATS),
                 help="Without it, the ending of PATH says it: .jsonl, .csv, .atom, .wacz, or a folder for markdown."),
    click.option("-o", "--output", type=_path, metavar="PATH",
                 help="A file, or a folder for markdown, html and tei; standard output if not given."),
    click.option("--one-per-cluster", is_flag=True, help="Of articles that say the same only the earliest."),
    click.option("--bom", is_flag=True, help="csv: a byte order mark in front, by which Excel sees UTF-8."),
    click.option("--edits", is_flag=True, help="atom, json-feed: edits to articles, not new articles."),
    click.option("--kind", "kinds", multiple=True, metavar="KIND", type=click.Choice(_EDIT_KINDS),
                 help="atom, json-feed: only edits of this kind. Repeatable."),
    click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N",
                 help="atom, json-feed: at most N entries, the newest."),
    click.option("--keep-credentials", is_flag=True,
                 help="wacz: with what headers and cookies of requests were stored."),
    *FILTER_OPTIONS,
)  # fmt: skip


@cli.command(short_help="Write the articles, or the raw responses, to other files.")
@_with_options(_EXPORT_OPTIONS)
def export(**options: Any) -> int:
    """Write articles: JSON lines, CSV, a folder of Markdown, HTML or TEI files; or the raw responses as WACZ.

    A feed (atom, json-feed) has the newest articles or edits. JSON lines and CSV have a data dictionary beside them.
    """
    from broadsheet.crawler.commands.export import export

    return export(options)


@cli.command(short_help="Print metadata for Datasette.")
@_archive
def metadata(db: str) -> int:
    """Print what Datasette needs to explain an archive: meanings of tables and columns, facets, queries, as JSON.

    broadsheet metadata news.db > metadata.json && datasette news.db -m metadata.json
    """
    from broadsheet.crawler.commands.metadata import metadata

    return metadata(db)


@cli.command(short_help="Check that an archive is whole.")
@_archive
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def verify(db: str, as_json: bool) -> int:
    """Check that an archive is whole: SQLite's own check, full text in step, counts that agree, raw records."""
    from broadsheet.crawler.commands.verify import verify

    return verify(db, as_json=as_json)


@cli.command(short_help="Take in raw responses that have no row.")
@_archive
@click.option(
    "--own-warc",
    is_flag=True,
    help="Make a copied database an archive of its own: new responses go to a folder named after it.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")  # fmt: skip
def adopt(db: str, own_warc: bool, quiet: bool) -> int:
    """Make rows for the responses in the archive's WARC folder that have none, as an import does.

    So an older copy of the database is whole again after it was put back. What was taken down stays away.
    """
    require_workers()
    start_workers()
    from broadsheet.crawler.commands.adopt import adopt

    return adopt(db, own_warc=own_warc, quiet=quiet)


@cli.command(short_help="Take an article down, for good.")
@_archive
@click.argument("pattern", metavar="URL|PATTERN")
@click.option("--note", default="", metavar="TEXT", help="Who asked, or why; kept beside the takedown.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def forget(db: str, pattern: str, note: str, dry_run: bool, yes: bool) -> int:
    """Remove an article and all that was kept of it, and never fetch it again.

    Its other URLs go with it. In a PATTERN, * stands for anything: 'https://example.org/people/*'.
    """
    from broadsheet.crawler.commands.forget import forget

    return forget(db, pattern, note, dry_run=dry_run, yes=yes)


_RULING_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _archive,
    click.argument("target", metavar="URL|ID"),
    click.argument("position", metavar="BLOCK", type=click.IntRange(0), required=False),
    click.argument("words", metavar="[FIRST WORDS]", nargs=-1),
    click.option("--everywhere", is_flag=True, help="Wherever the block's text stands, now and later."),
    click.option("--host", metavar="HOST", help="Wherever it stands on this host."),
    click.option("--article", metavar="URL|ID", help="Only in this article; of URL BLOCK its own is meant."),
    click.option("--note", default="", metavar="TEXT", help="Why; kept beside the ruling."),
    click.option("--undo", is_flag=True, help="Take the ruling back: the page's own verdict holds again."),
    click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing."),
)


@cli.command(short_help="Put a removed block back.")
@_with_options(_RULING_OPTIONS)
def restore(**options: Any) -> int:
    """Put a block back that was removed wrongly, now and whenever its pages are judged again.

    URL and BLOCK are the page and the number in the first column of `broadsheet explain`; with the text's FIRST WORDS
    behind it, nothing happens to another block if the page has changed since. A block_id of the views blocks and
    removed in place of both means the text wherever it stands.
    """
    from broadsheet.crawler.commands.restore import rule_on

    return rule_on(options, keep=True)


@cli.command(short_help="Take a wrongly kept block out.")
@_with_options(_RULING_OPTIONS)
def remove(**options: Any) -> int:
    """Take a block out that was kept wrongly, now and whenever its pages are judged again.

    URL and BLOCK are the page and the number in the first column of `broadsheet explain`; with the text's FIRST WORDS
    behind it, nothing happens to another block if the page has changed since. A block_id of the views blocks and
    removed in place of both means the text wherever it stands.
    """
    from broadsheet.crawler.commands.restore import rule_on

    return rule_on(options, keep=False)


@cli.command(short_help="List what was restored and removed by hand.")
@_archive
@click.option(
    "--export-rules", "target", type=_path, metavar="FILE", help="Write them as rules and test cases, in TOML."
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def rulings(db: str, target: str | None, as_json: bool) -> int:
    """List every ruling on a block: restored or removed, where, when, and what it overruled."""
    from broadsheet.crawler.commands.rulings import rulings

    return rulings(db, target, as_json=as_json)


@cli.command(short_help="Show why a page's blocks are kept or removed.")
@_archive
@click.argument("url_or_id", metavar="URL|ID")
@click.option("--full", is_flag=True, help="Whole texts, and the number of each in the archive.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def explain(db: str, url_or_id: str, full: bool, as_json: bool) -> int:
    """Show a stored page's verdict and its blocks in order: their numbers, kept or removed, why, and by which rule.

    A number is what `broadsheet restore` and `broadsheet remove` take.
    """
    from broadsheet.crawler.commands.explain import explain

    return explain(db, url_or_id, full=full, as_json=as_json)


@cli.command(short_help="Show what changed in an article.")
@_archive
@click.argument("url_or_id", metavar="URL|ID")
@click.option("--from", "first", type=click.IntRange(min=1), metavar="N", help="The earlier revision.")
@click.option("--to", "last", type=click.IntRange(min=1), metavar="M", help="The later one.")
@click.option("--at", metavar="TIME", help="The revision that stood at this time, against the latest.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def diff(**options: Any) -> int:
    """Show what a publication changed in an article, word by word: the last two revisions, or those named."""
    from broadsheet.crawler.commands.diff import diff

    return diff(options)


@cli.command(short_help="List the edits to articles.")
@_archive
@click.option("--since", metavar="TIME|SEQ|7d", help="From this time on, after this number, or so long ago.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="KIND",
    type=click.Choice(_EDIT_KINDS),
    help=f"Only these: {', '.join(_EDIT_KINDS)}. Repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
def changes(db: str, since: str | None, kinds: tuple[str, ...], as_json: bool) -> int:
    """List what publications did to their articles, newest last: corrections, headlines, withdrawals and the rest."""
    from broadsheet.crawler.commands.changes import changes

    return changes(db, since, kinds, as_json=as_json)


@cli.group(name="rules", short_help="Check and try out site rule files.")
def site_rules() -> None:
    """Check and try out files of site rules, in the format of ftr-site-config."""


@site_rules.command(name="check", short_help="List what is wrong with rule files.")
@click.argument("paths", metavar="DIR|FILE...", nargs=-1, required=True, type=_path)
def check_rules(paths: tuple[str, ...]) -> int:
    """List what cannot be used in rule files or folders of them, with file and line."""
    from broadsheet.crawler.crawl.early_checks import check_files

    check_files(paths)
    from broadsheet.crawler.commands.rules import check_rules

    return check_rules(paths)


@site_rules.command(name="test", short_help="Try a rule file on a page.")
@click.argument("file", metavar="FILE", type=_path)
@click.argument("page", metavar="[PAGE]", required=False, type=_path)
@click.option("--url", default="", metavar="URL", help="Where the page came from.")
@click.option("--allow-private", is_flag=True, help="Allow loopback and private addresses, refused otherwise.")
@click.option(
    "--contact",
    type=contact,
    envvar="BROADSHEET_CONTACT",
    metavar="URL|MAIL",
    help="Whom to ask about the requests; sent with them. Or set BROADSHEET_CONTACT.",
)
def test_rules(**options: Any) -> int:
    """Show what each directive of a rule FILE finds on a saved PAGE, and what comes out.

    Without a PAGE, fetch the file's test_url pages, and check what they are to contain.
    """
    from broadsheet.crawler.commands.rules import try_rule

    return try_rule(options)


@cli.group(short_help="Crawl many sites by one list.")
def fleet() -> None:
    """Crawl and update many sites by one list, sites.toml: each into an archive of its own, side by side."""


@fleet.command(name="init", short_help="Write a list of sites.")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "-o", "--output", default="sites.toml", show_default=True, type=_path, metavar="FILE", help="The list; - prints it."
)
@click.option("--contact", type=contact, envvar="BROADSHEET_CONTACT", metavar="URL|MAIL",
              help="Whom sites are to ask about the crawls. Or set BROADSHEET_CONTACT.")  # fmt: skip
def init_sites(urls: tuple[str, ...], output: str, contact: str | None) -> int:
    """Write a list with a table for each site, to be changed by hand."""
    from broadsheet.crawler.commands.fleet import init_sites

    return init_sites(urls, contact or "", output)


_FLEET_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("file", metavar="[SITES.TOML]", default="sites.toml", type=click.Path()),
    click.option("--site", "names", multiple=True, metavar="NAME", help="Only this site. Repeatable."),
    click.option("--group", "groups", multiple=True, metavar="NAME", help="Only sites of this group. Repeatable."),
    click.option("--shard", type=shard, metavar="N/M", help="Only the Nth of M parts, always the same by name: 3/20."),
)  # fmt: skip
_READ_STORE = click.option("--store", metavar="ADDRESS", help="Read the archives of this store, as run --store has it.")


@fleet.command(name="run", short_help="Crawl and update what is due.")
@_with_options(_FLEET_OPTIONS)
@click.option("--all", "everything", is_flag=True, help="Every site now, due or not.")
@click.option("--parallel", type=click.IntRange(min=1), metavar="N", help="Crawls side by side; else as the list says.")
@click.option("--store", metavar="ADDRESS", help="Where archives are between turns: a folder, s3://bucket/prefix.")
@click.option(
    "--work", type=_path, metavar="DIR", help="Local copies of archives that are in a store; may name variables."
)
@click.option("--scheduler", metavar="ADDRESS", help="Crawl on the workers of this Dask scheduler, tcp://host:8786.")
@click.option(
    "--cluster", type=_path, metavar="FILE", help="Crawl on workers that Slurm starts as this file says, slurm.toml."
)
@click.option("--dry-run", is_flag=True, help="List what is due, and do nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def run_fleet(**options: Any) -> int:
    """Crawl or update what is due of a list of sites, side by side, each into an archive of its own.

    Run the same command again and it goes on where it stood, whatever was killed. Ctrl-C stops all crawls cleanly.
    """
    require_workers()
    from broadsheet.crawler.commands.fleet import run_fleet

    return run_fleet(options, crawl, update)


@fleet.command(name="import", short_help="Take in many WARC files side by side.")
@click.argument("files", nargs=-1, required=True, metavar="LIST|WARC...", type=_path)
@_with_options(_IMPORT_OPTIONS[1:])
@click.option(
    "--base", type=_path, metavar="DIR|s3://...", help="What names in a list are relative to; else the list's folder."
)
@click.option("--parallel", type=click.IntRange(min=1), metavar="N", help="Files side by side; else one a processor.")
def fleet_import(**options: Any) -> int:
    """Take WARC, ARC and WACZ files into one archive as import does, but each by a process of its own, side by side.

    Files are paths, s3:// addresses, which are fetched and kept, or lists of them, a name a line: .txt, .paths, .gz of
    them. A file that cannot be read is said and costs nothing else. Run it again, and only what is new is read.
    """
    require_workers()
    from broadsheet.crawler.commands.fleet_import import fleet_import

    return fleet_import(options)


@fleet.command(name="status", short_help="Say how every site stands.")
@_with_options(_FLEET_OPTIONS)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def fleet_status(**options: Any) -> int:
    """List the sites: how the last turn of each ended, what it came to, when it is due; the worst first."""
    from broadsheet.crawler.commands.fleet_read import fleet_status

    return fleet_status(options, crawl, update)


@fleet.command(name="report", short_help="Say what every archive came to.")
@_with_options(_FLEET_OPTIONS)
@_READ_STORE
def fleet_report(**options: Any) -> int:
    """Say in a sentence a site what its archive came to: articles, gaps, alarms; those with alarms first."""
    from broadsheet.crawler.commands.fleet_read import fleet_report

    return fleet_report(options, crawl, update)


@fleet.command(name="search", short_help="Find articles in all archives.")
@click.argument("query", nargs=-1, required=True, metavar="WORDS...")
@click.option("--sites", "file", default="sites.toml", show_default=True, type=_path, metavar="FILE", help="The list.")
@_with_options(_FLEET_OPTIONS[1:])
@_READ_STORE
@_with_options(FILTER_OPTIONS)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most N.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def fleet_search(**options: Any) -> int:
    """Find articles by words in the archives of all sites, as broadsheet search does in one."""
    from broadsheet.crawler.commands.fleet_read import fleet_search

    return fleet_search(options, crawl, update)


@cli.command(short_help="See the archive, judge it, mend it, in a browser.")
@click.argument("db", metavar="[DB|FOLDER]", required=False, type=_path)
@click.option("--demo", is_flag=True, help="Show the sample site's archive; crawl it first if there is none.")
@click.option("--read-only", is_flag=True, help="Change nothing: no rulings, no reviews.")
@click.option(
    "--replay-assets", type=_path, metavar="DIR", help="ReplayWeb.page's ui.js and sw.js, to replay raw pages with."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="The port; 8383, or a free one if it is taken."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on. Another than loopback lets others read, and rule, without a password.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="With --host: a name under which the server is reached. Repeatable.",
)
def browse(**options: Any) -> int:
    """Open the reading room: a page on this machine over an archive, a folder of them, or a data set.

    Read articles, see what was removed from them and why, bring it back, follow edits and gaps.
    """
    from broadsheet.crawler.commands.browse import browse

    return browse(options)


@cli.command(short_help="Crawl the bundled sample site.")
@click.option(
    "--keep",
    type=_path,
    metavar="DIR",
    default="demo-out",
    show_default=True,
    help="The folder for the archive.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Serve it at this port, not at any."
)
def demo(keep: str, port: int) -> int:
    """Crawl the bundled sample site on this machine and show what comes out."""
    start_workers()
    with _without_collecting():
        from broadsheet.crawler.commands.demo import demo

    return demo(keep, port)


@cli.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print what a shell has to read so that the Tab key completes verbs and options.

    bash: add to ~/.bashrc the line eval "$(broadsheet completion bash)". zsh: the same in ~/.zshrc, with zsh.
    fish: broadsheet completion fish > ~/.config/fish/completions/broadsheet.fish
    """
    from click.shell_completion import get_completion_class

    script_class = get_completion_class(shell)
    assert script_class is not None
    click.echo(script_class(cli, {}, "broadsheet", "_BROADSHEET_COMPLETE").source())
    return 0


@cli.command(short_help="Check that this machine can run a crawl.")
@click.argument("url", metavar="[URL]", required=False)
@click.option(
    "--db",
    default="archive.db",
    show_default=True,
    type=_path,
    metavar="FILE",
    help="Where the archive would be.",
)
@click.option("--allow-private", is_flag=True, help="Allow loopback and private addresses, refused otherwise.")
def doctor(url: str | None, db: str, allow_private: bool) -> int:
    """Say in ten lines whether a crawl can run here: Python, libraries, workers, disk, clock, and the robots.txt of
    a URL."""
    from broadsheet.crawler.commands.doctor import doctor

    return doctor(url or "", db, allow_private=allow_private)


@cli.command(hidden=True, short_help="Print docs/cli.md.")
def reference() -> int:
    """Print the reference of the command line, in Markdown: broadsheet reference > docs/cli.md"""
    from broadsheet.crawler.commands.reference import reference

    return reference(cli)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; what goes wrong is one line on standard error."""
    return run_command(cli, arguments)


def main() -> None:
    """Run the command line of this process and exit: the entry point `broadsheet`."""
    sys.exit(run())


if __name__ == "__main__":
    main()
