"""Tasks of a fleet, one crawl or update of one site each, their results, and the interface of engines.

An engine runs each task somewhere, and hands back one result for each. The default one runs them as processes on this
machine; another may have a cluster.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ..cli.command_line import is_file_of_receivers, is_nonempty_file

_WAIT = ("--wait", "2m")
"""A crawl whose starter was killed may still be stopping when the next one is started: it has so long for that."""

IN_USE_CODE = 75
"""The exit code of a command whose archive another crawl owns."""


class SiteEnd(StrEnum):
    """The end of the crawl of a site."""

    DONE = "done"
    FAILED = "failed"
    """No article, every start URL failed, or the archive cannot be used: exit code 1."""
    BAD_OPTIONS = "bad_options"
    """The command line makes no sense: exit code 2."""
    IN_USE = "in_use"
    """Another crawl owned the archive for longer than the task was willing to wait: exit code 75."""
    OVERTAKEN = "overtaken"
    """A takedown, or somebody else's attempt, was published first; the same task goes on from there."""
    STOPPED = "stopped"
    """Stopped by a signal in good order; the same task goes on from there."""
    KILLED = "killed"
    """The process died without a word: kill -9, no memory, a power cut. The same task goes on from there."""
    NOT_STARTED = "not_started"
    """It could not be started at all, or the engine was stopped before."""
    UNSUITABLE_DISK = "unsuitable_disk"
    """The archive would lie on a file system that cannot hold one."""

    @property
    def words(self) -> str:
        """Return the end as a person reads it."""
        return self.replace("_", " ")


def is_receiver(word: str) -> bool:
    """Tell whether a word of `notify` is an address or a TOML file of them, and no command.

    A word with a space in it is a command, unless it is the name of a file that is there.
    """
    is_file = is_file_of_receivers(word) and (" " not in word or Path(word).is_file())
    return is_file or ("://" in word and " " not in word)


@dataclass(frozen=True, slots=True)
class SiteTask:
    """A crawl or update of one site.

    `crawl_words` and `update_words` are the arguments of `broadsheet crawl` and `broadsheet update`: start URLs and
    options as they are typed, without the verb and without the archive, which an engine puts where it has room.
    """

    name: str
    """Unique in the fleet, and safe as the name of a file."""
    archive: Path
    crawl_words: tuple[str, ...]
    update_words: tuple[str, ...] = ()
    is_update: bool = False
    """Whether an earlier crawl was finished with these very words, so that it is time to look again."""
    due_at: str = ""
    """When it became due, in UTC, ISO 8601; empty for a site that was never crawled."""
    notify: tuple[str, ...] = ()
    """Whom to tell of what came of it: addresses and TOML files as `crawl --notify` takes them, and commands."""
    hosts: tuple[str, ...] = ()
    """The hosts of the start URLs. Two tasks that share one must not run at once: pace is a host's, and kept by one
    crawl."""
    every: float = 0.0
    """The seconds between two turns."""
    words_digest: str = ""
    """The digest of what it is crawled with, the same on every machine."""
    turn_at: str = ""
    """When the turn began, in UTC, ISO 8601; empty for when the crawl ends."""
    after: str = ""
    """When the turn ended of whose record the task was made; empty for none."""

    def command(self, archive: Path) -> tuple[str, ...]:
        """Return the words after `broadsheet` that run the task on an archive. A lost archive is crawled from the
        start.
        """
        if self.is_update and is_nonempty_file(str(archive)):
            return ("update", str(archive), *_WAIT, *self._notify_words(), *self.update_words)
        return ("crawl", "--db", str(archive), *_WAIT, *self._notify_words(), *self.crawl_words)

    @property
    def notify_commands(self) -> tuple[str, ...]:
        """Return the commands that the runner starts; addresses are told by the crawl itself, which knows the edits."""
        return tuple(word for word in self.notify if not is_receiver(word))

    def _notify_words(self) -> tuple[str, ...]:
        return tuple(text for word in self.notify if is_receiver(word) for text in ("--notify", word))


@dataclass(frozen=True, slots=True)
class SiteCounts:
    """The counts of one run of a site, in articles, alarms and URLs; `pages` and `articles` for a sense of size."""

    new: int = 0
    """Articles that came into the archive."""
    changed: int = 0
    """Articles that their publication edited."""
    withdrawn: int = 0
    alarms: int = 0
    failed: int = 0
    """URLs that failed in this run."""
    pages: int = 0
    """Pages fetched in this run."""
    articles: int = 0
    """Articles that the archive holds at the end."""


@dataclass(frozen=True, slots=True)
class SiteResult:
    """The result of a task. `message` is one line for a person where it did not go well."""

    name: str
    end: SiteEnd
    exit_code: int
    archive: Path
    counts: SiteCounts = field(default_factory=SiteCounts)
    seconds: float = 0.0
    message: str = ""
    is_published: bool = False
    """Whether the site's head in a store has it, with the archive."""

    @classmethod
    def without_run(cls, task: SiteTask, message: str, end: SiteEnd = SiteEnd.NOT_STARTED) -> SiteResult:
        """Make the result of a task that did not run."""
        code = IN_USE_CODE if end in (SiteEnd.IN_USE, SiteEnd.OVERTAKEN) else 1
        return cls(task.name, end, code, task.archive, message=message)


class WorkerLost(Exception):  # noqa: N818 - named by what it is
    """A worker did not bring a task to an end: it was killed, or is not heard of."""


class Engine(Protocol):
    """A runner of tasks, several at a time. It knows nothing of the list of sites, nor of what is due."""

    lost_seconds: float
    """After a worker was lost, so long until its task may run again: by then it has stopped its crawls."""

    def room(self) -> int:
        """Return how many tasks may be under way now. CommandError if there is nothing to run them any more."""
        ...

    def start(self, task: SiteTask, on_end: Callable[[SiteResult | WorkerLost], object]) -> None:
        """Start a task. `on_end` is called once, in any thread, with its result, or with why there is none.

        What a site does wrong is a result; an exception is a fault of ours.
        """
        ...

    def pages(self, task: SiteTask) -> int:
        """Return the number of pages that the archive of a running task has by now; 0 where that is not known yet."""
        ...

    def stop(self) -> None:
        """Stop what is running in good order. It may be called from any thread, and from a signal handler."""
        ...

    def close(self) -> None:
        """Let go. Crawls that are still running stop by themselves."""
        ...
