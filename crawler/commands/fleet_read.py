"""`broadsheet fleet status`, `report`, `search` and `verify`: a fleet's sites, and what their archives hold."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.read.plain_words import count_text

from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import (
    format_table,
    one_line,
    print_json,
    print_pages,
    print_text,
    terminal_width,
)
from .verb_options import (
    FILTER_OPTIONS,
    FLEET_OPTIONS,
    SAMPLE_OPTION,
    SITES_OPTION,
    STORE_OPTION,
    article_filter,
    verb,
    with_options,
)

if TYPE_CHECKING:
    from sqlite_utils import Database

with lazy_imports():
    from broadsheet.output.archive import archive_lock, row_sample
    from broadsheet.output.read import judgement, report_figures, report_text
    from broadsheet.output.read import search as search_module
    from broadsheet.output.read import verify as verify_module

    from ..cli import archive_access
    from ..fleet import (
        fleet_folder,
        fleet_turn,
        list_runs,
        object_store,
        site_copies,
        site_processes,
        site_records,
        site_states,
        sites_file,
    )
    from . import fleet as fleet_module
    from . import search as search_verb
    from . import verify as verify_verb

T = TypeVar("T")
_WORST = 50
"""Sites that `fleet status` shows unless it is asked for all."""
_LOST = "waiting after a loss"
_NAMED_SITES = 3
"""Sites that a line about several of them names."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A site's last record, when it is due, and what is known of who runs it now."""

    name: str
    archive: str
    groups: tuple[str, ...]
    record: site_records.SiteRecord | None
    due: datetime | None
    is_running: bool
    pages: int = 0
    worker: str = ""
    problem: str = ""
    """Why the store's record cannot be read."""
    is_waiting: bool = False
    """Whether its worker was lost, and it runs again once that has surely stopped."""

    @property
    def kind(self) -> str:
        """Return in words what the site does, or how its last turn ended."""
        if self.is_running or self.is_waiting:
            return _LOST if self.is_waiting else "running"
        if self.record:
            return self.record.result.end.words
        return "not readable" if self.problem else "never crawled"


@verb
@with_options(FLEET_OPTIONS)
@click.option("--store", metavar="ADDRESS", help="As this store knows it; without a list, of all sites in it.")
@click.option("--all", is_flag=True, help="List every site, not only the fifty that most need a look.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every site.")
def fleet_status(**options: Any) -> int:
    """Count the sites by what they do, and list those that most need a look: how the last turn of each ended, what it
    came to, when it is due.

    With --store it says the same on every machine.
    """
    standings = {standing.name: standing for standing in _standings(options)}
    results = [standing.record.result for standing in standings.values() if standing.record]
    ended = fleet_turn.worst_first(results)
    first = [name for name, standing in standings.items() if standing.problem or standing.is_waiting]
    bad = [result.name for result in ended if result.end not in fleet_turn.QUIET_ENDS]
    running = [name for name, standing in standings.items() if standing.is_running]
    names = list(dict.fromkeys([*first, *bad, *running, *(result.name for result in ended), *standings]))
    if options["as_json"]:
        print_json({"sites": [_status_values(standings[name]) for name in names]})
        return 0
    head = ("site", "ended", "articles", "alarms", "failed", "took", "at", "due", "worker", "")
    shown = names if options["all"] else names[:_WORST]
    rows = [_status_row(standings[name]) for name in shown]
    print_text(format_table([head, *rows], terminal_width(), right_aligned=frozenset((2, 3, 4, 5))))
    print_text(f"\n{_kinds_line(standings.values())}")
    if len(shown) < len(names):
        print_text(f"{len(names) - len(shown):,} more with --all")
    return 0


def _kinds_line(standings: Collection[_Standing]) -> str:
    """Count sites by kind.

    >>> _kinds_line([_Standing("a", "", (), None, None, True), _Standing("b", "", (), None, None, False)])
    '2 sites: 1 never crawled, 1 running'
    """
    kinds = Counter(standing.kind for standing in standings)
    counts = ", ".join(
        f"{count:,} {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    return f"{count_text(len(standings), 'site')}: {counts}" if counts else "no site"


def _standings(options: Mapping[str, Any]) -> Iterator[_Standing]:
    address = options["store"]
    if address and not Path(options["file"]).exists():
        states, runs = _stored(address, options["names"] or None)
        for name, state in states.items():
            yield _stored_standing(name, (address, ()), state, runs, _recorded_due(state.record))
        return
    fleet = fleet_module.listed_sites(options)
    sites = fleet_module.chosen_sites(fleet, options)
    if address:
        states, runs = _stored(address, [site.name for site in sites])
        for site in sites:
            state = states[site.name]
            due = site_records.next_due(site, state.record)
            yield _stored_standing(site.name, (address, site.groups), state, runs, due)
        return
    for site in sites:
        record, archive = fleet_folder.RecordFolder(fleet.folder).read(site.name), fleet.archive(site.name)
        due, is_running = site_records.next_due(site, record), archive_lock.is_owned(archive)
        pages = site_processes.page_count(archive) if is_running else 0
        yield _Standing(site.name, str(archive), site.groups, record, due, is_running, pages)


@dataclass(frozen=True, slots=True)
class _Runs:
    """Owners of the sites that are running, the pages that these have by now, and the sites that wait after a loss."""

    owners: Mapping[str, str]
    pages: Mapping[str, int]
    waiting: frozenset[str]


def _stored(address: str, names: Sequence[str] | None) -> tuple[Mapping[str, site_records.StoredSiteState], _Runs]:
    """Return what a store knows of sites, of all that it has without names, and of those that are running.

    NotReachable if it cannot be asked.
    """
    store = fleet_module.known_store(address)
    runs = list_runs.read_runs(store).values()
    owners = {name: run.owner for run in runs for name in (*run.running, *run.waiting)}
    pages = {name: count for run in runs for name, count in run.running.items()}
    waiting = frozenset(name for run in runs for name in run.waiting)
    with fleet_module.told_store_faults():
        listed = site_records.stored_site_names(store) if names is None else names
        return site_records.indexed_states(store, listed, owners), _Runs(owners, pages, waiting)


def _stored_standing(
    name: str, place: tuple[str, tuple[str, ...]], state: site_records.StoredSiteState, runs: _Runs,
    due: datetime | None,
) -> _Standing:  # fmt: skip
    owner, is_waiting = runs.owners.get(name, ""), name in runs.waiting
    worker = owner or (state.record.worker if state.record else "")
    pages, is_running = runs.pages.get(name) or state.head.pages, bool(owner) and not is_waiting
    pages = pages if owner else 0
    return _Standing(name, *place, state.record, due, is_running, pages, worker, state.problem, is_waiting)


def _recorded_due(record: site_records.SiteRecord | None) -> datetime | None:
    """Return when a site is due by its record, without a list; None for at once."""
    return datetime.fromisoformat(record.due_at) if record and record.due_at else None


@verb
@with_options(FLEET_OPTIONS)
@STORE_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fleet_report(**options: Any) -> int:
    """Say of each site what its archive came to and what in it needs a look, as broadsheet report does; the sites with
    most to look at first.
    """
    fleet = fleet_module.listed_sites(options)
    reports, problems = read_archives(fleet, options, _judge_site)
    reports.sort(key=lambda report: report[1].order)
    if options["as_json"]:
        print_json({"sites": [{"site": name, **judged.values} for name, judged in reports]})
    else:
        for name, judged in reports:
            print_text(f"{name}: {judged.verdict}")
            if section := report_text.look_section(judgement.needs_look(judged.looks), terminal_width(), "  "):
                print_text(section)
    for problem in [*problems, *unread_sites(fleet, options)]:
        archive_access.refuse(problem)
    return int(bool(problems) or not reports)


@dataclass(frozen=True, slots=True)
class _JudgedSite:
    """A site's archive as it was judged."""

    articles: int
    verdict: str
    looks: Sequence[judgement.Look]

    @property
    def order(self) -> tuple[int, int]:
        """Return the place among the sites: faults first, then the most to look at."""
        faults = sum(look.severity == judgement.Severity.FAULT for look in self.looks)
        return -faults, -len(judgement.needs_look(self.looks))

    @property
    def values(self) -> dict[str, object]:
        """Return what `--json` prints of the site."""
        return {"verdict": self.verdict, "articles": self.articles, "looks": judgement.look_values(self.looks)}


def _judge_site(db: Database) -> _JudgedSite:
    totals, looks = report_figures.gather_totals(db), judgement.judge_archive(db)
    return _JudgedSite(totals.articles, judgement.verdict_sentence(totals.articles, totals.shelved, looks), looks)


@verb
@click.argument("query", nargs=-1, required=True, metavar="WORDS...")
@SITES_OPTION
@with_options(FLEET_OPTIONS[1:])
@STORE_OPTION
@with_options(FILTER_OPTIONS)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Print at most N results."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fleet_search(**options: Any) -> int:
    """Find articles by words in the archives of all sites, as broadsheet search does in one."""
    fleet = fleet_module.listed_sites(options)
    query, bounds, limit = " ".join(options["query"]), article_filter(options), options["limit"]

    def matches(db: Database) -> tuple[list[search_module.SearchHit], int]:
        """Return the best hits of an archive, and the number of all hits."""
        return list(search_module.search(db, query, limit, bounds)), search_module.count_matches(db, query, bounds)

    archives, problems = read_archives(fleet, options, matches)
    count = sum(match_count for _, (_, match_count) in archives)
    for problem in [*problems, *unread_sites(fleet, options)]:
        archive_access.refuse(problem)
    hits = _by_rank({name: hits for name, (hits, _) in archives})[:limit]
    if options["as_json"]:
        values = [{"site": name, **search_verb.hit_values(hit)} for name, hit in hits]
        print_json({"query": query, "count": count, "articles": values})
        return int(not hits)
    return _print_hits(query, hits, count)


def _print_hits(query: str, hits: Sequence[tuple[str, search_module.SearchHit]], count: int) -> int:
    if not hits:
        return archive_access.refuse(f"no article matches {query}")
    shown = f"; {len(hits):,} of them (--limit {count} shows all)" if count > len(hits) else ""
    head = f"{count:,} {'article matches' if count == 1 else 'articles match'}{shown}"
    print_pages("\n\n".join([head, *(f"{one_line(name)}: {search_verb.hit_text(hit)}" for name, hit in hits)]))
    return 0


def _by_rank(
    hits_by_site: Mapping[str, Sequence[search_module.SearchHit]],
) -> list[tuple[str, search_module.SearchHit]]:
    """Return the best hit of every site, then the second of every site, and so on.

    Scores of different archives cannot be compared.
    """
    columns = [[(name, hit) for hit in hits] for name, hits in hits_by_site.items()]
    return [pair for pair in chain.from_iterable(zip_longest(*columns)) if pair is not None]


def read_archives(
    fleet: sites_file.SiteList, options: Mapping[str, Any], read: Callable[[Database], T]
) -> tuple[list[tuple[str, T]], list[str]]:
    """Apply `read` to each chosen site's archive, with a line for each archive that cannot be read.

    A site that was never crawled has nothing to read. NotReachable if there is no store at the address of one.
    """
    results = list(each_archive(fleet, options, read))
    return [(name, value) for name, value, _ in results if value is not None], [line for *_, line in results if line]


def each_archive(
    fleet: sites_file.SiteList, options: Mapping[str, Any], read: Callable[[Database], T]
) -> Iterator[tuple[str, T | None, str]]:
    """Yield likewise, archive by archive, the site's name, what was read, and a line where nothing could be."""
    with fleet_module.told_store_faults():
        find_archive = site_copies.archive_finder(
            options["store"], fleet.folder / fleet_folder.FOLDER / "copies", fleet.archive
        )
    for site in fleet_module.chosen_sites(fleet, options):
        file: Path | None = None
        try:
            file = find_archive(site.name)
            if file is None:
                continue
            with archive_access.open_read_only(str(file)) as db:
                value = read(db)
        except Exception as error:
            problem = (archive_access.damage_behind(str(file), error) if file else None) or error
            if not isinstance(problem, ArchiveError | object_store.StoreError | sqlite3.Error | OSError):
                raise
            yield site.name, None, f"{site.name}: {problem}"
        else:
            yield site.name, value, ""


def unread_sites(fleet: sites_file.SiteList, options: Mapping[str, Any]) -> list[str]:
    """Return a line about the crawled sites whose archives are not here, as with a store that was not named.

    Return none if there are no such sites.
    """
    records = fleet_folder.RecordFolder(fleet.folder)
    sites = [] if options["store"] else fleet_module.chosen_sites(fleet, options)
    unread_sites = [site for site in sites if not fleet.archive(site.name).exists()]
    names = [site.name for site in unread_sites if _has_archive(records.read(site.name))]
    if sites and unread_sites == list(sites) and not names:
        names = [site.name for site in sites]
    if not names:
        return []
    rest = f" and {len(names) - _NAMED_SITES:,} more" if len(names) > _NAMED_SITES else ""
    count = f"{len(names):,} {'site is' if len(names) == 1 else 'sites are'}"
    named = ", ".join(names[:_NAMED_SITES])
    where = f"the archives are not in {fleet.folder} (--store reads those of a store)"
    return [f"{count} not in this: {where}: {named}{rest}"]


def _has_archive(record: site_records.SiteRecord | None) -> bool:
    """Return whether a site was crawled so far that there is an archive somewhere."""
    return record is not None and (record.is_crawled or record.result.counts.pages > 0)


def _status_row(standing: _Standing) -> tuple[str, ...]:
    record, due = standing.record, standing.due
    pages = f", {count_text(standing.pages, 'page')}" if standing.pages else ""
    ended = f"{standing.kind}{pages}"
    due_text = "now" if due is None or due <= datetime.now(UTC) else _until(due)
    if record is None:
        return (standing.name, ended, "", "", "", "", "", due_text, standing.worker, standing.problem)
    result = record.result
    numbers = (result.counts.articles, result.counts.alarms, result.counts.failed)
    return (
        standing.name, ended, *(f"{number:,}" for number in numbers),
        fleet_turn.time_text(result.seconds), record.finished_at[:16].replace("T", " "), due_text, standing.worker,
        _problem(record),
    )  # fmt: skip


def _problem(record: site_records.SiteRecord) -> str:
    """Return what a person is to know of a site's last turn, with the number of turns that have failed in a row."""
    failures = f" ({record.failures} times in a row)" if record.failures > 1 else ""
    return f"{record.result.message}{failures}"


def _until(due: datetime) -> str:
    return f"in {fleet_turn.time_text((due - datetime.now(UTC)) / timedelta(seconds=1))}"


def _status_values(standing: _Standing) -> dict[str, object]:
    """Return a site's status as JSON values."""
    values: dict[str, object] = {"name": standing.name, "archive": standing.archive, "groups": standing.groups}
    values |= {
        "due_at": utc_text(standing.due) if standing.due else None, "is_running": standing.is_running,
        "is_waiting_after_loss": standing.is_waiting, "running_pages": standing.pages, "worker": standing.worker,
    }  # fmt: skip
    record = standing.record
    if record is None:
        return values | {"end": None} | ({"message": standing.problem} if standing.problem else {})
    result = record.result
    return values | {
        "end": result.end, "exit_code": result.exit_code, "message": result.message, "counts": asdict(result.counts),
        "seconds": round(result.seconds, 1), "turn_at": record.turn_at, "finished_at": record.finished_at,
        "failures": record.failures,
    }  # fmt: skip


@verb
@with_options(FLEET_OPTIONS)
@STORE_OPTION
@SAMPLE_OPTION
@click.option("-v", "--verbose", is_flag=True, help="Also print a line for each archive in order.")
def fleet_verify(**options: Any) -> int:
    """Check that every archive is whole, as broadsheet verify does one: a line for each problem.

    In a store, that every piece of an archive and of its WARC files is there with the bytes that were put there.
    """
    fleet, sample = fleet_module.listed_sites(options), options["sample"] or row_sample.WHOLE
    store = fleet_module.known_store(options["store"]) if options["store"] else None
    left_out = verify_module.RAW_CHECKS if store else ()

    def check(db: Database) -> tuple[list[verify_module.ArchiveProblem], int]:
        """Return an archive's problems, and the number of its articles where it has none."""
        problems = verify_module.verify(db, sample, left_out)
        return problems, 0 if problems else db.execute("SELECT count(*) FROM articles").fetchone()[0]

    is_whole, count = True, 0
    for name, checked, unread in each_archive(fleet, options, check):
        count += 1
        problems, articles = checked or ([], 0)
        lines = [f"{problem.check}: {problem.detail}" for problem in problems]
        lines += [f"store: {fault}" for fault in site_states.state_faults(store, name, sample)] if store else []
        if unread:
            archive_access.refuse(unread)
        elif not lines and options["verbose"]:
            words = verify_verb.sample_words(options["sample"])
            print_text(one_line(f"{name}: in order: {count_text(articles, 'article')}{words}"))
        for line in lines:
            print_text(one_line(f"{name}: {line}"))
        is_whole = is_whole and not (lines or unread)
    unread_lines = unread_sites(fleet, options)
    for line in unread_lines:
        archive_access.refuse(line)
    return int(not is_whole or bool(unread_lines) or not count)
