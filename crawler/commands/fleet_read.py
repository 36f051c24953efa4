"""`broadsheet fleet status`, `report` and `search`: what is known of a fleet's sites, and what their archives hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlite_utils import Database

from broadsheet.crawler.commands.filter_options import article_filter
from broadsheet.crawler.commands.fleet import chosen_sites, listed_sites
from broadsheet.crawler.commands.search import hit_text, hit_values
from broadsheet.crawler.crawl.archive_access import damage_behind, open_read_only, refuse
from broadsheet.crawler.crawl.terminal import (
    format_table,
    one_line,
    print_json,
    print_pages,
    print_text,
    terminal_width,
)
from broadsheet.crawler.fleet.fleet_folder import FOLDER, RecordFolder, SiteRecord
from broadsheet.crawler.fleet.fleet_turn import due_at, time_text, worst_first
from broadsheet.crawler.fleet.object_store import StoreError
from broadsheet.crawler.fleet.site_copies import archive_finder
from broadsheet.crawler.fleet.sites_file import Site, SiteList
from broadsheet.output.archive.archive_errors import ArchiveError, NotReachable
from broadsheet.output.archive.archive_lock import is_owned
from broadsheet.output.read.report_figures import gather_report
from broadsheet.output.read.report_text import verdict_sentence
from broadsheet.output.read.search import SearchHit, count_matches, search

Command = click.Command
T = TypeVar("T")
_NAMED_SITES = 3
"""Sites that a line about several of them names."""


def fleet_status(options: Mapping[str, Any], crawl: Command, update: Command) -> int:
    """Print a line a site: how its last turn ended, what it came to, when it is due; the worst first."""
    fleet = listed_sites(options, crawl, update)
    sites = {site.name: site for site in chosen_sites(fleet, options)}
    records = {name: record for name in sites if (record := RecordFolder(fleet.folder).read(name))}
    names = [result.name for result in worst_first(record.result for record in records.values())]
    names += [name for name in sites if name not in records]
    if options["as_json"]:
        print_json({"sites": [_status_values(fleet, sites[name], records.get(name)) for name in names]})
        return 0
    head = ("site", "ended", "articles", "alarms", "failed", "took", "at", "due", "")
    rows = [_status_row(fleet, sites[name], records.get(name)) for name in names]
    print_text(format_table([head, *rows], terminal_width(), right_aligned=frozenset((2, 3, 4, 5))))
    return 0


def fleet_report(options: Mapping[str, Any], crawl: Command, update: Command) -> int:
    """Print what each archive came to in a sentence, those with alarms first, then those that cannot be read."""
    fleet = listed_sites(options, crawl, update)
    reports, problems = _read_archives(fleet, options, gather_report)
    for name, report in sorted(reports, key=lambda named_report: not named_report[1].current_alarms):
        print_text(f"{name}: {verdict_sentence(report)}")
    for problem in [*problems, *_unread_sites(fleet, options)]:
        refuse(problem)
    return int(bool(problems) or not reports)


def fleet_search(options: Mapping[str, Any], crawl: Command, update: Command) -> int:
    """Print the articles of all archives that match, the best of each first; 1 if there is none."""
    fleet = listed_sites(options, crawl, update)
    query, bounds, limit = " ".join(options["query"]), article_filter(options), options["limit"]

    def matches(db: Database) -> tuple[list[SearchHit], int]:
        """The best hits of an archive, and how many there are."""
        return list(search(db, query, limit, bounds)), count_matches(db, query, bounds)

    archives, problems = _read_archives(fleet, options, matches)
    count = sum(match_count for _, (_, match_count) in archives)
    for problem in [*problems, *_unread_sites(fleet, options)]:
        refuse(problem)
    hits = _by_rank({name: hits for name, (hits, _) in archives})[:limit]
    if options["as_json"]:
        values = [{"site": name, **hit_values(hit)} for name, hit in hits]
        print_json({"query": query, "count": count, "articles": values})
        return int(not hits)
    return _print_hits(query, hits, count)


def _print_hits(query: str, hits: Sequence[tuple[str, SearchHit]], count: int) -> int:
    if not hits:
        return refuse(f"no article matches {query}")
    shown = f"; {len(hits):,} of them (--limit {count} shows all)" if count > len(hits) else ""
    head = f"{count:,} {'article matches' if count == 1 else 'articles match'}{shown}"
    print_pages("\n\n".join([head, *(f"{one_line(name)}: {hit_text(hit)}" for name, hit in hits)]))
    return 0


def _by_rank(hits_by_site: Mapping[str, Sequence[SearchHit]]) -> list[tuple[str, SearchHit]]:
    """The best hit of every site, then the second of every site, and so on: how well words match is a number that only
    compares within an archive."""
    columns = [[(name, hit) for hit in hits] for name, hits in hits_by_site.items()]
    return [pair for pair in chain.from_iterable(zip_longest(*columns)) if pair is not None]


def _read_archives(
    fleet: SiteList, options: Mapping[str, Any], read: Callable[[Database], T]
) -> tuple[list[tuple[str, T]], list[str]]:
    """What `read` makes of each chosen site's archive, and a line for each archive that cannot be read.

    A site that was never crawled has nothing to read. NotReachable if there is no store at the address of one.
    """
    values, problems = [], []
    try:
        find_archive = archive_finder(options["store"], fleet.folder / FOLDER / "copies", fleet.archive)
    except StoreError as error:
        raise NotReachable(str(error)) from error
    for site in chosen_sites(fleet, options):
        file: Path | None = None
        try:
            file = find_archive(site.name)
            if file:
                with open_read_only(str(file)) as db:
                    values.append((site.name, read(db)))
        except Exception as error:
            problem = (damage_behind(str(file), error) if file else None) or error
            if not isinstance(problem, ArchiveError | StoreError | sqlite3.Error | OSError):
                raise
            problems.append(f"{site.name}: {problem}")
    return values, problems


def _unread_sites(fleet: SiteList, options: Mapping[str, Any]) -> list[str]:
    """A line about the sites that were crawled and whose archives are not here, as with a store that was not named;
    none without any."""
    records = RecordFolder(fleet.folder)
    names = [
        site.name for site in chosen_sites(fleet, options)
        if not options["store"] and not fleet.archive(site.name).exists() and _has_archive(records.read(site.name))
    ]  # fmt: skip
    if not names:
        return []
    rest = f" and {len(names) - _NAMED_SITES:,} more" if len(names) > _NAMED_SITES else ""
    sites = f"{len(names):,} {'site is' if len(names) == 1 else 'sites are'}"
    named = ", ".join(names[:_NAMED_SITES])
    where = f"the archives are not in {fleet.folder} (--store reads those of a store)"
    return [f"{sites} not in this: {where}: {named}{rest}"]


def _has_archive(record: SiteRecord | None) -> bool:
    """Whether a site was crawled so far that there is an archive somewhere."""
    return record is not None and (record.is_crawled or record.result.counts.pages > 0)


def _status_row(fleet: SiteList, site: Site, record: SiteRecord | None) -> tuple[str, ...]:
    running = "running" if is_owned(fleet.archive(site.name)) else ""
    if record is None:
        return (site.name, running or "never crawled", "", "", "", "", "", "now", "")
    result, due = record.result, due_at(site, record)
    due_text = "now" if due is None or due <= datetime.now(UTC) else _until(due)
    numbers = (result.counts.articles, result.counts.alarms, result.counts.failed)
    return (
        site.name, running or result.end.replace("_", " "), *(f"{number:,}" for number in numbers),
        time_text(result.seconds), record.finished_at[:16].replace("T", " "), due_text, result.message,
    )  # fmt: skip


def _until(due: datetime) -> str:
    return f"in {time_text((due - datetime.now(UTC)) / timedelta(seconds=1))}"


def _status_values(fleet: SiteList, site: Site, record: SiteRecord | None) -> dict[str, object]:
    """A site as JSON has it."""
    due = due_at(site, record)
    values: dict[str, object] = {"name": site.name, "archive": str(fleet.archive(site.name)), "groups": site.groups}
    values |= {"due_at": due.isoformat() if due else None, "is_running": is_owned(fleet.archive(site.name))}
    if record is None:
        return values | {"end": None}
    result = record.result
    return values | {
        "end": result.end, "exit_code": result.exit_code, "message": result.message, "counts": asdict(result.counts),
        "seconds": round(result.seconds, 1), "turn_at": record.turn_at, "finished_at": record.finished_at,
    }  # fmt: skip
