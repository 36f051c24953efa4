"""One turn of a fleet: the tasks that are due, run by an engine, each with its record as soon as it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from broadsheet.crawler.fleet.due import UNFINISHED
from broadsheet.crawler.fleet.notify import is_worth_telling, notify
from broadsheet.crawler.fleet.records import RecordFolder, SiteRecord, digest_of
from broadsheet.crawler.fleet.site_counts import page_count
from broadsheet.crawler.fleet.site_task import Engine, SiteEnd, SiteResult, SiteTask
from broadsheet.output.db.clock import utc_now

_FAILURES = (SiteEnd.FAILED, SiteEnd.BAD_OPTIONS, SiteEnd.UNSUITABLE_DISK)
_NAMED_SITES = 3  # in a progress line


@dataclass
class FleetTurn:
    """Runs tasks on an engine, writes their records, and tells whom they name. `warn` gets lines for a person."""

    tasks: Sequence[SiteTask]
    engine: Engine
    records: RecordFolder
    warn: Callable[[str], None]
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    results: list[SiteResult] = field(default_factory=list, init=False)

    def run(self) -> None:
        """Run the tasks to their end, or until the engine is stopped."""
        tasks_by_name = {task.name: task for task in self.tasks}
        self.engine.run(self.tasks, lambda result: self._take(tasks_by_name[result.name], result))

    def progress_line(self) -> str:
        """How far the turn is, and what is running, in one line."""
        running = self.engine.running()
        sites = ", ".join(f"{task.name} {page_count(task.archive):,} pages" for task in running[:_NAMED_SITES])
        rest_count = len(running) - _NAMED_SITES
        rest = f" and {rest_count} more" if rest_count > 0 else ""
        failed_count = sum(result.end is not SiteEnd.DONE for result in self.results)
        failures = f", {failed_count:,} of them not well" if failed_count else ""
        return f"{len(self.results):,} of {len(self.tasks):,} sites{failures}; running: {sites or 'none'}{rest}"

    def _take(self, task: SiteTask, result: SiteResult) -> None:
        self.results.append(result)
        if result.end not in (SiteEnd.IN_USE, SiteEnd.NOT_STARTED):  # these say nothing new of the site
            try:
                self.records.write(self._record(task, result))
            except OSError as error:
                self.warn(
                    f"{result.name}: the record cannot be written, so its next turn comes early: {error.strerror}"
                )
        for line in notify(task.notify_commands, result) if is_worth_telling(result) else ():
            self.warn(line)

    def _record(self, task: SiteTask, result: SiteResult) -> SiteRecord:
        is_crawled = task.is_update or result.end is SiteEnd.DONE
        earlier = self.records.read(task.name)
        failures = 1 + (earlier.failures if earlier else 0) if result.end in _FAILURES else 0
        turn_at = self.started_at.isoformat(timespec="seconds")
        return SiteRecord(result, turn_at, utc_now(), digest_of(task.crawl_words), is_crawled, failures)


def turn_exit_code(results: Sequence[SiteResult]) -> int:
    """0 if every site ended well, 75 if some are only in other hands or unfinished, 1 if one failed."""
    ends = {result.end for result in results} - {SiteEnd.DONE}
    return 0 if not ends else 75 if ends <= set(UNFINISHED) - {SiteEnd.KILLED} else 1
