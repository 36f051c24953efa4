"""One run of a crawl on one archive: the file it owns, its writer, its queue and the record of the run."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cleaners.lineage import CLEANER_VERSION
from cleaners.urls.canonical import host_of
from crawler import __version__
from crawler.answers.obey_directives import REASONS
from crawler.discovery.scope import Scope
from crawler.options import CrawlOptions
from crawler.session.writer import ENOUGH, Writer
from crawler.workers.settle_pool import settle_shared
from output.db.clock import utc_now
from output.db.open import open_database
from output.exports.rows import articles
from output.outcome import Found, Outcome
from output.queue.imports import take_up
from output.queue.requeue import HOSTS_BACK, Passing
from output.queue.resume import came_by, first_start, moved_to
from output.queue.rows import Queue, QueuedUrl
from output.report.rates import survey
from output.watch.requeue_due import Update, validators
from output.watch.when_due import Pace
from output.write.archive import Archive

_LIBRARIES = ("scrapy", "trafilatura", "lxml", "sqlite-utils")
SEED_PRIORITY = 100


@dataclass(frozen=True, slots=True)
class Allowed:
    """What this run may ask beside the usual: ports, and private addresses."""

    ports: frozenset[int] = frozenset()
    private: bool = False


class CrawlSession:
    """Owns the archive from `open` to `close`. Outcomes are stored by a writer thread; reads have their own eyes."""

    def __init__(self, archive: Archive, reading: object, options: CrawlOptions) -> None:
        self._archive = archive
        self._reading = reading
        self._options = options
        self._writer: Writer | None = None
        self._run_id = 0
        self.due = 0
        """URLs that this run was to look at again when it began."""
        self.queue = Queue(reading)  # type: ignore[arg-type]
        self.stored: dict[str, int] = {}
        self.under_way: Callable[[], int] = lambda: ENOUGH
        """How many URLs are under way, as the writer asks it; to be set before `start`."""

    @classmethod
    def open(cls, path: str | Path, options: CrawlOptions, *, every_commit: bool = False) -> CrawlSession:
        """Open or make the archive, as `Archive.open` does. ArchiveError, in one line, if it cannot be used."""
        archive = Archive.open(path, every_commit=every_commit)
        return cls(archive, open_database(path, read_only=True), options)

    def keep_raw(self, user_agent: str, size: int) -> None:
        """Keep raw responses, in WARC files of `size` bytes."""
        self._archive.keep_raw(_about(user_agent, self._options.contact), size)

    @property
    def raw_bytes(self) -> int:
        """Bytes of raw responses kept, by this run and earlier ones."""
        return self._archive.raw_bytes

    @property
    def cut_back(self) -> int:
        """Bytes of raw responses that an earlier run could not commit, and that were cut off."""
        return self._archive.cut_back

    @property
    def short_files(self) -> tuple[str, ...]:
        """WARC files that are missing, or shorter than what was committed to them."""
        return self._archive.short_files

    def start(
        self, command: str, seeds: tuple[Found, ...], scope: Scope | None = None, allowed: Allowed | None = None
    ) -> int:
        """Note the run, queue its seeds, and begin to write. Returns how many URLs were queued before.

        What an import named and did not hold is queued too, as far as it is in the scope. What earlier runs left for
        a reason that is over, such as a port that is `allowed` now, is queued while the crawl goes on. As far as it is
        in the scope, what is due is looked at again.
        """
        waiting = self.queue.counts()["queued"]
        since = first_start(self._archive.db, self._options.revisit)
        self._run_id = self._archive.start_run(command, self._options.as_values(), versions())
        self._archive.requeue(self._passing(allowed))
        self.queue.more_coming = lambda: self._archive.left_over.more
        Queue(self._archive.db).add_seeds(seeds)
        if scope is not None:
            take_up(self._archive.db, lambda url, depth: scope.decide(url, max(depth, 1)).fetch)
            self._look_again(since, scope)
        self._writer = Writer(self._archive, self.under_way)
        return waiting

    def _passing(self, allowed: Allowed | None) -> Iterator[Passing]:
        """The reasons of earlier runs that need not hold for this one."""
        yield from HOSTS_BACK
        obeyed = () if self._options.obey_directives else REASONS
        yield from (Passing("skipped", reason) for reason in ("limit", "robots_unreachable", *obeyed))
        if allowed is None:
            return
        for state in ("skipped", "failed"):  # failed: given up with the host's robots.txt
            yield from (Passing(state, "port", port) for port in sorted(allowed.ports))
            if allowed.private:
                yield Passing(state, "private_address")

    def _look_again(self, since: str, scope: Scope) -> None:
        """Queue again what the options ask for. What is merely due waits until a crawl is finished."""
        asked = self._options.revisit
        finished = self.queue.is_empty() and not self._archive.left_over.more
        if asked and (asked != "due" or finished):
            pace = Pace(self._options.every, asked == "all")

            def wanted(url: str, depth: int) -> bool:
                return scope.decide(url, depth).fetch

            update = Update(pace, since or utc_now(), wanted, files=asked != "due", resumed=bool(since))
            self.due = self._archive.look_again(update)

    def validators(self, queued: QueuedUrl) -> dict[str, str]:
        """The headers that ask for a known URL only if it has changed."""
        return validators(self._reading, queued.id, queued.url)  # type: ignore[arg-type]

    def redirects(self, seeds: tuple[str, ...], most: int) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
        """The redirects that led to what is queued, and where the seeds moved, as earlier runs found them."""
        reading: Any = self._reading
        return came_by(reading, most), moved_to(reading, seeds, most)

    async def store(self, outcome: Outcome) -> None:
        """Store an outcome; returns when it is committed."""
        assert self._writer is not None
        await self._writer.save(outcome)
        key = f"{outcome.state}/{outcome.reason}"
        self.stored[key] = self.stored.get(key, 0) + 1
        if outcome.whole_host:
            self.stored[key] += self._archive.given_up.pop(key, 0)

    def settle(self) -> None:
        """Judge again with what the whole site shows."""
        self._stop_writing()
        settle_shared(self._archive.db)

    def articles(self) -> Iterator[dict[str, object]]:
        """The archive's articles, one at a time."""
        return articles(self._reading)  # type: ignore[arg-type]

    def skip_rest(self) -> int:
        """Mark what is still queued as left out for the crawl's limits; a later run with wider ones takes it up."""
        return self._archive.skip_queued("limit")

    def close(self, outcome: str, reason: str) -> None:
        """Settle what a stopped crawl left unsettled, note how the run ended, and give the file free."""
        self._stop_writing()
        try:
            if outcome == "stopped":
                settle_shared(self._archive.db)
            if outcome != "failed":
                survey(self._archive.db, self._run_id, utc_now())
            self._archive.finish_run(self._run_id, outcome, reason, self.stored)
        finally:
            self._reading.close()  # type: ignore[attr-defined]
            self._archive.close()

    def _stop_writing(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def seeds_of(urls: tuple[str, ...]) -> tuple[Found, ...]:
    """The rows of a crawl's seeds."""
    return tuple(Found(url, host_of(url), "page", "seed", priority=SEED_PRIORITY) for url in urls)


def _about(user_agent: str, contact: str) -> dict[str, str]:
    """What a WARC file says of itself (ISO 28500, section 6.1.2)."""
    return {
        "software": f"Broadsheet/{__version__}",
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
        "http-header-user-agent": user_agent,
        "operator": contact,
    }


def versions() -> dict[str, str]:
    """The versions of what makes an archive, for the record of a run."""
    ours = {"broadsheet": __version__, "cleaner": CLEANER_VERSION, "python": platform.python_version()}
    return ours | {name: version(name) for name in _LIBRARIES}
