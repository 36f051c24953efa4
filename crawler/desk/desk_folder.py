"""The folder that a desk manages: the list of its sites, its archives, when they are due, and the desk's settings.

The list is the fleet's own, `sites.toml`: `fleet run` can run the folder, and a fleet's folder can be managed. The
desk adds a table for a site, and changes its `every`; all else is left as a person wrote it. Nothing that leads out of
the folder is touched.
"""

from __future__ import annotations

import json
import re
import socket
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.archive.archive_lock import is_owned
from broadsheet.output.archive.atomic_writes import whole_file
from broadsheet.output.browse.library import ArchiveFile, Library
from broadsheet.output.raw.warc_folders import MERGED_ENDING, RAW_ENDING

from ..cli.command_line import CommandError, duration, is_nonempty_file
from ..crawl.early_checks import checked_seeds
from ..fetch.addresses import PRIVATE_VERDICTS, address_verdict
from ..fleet.fleet_folder import RecordFolder, disk_problem
from ..fleet.fleet_turn import site_task
from ..fleet.site_processes import default_parallel
from ..fleet.site_records import next_due
from ..fleet.sites_file import SITE_NAME, Site, SiteList, free_name, line_of, new_sites_file, quoted, with_scheme
from ..options import OptionError
from .jobs import FOLDER, TRIAL, Job, JobFolder, Order

LIST = "sites.toml"
_SETTINGS = "desk.json"
_AGAIN_SECONDS = 600.0  # after a job of a site, until the schedule starts another, whatever the records say
_ARCHIVE_ENDING = ".db"
_TRIAL_PAGES = 10


class HostPreview(NamedTuple):
    """A host as it is known before it is asked: its addresses, and why the guard refuses it, empty if it does not."""

    host: str
    addresses: tuple[str, ...]
    refusal: str
    is_private: bool = False


@dataclass(frozen=True)
class DeskFolder:
    """A folder of archives that is managed.

    `read_list` reads and checks a list of sites. With `allow_private` private addresses may be crawled.
    """

    root: Path
    read_list: Callable[[Path], SiteList]
    allow_private: bool
    _known: dict[tuple[int, int, int], SiteList] = field(default_factory=dict, compare=False)

    @property
    def list_file(self) -> Path:
        """Return the path of the list of sites."""
        return self.inside(self.root / LIST)

    def fleet(self) -> SiteList:
        """Read the list of sites; one without sites if there is none yet. CommandError for a mistake in it."""
        if not self.list_file.exists():
            return SiteList(self.list_file, self.root, 0, 4, ())
        status = self.list_file.stat()
        key = (status.st_mtime_ns, status.st_size, status.st_ino)
        if key not in self._known:
            fleet = self.read_list(self.list_file)
            self.inside(fleet.folder)
            self._known.clear()
            self._known[key] = fleet
        return self._known[key]

    def inside(self, path: Path) -> Path:
        """Return a path in the folder. CommandError for one that leads out of it, as a link may."""
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise CommandError(f"{path} leads out of {self.root}: the desk leaves it alone")
        return path

    def archive(self, name: str) -> Path:
        """Return the path of an archive with its WARC files, all in the folder."""
        path = self.fleet().folder / f"{name}{_ARCHIVE_ENDING}"
        for ending in ("", RAW_ENDING, MERGED_ENDING):
            self.inside(Path(f"{path}{ending}"))
        return path

    def site(self, name: str) -> Site | None:
        """Return a site of the list by its name."""
        return next((site for site in self.fleet().sites if site.name == name), None)

    def records(self) -> RecordFolder:
        """Return the records of the sites."""
        return RecordFolder(self.fleet().folder)

    def due_at(self, site: Site) -> datetime | None:
        """Return when a site is due; None for at once."""
        return next_due(site, self.records().read(site.name))

    def refresh(self, library: Library) -> None:
        """Bring a room's library in step with the archives that are in the folder now."""
        found: dict[str, ArchiveFile] = {}
        for path in sorted(self.fleet().folder.glob(f"*{_ARCHIVE_ENDING}")):
            is_own = SITE_NAME.fullmatch(path.stem) and path.is_file() and not path.is_symlink()
            if is_own and path.stat().st_size:
                archive = library.archives.get(path.stem) or ArchiveFile(path.stem, path.resolve())
                if path.stem in library.archives or self.site(path.stem) or archive.is_readable:
                    found[path.stem] = archive
        library.archives = found

    # Orders.

    def trial_order(self, url: str, token: str) -> Order:
        """Return the order of a trial crawl of a few pages. CommandError for an address that the guard refuses."""
        seed, preview = self.preview(url)
        if preview.refusal:
            raise CommandError(preview.refusal)
        name = f"{FOLDER}/{TRIAL}{token}{_ARCHIVE_ENDING}"
        words = ["crawl", "--db", str(self.fleet().folder / name), f"--max-pages={_TRIAL_PAGES}", "--max-time=5m"]
        words += ["--no-warc", *(["--allow-private"] if preview.is_private else [])]
        return Order(f"Ten pages of {preview.host}", name, (*words, "--", seed), (preview.host,), is_trial=True)

    def site_order(self, site: Site, verb: str = "", *further: str) -> Order:
        """Return the order of a site's turn, as `fleet run` would do it; or of this verb with its words and options."""
        fleet, path = self.fleet(), self.archive(site.name)
        due = site_task(fleet, site, self.records().read(site.name), datetime.now(UTC))
        task = replace(due, is_update=(due.is_update and verb != "crawl") or bool(further))
        words = task.command(path)
        words = (*words[:2], *further, *words[2:]) if words[0] == "update" else words
        options = words[: words.index("--")] if "--" in words else words
        if "--allow-private" in options and not self.allow_private:
            raise CommandError("the list allows private addresses to this site: the desk has to be started so too")
        title = f"{'Look again at' if words[0] == 'update' else 'Crawl'} {site.name}"
        return Order(title, site.name, words, site.hosts, None if further and not due.is_update else task)

    def verb_order(self, title: str, name: str, verb: str, *words: str, result: str = "") -> Order:
        """Return the order of another verb on an archive of the folder."""
        path = self.archive(name)
        if not is_nonempty_file(str(path)):
            raise CommandError(f"there is no archive {name} yet")
        site = self.site(name)
        crawls = verb in ("crawl", "update")
        own = ["--allow-private"] if crawls and self.allow_private else []
        place = ["--db", str(path)] if verb == "crawl" else [str(path)]
        hosts = site.hosts if crawls and site else ()
        return Order(title, name, (verb, *place, *own, *words), hosts, result=result)

    # The list.

    def preview(self, url: str) -> tuple[str, HostPreview]:
        """Return the start URL that a person typed, and what is known of its host. CommandError for anything else."""
        try:
            [seed] = checked_seeds((with_scheme(url),), True)
        except OptionError as error:
            raise CommandError(str(error)) from error
        parts = urlsplit(seed)
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return seed, HostPreview(parts.netloc, (), f"no such host, or no network: {parts.hostname}")
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        verdicts = [verdict for address in addresses if (verdict := address_verdict(address))]
        refused = [one for one in verdicts if not (self.allow_private and one in PRIVATE_VERDICTS)]
        kind = refused[0].replace("_", " ") if refused else ""
        refusal = f"refused: {parts.hostname} has a {kind} address ({', '.join(addresses)})" if refused else ""
        return seed, HostPreview(parts.netloc, addresses, refusal, bool(verdicts))

    def add_site(self, url: str, every: str, contact: str = "") -> Site:
        """Add a site to the list, and return it. CommandError for what the list cannot have."""
        seed, preview = self.preview(url)
        if preview.refusal:
            raise CommandError(preview.refusal)
        fleet = self.fleet()
        taken = {site.name for site in fleet.sites} | {path.stem for path in fleet.folder.glob(f"*{_ARCHIVE_ENDING}")}
        name = free_name(seed, taken)
        lines = [f"[sites.{quoted(name)}]", f"urls = [{quoted(seed)}]", f"every = {quoted(every)}"]
        lines += [f"contact = {quoted(contact)}"] if contact and fleet.sites else []
        lines += ["allow-private = true"] if preview.is_private else []
        self._write_list(f"{self._list_text(contact)}\n" + "\n".join(lines) + "\n")
        site = self.site(name)
        assert site is not None
        return site

    def set_every(self, name: str, every: str) -> None:
        """Change how often a site is looked at, and nothing else in the list.

        CommandError where the list is not written as one table a site.
        """
        text = self._list_text("")
        path, wanted = ("sites", name, "every"), tomllib.loads(text)
        has_own = "every" in wanted["sites"][name]
        number = line_of(text, path if has_own else path[:2])
        lines = text.splitlines(keepends=True)
        lines[number - 1 if has_own else number : number] = [f"every = {quoted(every)}\n"]
        wanted["sites"][name]["every"] = every
        self._write_list("".join(lines), wanted)

    def _list_text(self, contact: str) -> str:
        """Return the list as it is; of a new one its head, by which the archives lie beside it."""
        if self.list_file.exists():
            return self.list_file.read_text("utf-8")
        head = new_sites_file(("site.example",), contact).partition("\n[sites.")[0]
        return head.replace('folder = "archives"  ', 'folder = "."         ')

    def _write_list(self, text: str, wanted: Mapping[str, Any] | None = None) -> None:
        """Replace the list if the new text parses and says what is wanted."""
        new = self.list_file.with_name(f".{LIST}.new")
        try:
            new.write_text(text, "utf-8")
            self.read_list(new)
            if wanted is not None and tomllib.loads(text) != wanted:
                raise CommandError(f"{LIST} is written in a way that the desk does not change: write it there by hand")
        except (CommandError, tomllib.TOMLDecodeError) as error:
            raise CommandError(str(error).replace(str(new), LIST)) from error
        finally:
            new.unlink(missing_ok=True)
        with whole_file(self.list_file) as stream:
            stream.write(text.encode())

    # The schedule.

    @property
    def keeps_schedule(self) -> bool:
        """Tell whether the open desk looks at sites when they are due."""
        try:
            return bool(json.loads(self._settings.read_bytes())["keeps_schedule"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def keep_schedule(self, is_kept: bool) -> None:
        """Have the open desk look at sites when they are due, or not."""
        with whole_file(self._settings) as stream:
            stream.write(json.dumps({"keeps_schedule": is_kept}).encode())

    @property
    def _settings(self) -> Path:
        return self.fleet().folder / FOLDER / _SETTINGS

    def order_due(self, jobs: JobFolder) -> None:
        """Queue jobs for the due sites, except those being crawled or whose last job a person stopped."""
        now, latest = datetime.now(UTC), latest_jobs(jobs.jobs())
        for site in self.fleet().sites:
            job, due = latest.get(site.name), self.due_at(site)
            is_free = job is None or _may_follow(job, now)
            if is_free and (due is None or due <= now) and not is_owned(self.archive(site.name)):
                jobs.add(self.site_order(site))


def open_folder(root: Path) -> None:
    """Make the folder, for its owner alone, if there is none. NotReachable if it cannot hold archives."""
    if problem := disk_problem(root):
        raise NotReachable(problem)
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NotReachable(f"the folder {root} cannot be made: {error.strerror}") from error


def make_jobs(folder: DeskFolder, environment: Mapping[str, str]) -> JobFolder:
    """Return the jobs of a folder; their own folder is made."""
    fleet = folder.fleet()
    own = folder.inside(fleet.folder / FOLDER)
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    jobs = JobFolder(fleet.folder, environment)
    jobs.parallel = fleet.parallel or default_parallel()
    return jobs


def latest_jobs(jobs: list[Job]) -> dict[str, Job]:
    """Return the latest job that crawls each archive, by its name."""
    latest: dict[str, Job] = {}
    for job in jobs:
        if job.order.verb in ("crawl", "update") and not job.order.is_trial:
            latest.setdefault(job.order.archive, job)
    return latest


def _may_follow(job: Job, now: datetime) -> bool:
    """Tell whether the schedule may start another job after this one. What a person stopped, a person starts again."""
    if not job.state.is_over or job.is_stopped_by_person:
        return False
    return (now - datetime.fromisoformat(job.ended_at)).total_seconds() >= _AGAIN_SECONDS


def checked_every(text: str) -> str:
    """Return a time between two looks as the list has it. CommandError for none, or one under a minute."""
    if not re.fullmatch(r"\d{1,4}[mhd]", text) or duration(text) < 60:
        raise CommandError("the time between two looks is a number with m, h or d")
    return text
