"""Four pulling workers in trouble, over an S3 server, and that every site ends as in an undisturbed run.

`python -m tests.bench.fleet_work [--sites 60] [--real NAME ...] [--most-pages 10] [--seed 37]` writes
results/fleet_work.json. Generated sites and sites of the corpus are crawled on loopback by four processes of
`broadsheet fleet work`: two with clocks that are an hour wrong, one of a newer version. Workers are killed at random,
and before and after each act of the store's protocol. The store is read-only, away, away in the middle of an upload,
and strict about clocks for a while. Ends with 1 if a site differs, or anything else that is counted as a fault.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import queue
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import quote, unquote, urljoin, urlsplit

from broadsheet.crawler.fleet import site_lease, site_states
from broadsheet.crawler.fleet.object_store import ObjectStore
from broadsheet.crawler.fleet.site_lease import LeaseTerms, LeaseWatch, read_site, record_key
from broadsheet.crawler.fleet.site_states import collect_pieces, parse_manifest, read_manifest
from broadsheet.crawler.fleet.store_address import make_store, store_at
from broadsheet.crawler.fleet.stored_run import StorePlace
from broadsheet.output.archive.archive_file import open_database
from tests.bench.documents.figures import refresh_documents
from tests.bench.fleet_faults import logged_site
from tests.bench.load.site import free_port
from tests.bench.site_pages import names
from tests.bench.sites import Site
from tests.crawler.fleet.faulty_s3 import ACTS, SIDES, FaultyS3, KillAims
from tests.crawler.fleet.s3_server import SECRET, S3Server, running_s3_server
from tests.crawler.fleet.troubled_fleet import (
    FleetSite,
    asked_again,
    content_differences,
    served_sites,
    stored_archive,
)
from tests.crawler.fleet.troubled_workers import (
    ADDRESS,
    LEASE_SECONDS,
    PREFIX,
    Machine,
    Timetable,
    Workers,
    as_the_newer_version,
    home_times,
    make_newer_version,
    skewed,
    usual_events,
)
from tests.crawler.shell import environment
from tests.crawler.warm import PATIENCE, WarmProcess

RESULTS = Path(__file__).parent / "results" / "fleet_work.json"
_PAGES = 8
_QUIET_PARALLEL = 3
_BY_DESIGN = ("articles.cleaner_version of ", "urls.revisit_seconds of ")
"""What differs by design where one worker has a later cleaner, whose verdicts are the same here, and where clocks
differ by an hour, after which a page may be looked at again."""
_LOOKED_AT = "SELECT url FROM urls WHERE revisit_seconds IS NOT NULL"
_LINES = {
    "store refuses puts": "does not let us at",
    "store is away": "; trying again in ",
    "clock is wrong": "refuses requests by this machine's clock",
    "state of a newer version": "is left alone: update this machine",
    "copy of a killed worker brought home": "what a killed run left in .* is in the store",
}
"""Lines that workers are to say, by their cause."""
FAULTS = (
    "differing_sites", "fetched_after_home", "acts_not_met", "tracebacks", "secrets", "held_leases", "stray_pieces",
    "lost_pieces", "findings", "status_differs", "not_done", "causes_without_a_line", "copies_left",
    "bad_last_ends",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of a proof: the seed, the seconds from one event of the timetable to the next, and those that the sites
    may take; the seconds between two kills at acts, and between two at random.
    """

    seed: int
    event_seconds: float
    most_seconds: float
    act_seconds: tuple[float, float] = (7.0, 15.0)
    kill_seconds: tuple[float, float] = (30.0, 60.0)


@contextmanager
def small_real_sites(site_names: Sequence[str], most_pages: int) -> Iterator[list[FleetSite]]:
    """Real sites, of each the start page and at most so many pages that have an article."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sites = [stack.enter_context(Site(name, Path(folder))) for name in site_names]
        for site in sites:
            make_small(site, most_pages)
        yield [logged_site(site) for site in sites]


def make_small(site: Site, most_pages: int) -> None:
    """Remove all other pages and feeds, and links to them; the start page gets a link to each page that stays."""
    www, start = site.home / "www", urlsplit(site.start).path
    paths = [row["path"] for row in site.truth if _page_file(www, row["path"]).is_file()][:most_pages]
    kept = {_page_file(www, path) for path in (start, *paths)}
    for file in list(www.rglob("*")):
        if file.is_file() and file not in kept and file.suffix not in _PAGE_PARTS:
            file.unlink()
    for file in kept:
        base = f"/{file.relative_to(www).as_posix()}"

        def link(match: re.Match[bytes], base: str = base) -> bytes:
            path = urlsplit(urljoin(base, match[2].decode("utf-8", "replace"))).path
            return match[0] if _page_file(www, path).is_file() else b"href=" + match[1] + b"#"

        file.write_bytes(_LINK.sub(link, file.read_bytes()))
    links = "".join(f'<p><a href="{quote(path)}">{html.escape(path)}</a></p>' for path in paths)
    start_file = _page_file(www, start)
    head, end, tail = start_file.read_bytes().rpartition(b"</body>")
    start_file.write_bytes(head + links.encode() + end + tail if end else tail + links.encode())


_LINK = re.compile(rb"""href=(["']?)([^"'\s>]+)""", re.IGNORECASE)
_PAGE_PARTS = {".css", ".js", ".png", ".jpg", ".svg", ".gif"}


def _page_file(www: Path, path: str) -> Path:
    file = www / unquote(path).strip("/")
    return file / "index.html" if file.is_dir() else file


class Proof:
    """A troubled run of sites over a bucket, and what it came to."""

    def __init__(self, sites: Sequence[FleetSite], folder: Path, plan: Plan) -> None:
        self.sites = sites
        self.folder = folder
        self.plan = plan
        self.again: set[str] = set()
        self.workers = Workers(sites, folder / "troubled")
        self.aims = KillAims(random.Random(plan.seed), plan.act_seconds)
        self.newer = make_newer_version(folder / "newer")
        for name, special in (
            ("plain", {}), ("ahead", skewed(1)), ("behind", skewed(-1)), ("newer", self.newer),
        ):  # fmt: skip
            self.workers.add(name, special)

    def run(self, server: S3Server) -> dict[str, Any]:
        """Crawl the sites in trouble, without it to the end, and look at what is left. The environment has the server's
        credentials."""
        faulty = FaultyS3(server, self.workers.kill, self.aims)
        self.workers.faulty = faulty
        self.workers.add("reader", self.newer)
        self.workers.add("other reader", self.newer)
        readers = [self.workers.machines.pop(name) for name in ("reader", "other reader")]
        try:
            with faulty.running():
                figures = self._crawl(faulty)
                with as_the_newer_version():
                    figures |= self._checked(faulty, readers)
                return figures
        finally:
            self.workers.close()

    def _crawl(self, faulty: FaultyS3) -> dict[str, Any]:
        events = usual_events(faulty, self.plan.event_seconds)
        timetable = Timetable(self.workers, random.Random(self.plan.seed + 1), events, self.plan.kill_seconds)
        started = time.monotonic()
        with timetable.running():
            while time.monotonic() < started + self.plan.most_seconds and self.workers.undone(self.sites):
                self.workers.tend()
                time.sleep(0.2)
        seconds, undone = time.monotonic() - started, self.workers.undone(self.sites)
        self.aims.left.clear()
        print(f"troubled run is done after {seconds:.0f} s, but for {len(undone)}", flush=True)
        codes, left = self.workers.finish(self.newer), self.workers.undone(self.sites)
        return {
            "seconds": round(seconds), "done_in_trouble": len(self.sites) - len(undone), "not_done": len(left),
            "undone": left,
            "kills_at_acts": self.aims.met.total(), "random_kills": timetable.random_kills,
            "bad_last_ends": codes.total(),
        }  # fmt: skip

    def _checked(self, faulty: FaultyS3, readers: Sequence[Machine]) -> dict[str, Any]:
        """What the store, the machines and the sites' servers say once it is over, read as the newer version does."""
        home_at = home_times(faulty)
        store, lines = store_at(ADDRESS), self._lines()
        causes = {cause: sum(1 for line in lines if re.search(pattern, line)) for cause, pattern in _LINES.items()}
        self.again = set(asked_again(self.sites, home_at))
        findings = self._said(readers[0], "verify", str(self.workers.list), "--store", ADDRESS)
        status = [self._said(reader, "status", "--store", ADDRESS, "--json") for reader in readers]
        acts = {name: [self.aims.met[name, side] for side in SIDES] for name in ACTS}
        return {
            "acts": acts, "acts_not_met": sum(0 in counts for counts in acts.values()),
            "lines": causes, "causes_without_a_line": sum(not count for count in causes.values()),
            "tracebacks": sum("Traceback" in line for line in lines),
            "urls_home": len(home_at),
            "requests": sum(len(site.log) for site in self.sites), "requests_repeated": repeated_count(self.sites),
            "states": len(faulty.stated), "refusals": dict(faulty.refusals),
            "held_leases": len(self._held_leases(store)), "secrets": len(list(self._secrets(store))),
            "findings": int(bool(findings.strip())), "status_differs": int(status[0] != status[1] or not status[0]),
            "copies_left": sum(len(machine.copies) for machine in self.workers.machines.values()),
            "codes": {name: dict(machine.codes) for name, machine in self.workers.machines.items()},
            "newer_sites": sum(record.get("format") == site_lease.FORMAT for record in faulty.records.values()),
            "bytes": self._bytes(faulty), "details": {"again": sorted(self.again)[:20], "findings": findings[:2000]},
        } | self._strays(store)  # fmt: skip

    def _lines(self) -> list[str]:
        return [line for machine in self.workers.machines.values() for line in machine.lines]

    def _said(self, reader: Machine, *words: str) -> str:
        out, _ = self.workers.command(reader, "fleet", *words, errors=subprocess.STDOUT).communicate(timeout=PATIENCE)
        return (out or b"").decode()

    def _held_leases(self, store: ObjectStore) -> list[str]:
        """Sites that nobody may take although nobody has them, for who watches them as long as a lease lasts."""
        watch = LeaseWatch(LeaseTerms(LEASE_SECONDS, 2.0))
        held = {site.name for site in self.sites}
        deadline = time.monotonic() + 3 * LEASE_SECONDS
        while held and time.monotonic() < deadline:
            held = {name for name in held if not watch.is_free(record_key(name), read_site(store, name))}
            time.sleep(1.0 if held else 0.0)
        return sorted(held)

    def _strays(self, store: ObjectStore) -> dict[str, int]:
        """Pieces that no state names, before they are collected and after, and those that are missing."""
        left = collected = lost = 0
        for site in self.sites:
            key = read_site(store, site.name).manifest
            if not key:
                continue
            named = {key, *read_manifest(store, key).keys}
            left += len(set(store.keys(f"sites/{site.name}/")) - named - {record_key(site.name)})
            with mock.patch.object(site_states, "_STRAY_SECONDS", -1e6):
                collect_pieces(store, site.name, key)
            kept = set(store.keys(f"sites/{site.name}/")) - {record_key(site.name)}
            collected, lost = collected + len(kept - named), lost + len(named - kept)
        return {"strays_before_collection": left, "stray_pieces": collected, "lost_pieces": lost}

    def _secrets(self, store: ObjectStore) -> Iterator[str]:
        """What has the bucket's secret in it: objects of the store, and files of the machines."""
        for key in store.keys(""):
            if SECRET.encode() in b"".join(store.chunks(key)):
                yield key
        for path in (self.folder / "troubled").rglob("*"):
            if path.is_file() and SECRET.encode() in path.read_bytes():
                yield str(path)

    def _bytes(self, faulty: FaultyS3) -> dict[str, dict[str, Any]]:
        """Requests and megabytes by what they were for, and the megabytes of the same states as whole databases."""
        sizes: dict[str, int] = {}
        of_database: set[str] = set()
        of_warc: set[str] = set()
        for state in faulty.stated:
            manifest = parse_manifest(faulty.objects[f"{PREFIX}/{state.manifest}"], state.manifest)
            sizes[state.manifest] = manifest.database.length
            of_database |= {f"{PREFIX}/{piece.key}" for piece in manifest.database.pieces}
            of_warc |= {f"{PREFIX}/{piece.key}" for file in manifest.warc_files for piece in file.pieces}
        up, down = Counter[str](), Counter[str]()
        for counts, sums in ((faulty.bytes_up, up), (faulty.bytes_down, down)):
            for name, count in counts.items():
                sums[self._row_of(name, of_database, of_warc)] += count
        rows = {name: {"put": mb(up[name]), "got": mb(down[name])} for name in sorted({*up, *down})}
        whole = {"put": sum(sizes.values()), "got": sum(sizes.values()) + sum(map(sizes.__getitem__, faulty.taken))}
        return {
            "requests": dict(faulty.requests), "rows": rows,
            "database": {"before": mb(whole["put"] + whole["got"]), "put_before": mb(whole["put"]),
                         "got_before": mb(whole["got"]),
                         "after": mb(up["database pieces"] + down["database pieces"])},
        }  # fmt: skip

    def _row_of(self, name: str, of_database: set[str], of_warc: set[str]) -> str:
        if "/pieces/" in name:
            named = "WARC pieces" if name in of_warc else "pieces of no state"
            return "database pieces" if name in of_database else named
        if "lease" in name or name in ("state manifest", "get record"):
            return "records"
        return "manifests" if "manifest" in name else "lists and deletions" if name in ("list", "delete") else "other"


def mb(count: int) -> float:
    return round(count / 1e6, 2)


def repeated_count(sites: Iterable[FleetSite]) -> int:
    """How many requests for a page were not the first for it."""
    counts = Counter((site.name, seen.path) for site in sites for seen in site.log)
    return sum(count - 1 for count in counts.values())


def crawl_undisturbed(sites: Sequence[FleetSite], folder: Path) -> None:
    """Crawl each site once, into an archive of its own, without a store."""
    folder.mkdir()
    warm_processes: queue.SimpleQueue[WarmProcess] = queue.SimpleQueue()
    for _ in range(_QUIET_PARALLEL):
        warm_processes.put(WarmProcess())

    def crawl(site: FleetSite) -> None:
        words = ("crawl", site.start, "--db", f"{site.name}.db", "--allow-private", "--delay", "0", "-q")
        process = warm_processes.get()
        code, _, errors = process.run(
            "broadsheet.crawler.cli", [*words, "--concurrency", "1"], environment(), folder, 5 * PATIENCE
        )
        warm_processes.put(process)
        assert code == 0, errors
        site.log.clear()

    with ThreadPoolExecutor(_QUIET_PARALLEL) as pool:
        list(pool.map(crawl, sites))


def compared(sites: Sequence[FleetSite], quiet: Path, folder: Path, again: set[str]) -> dict[str, Any]:
    """Each site's archive in the store, and the one of an undisturbed crawl, compared; `again` are the URLs that were
    fetched once more after they were home.
    """
    place = StorePlace(ADDRESS, "", "")
    differing: dict[str, list[str]] = {}
    looked_at: set[str] = set()
    articles = 0
    for site in sites:
        troubled = stored_archive(place, site.name, folder)
        looked_at |= set(looked_at_again(troubled.path))
        lines = content_differences(quiet / f"{site.name}.db", troubled.path)
        if lines := [*(line for line in lines if not line.startswith(_BY_DESIGN)), *troubled.findings]:
            differing[site.name] = lines[:5]
        articles += troubled.article_count
    due_looks, rest = len(looked_at & again), len(again - looked_at)
    return {
        "articles": articles, "differing_sites": len(differing), "differences": differing,
        "due_looks": due_looks, "fetched_after_home": rest,
    }  # fmt: skip


def looked_at_again(archive: Path) -> list[str]:
    """URLs that were looked at once more when they were due, as they are after an hour by a clock that is ahead."""
    with closing(open_database(archive, read_only=True)) as db:
        return [url for (url,) in db.execute(_LOOKED_AT).fetchall()]


def measure(sites: Sequence[FleetSite], folder: Path, plan: Plan) -> dict[str, Any]:
    """Crawl all sites without trouble, then with it; what came of it."""
    started = time.monotonic()
    crawl_undisturbed(sites, folder / "quiet")
    quiet_seconds = time.monotonic() - started
    print(f"undisturbed run is done after {quiet_seconds:.0f} s", flush=True)
    with running_s3_server(free_port()) as server, mock.patch.dict(os.environ, server.environment):
        make_store(ADDRESS)
        proof = Proof(sites, folder, plan)
        figures = proof.run(server)
        with as_the_newer_version():
            figures |= compared(sites, folder / "quiet", folder / "stored", proof.again)
    figures |= {"counted_faults": FAULTS, "sites": len(sites), "workers": 4, "kills": proof.workers.kills.total()}
    figures |= {"quiet_seconds": round(quiet_seconds), "load": round(os.getloadavg()[0], 1)}
    return figures


def main(arguments: argparse.Namespace) -> int:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sites = [*stack.enter_context(served_sites(arguments.sites, _PAGES))] if arguments.sites else []
        real = names() if arguments.real == ["all"] else arguments.real
        sites += stack.enter_context(small_real_sites(real, arguments.most_pages))
        plan = Plan(arguments.seed, arguments.event_seconds, arguments.most_seconds)
        figures = measure(sites, Path(folder), plan)
        figures |= {"seed": arguments.seed, "generated": arguments.sites, "real": len(real)}
        figures |= {"most_pages": arguments.most_pages}
        if arguments.logs:
            arguments.logs.mkdir(parents=True, exist_ok=True)
            for log in Path(folder).glob("troubled/*/worker.log"):
                (arguments.logs / f"{log.parent.name}.log").write_bytes(log.read_bytes())
    print(json.dumps(figures, indent=1), flush=True)
    arguments.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    if arguments.out == RESULTS:
        refresh_documents(RESULTS)
    faults = [name for name in FAULTS if figures[name]]
    print("faults:", ", ".join(faults) or "none")
    return int(bool(faults))


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=60)
    parser.add_argument("--real", nargs="*", default=["all"], metavar="NAME")
    parser.add_argument("--most-pages", type=int, default=10)
    parser.add_argument("--seed", type=int, default=37)
    parser.add_argument("--event-seconds", type=float, default=35.0)
    parser.add_argument("--most-seconds", type=float, default=1200.0, help="Of the troubled run.")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="Keep what the workers said.")
    parser.add_argument("--out", type=Path, default=RESULTS)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main(parsed(sys.argv[1:])))
