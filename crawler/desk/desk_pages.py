"""The pages and forms of a desk, beside those of the reading room: sites, jobs, and what can be done with an archive.

A form names what it means by words that the desk knows: an archive by its name in the folder, an action by a word of
`ACTIONS`. The words of a command come from here, never from a form, but for a URL, a time and a name, each checked.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote

import click
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from broadsheet.output.archive.archive_errors import ArchiveError
from broadsheet.output.archive.archive_lock import hold_lock, is_owned
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.browse.form_routes import FormHandler, read_form
from broadsheet.output.browse.home_page import ArchiveLine, list_archives
from broadsheet.output.browse.library import ArchiveFile
from broadsheet.output.browse.rendering import PageFrame
from broadsheet.output.browse.room import Room
from broadsheet.output.browse.strict_requests import Arguments, BadArgumentError, NotHereError, is_token, page_headers
from broadsheet.output.read.run_letter import RunLetter, read_letter
from broadsheet.output.read.stored_articles import find_stored_article
from broadsheet.output.read.takedown_remains import BACKUPS, Remainder, RemainsKind, find_remains
from broadsheet.output.write.takedowns import WILDCARD, Takedown, plan_takedown

from ..cli.command_line import duration
from ..fetch.identity import read_contact
from ..fleet.site_processes import PageCounter
from ..fleet.site_records import SiteRecord
from ..fleet.sites_file import SITE_NAME, Site
from ..options import OptionError
from .desk_folder import DeskFolder, checked_every, latest_jobs, make_jobs
from .jobs import FOLDER, Job, JobFolder, JobState, Order
from .metrics import CONTENT_TYPE, Figure, metrics_text

HOME = Path(__file__).parent
ROOT = "/~"
"""The beginning of the desk's addresses; no archive is called so."""
EVERY = {"1h": "every hour", "6h": "every six hours", "1d": "every day", "7d": "every week", "30d": "every month"}
_LIVE_SECONDS = 1.0
_NAMED = 8  # new articles on a job's page; Home has more
_TURN_SECONDS = 1.0
_LOOK_SECONDS = 15.0  # between two looks at what is due
_LOG = logging.getLogger(__name__)


class Action(NamedTuple):
    """A button of an archive: what it says, and the verb with its options."""

    label: str
    words: tuple[str, ...]


ACTIONS: Mapping[str, Action] = {
    "crawl": Action("Go on", ("crawl",)),
    "update": Action("Look again now", ("update",)),
    "all": Action("Look at every page again", ("update", "--all")),
    "pictures": Action("Fetch the pictures", ("update", "--pictures")),
    "reclean": Action("Clean again", ("reclean",)),
    "verify": Action("Verify", ("verify",)),
    "backup": Action("Back up", ("backup",)),
}
_REMEDIES = (
    (re.compile(r"broadsheet crawl --db|run the (?:same )?crawl again|crawl again later"), "crawl"),
    (re.compile(r"broadsheet update \S+ --pictures"), "pictures"),
    (re.compile(r"broadsheet update \S+ --all|with --all"), "all"),
    (re.compile(r"broadsheet update \S+(?! --)(?:$| \w)"), "update"),
    (re.compile(r"broadsheet reclean"), "reclean"),
)
"""What a remedy of the report says, and the action that does it."""
EXPORTS: Mapping[str, str] = {
    "csv": "a table (CSV)", "jsonl": "JSON, a line an article", "html": "one page to read (HTML)",
    "epub": "books (EPUB)", "markdown": "a folder of Markdown", "db": "a small SQLite file",
    "wacz": "the raw responses (WACZ)",
}  # fmt: skip
_FOLDERS = ("epub", "markdown")


def remedies(hint: str) -> list[tuple[str, str]]:
    """Return the actions, with their labels, that a remedy of the report names.

    >>> remedies("broadsheet update 'a b.db' --pictures asks once more")
    [('pictures', 'Fetch the pictures')]
    """
    hint = re.sub(r"'[^']*'", "PATH", hint)
    return [(action, ACTIONS[action].label) for pattern, action in _REMEDIES if pattern.search(hint)]


class SiteLine(NamedTuple):
    """A site or an archive on the front page."""

    name: str
    url: str
    line: ArchiveLine | None
    record: SiteRecord | None
    job: Job | None
    due: str


class Running(NamedTuple):
    """A crawl at work: an archive and the pages that it has by now; without a job a command elsewhere started it."""

    name: str
    pages: int
    job: Job | None


@dataclass(frozen=True)
class Desk:
    """A desk: the room in which it stands, its folder, and its jobs. `cron_line` keeps the schedule without it."""

    room: Room
    folder: DeskFolder
    jobs: JobFolder
    cron_line: str
    session: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    counter: PageCounter = field(default_factory=PageCounter)

    def routes(self) -> list[BaseRoute]:
        """Return the routes of the desk's pages and forms."""
        pages: dict[str, Callable[[Request], Response]] = {
            "/": self.show_front, f"{ROOT}/jobs/{{id}}": self.show_job, f"{ROOT}/archives/{{name}}": self.show_archive,
            f"{ROOT}/archives/{{name}}/forget": self.show_takedown, f"{ROOT}/files/{{id}}": self.send_result,
        }  # fmt: skip
        forms: dict[str, Callable[[Arguments], str]] = {
            "preview": self.try_site, "sites": self.add_site, "schedule": self.keep_schedule, "merge": self.merge,
            "jobs/{id}/stop": self.stop, "archives/{name}/orders": self.order, "archives/{name}/every": self.set_every,
            "archives/{name}/forgotten": self.forget,
        }  # fmt: skip
        return [
            Mount(f"{ROOT}/static", StaticFiles(directory=HOME / "static")),
            Route(f"{ROOT}/jobs/{{id}}/live", self.send_live),
            Route(f"{ROOT}/live", self.send_work),
            Route(f"{ROOT}/metrics", self._page(self.send_metrics)),
            *(Route(f"{ROOT}/{path}", self._form(act), methods=["POST"]) for path, act in forms.items()),
            *(Route(path, self._page(show)) for path, show in pages.items()),
        ]

    def gates(self, token: str) -> list[Middleware]:
        """Return the middleware that asks for a token, if there is one."""
        return [Middleware(TokenGate, token=token, session=self.session)] if token else []

    def _page(self, show: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            with _told_mistakes():
                self.folder.refresh(self.room.library)
                return show(request)

        return answer

    def _form(self, act: Callable[[Arguments], str]) -> FormHandler:
        """Return the handler of a form, which leads to the page that `act` names."""

        def carry_out(arguments: Arguments) -> Response:
            with _told_mistakes():
                self.folder.refresh(self.room.library)
                return RedirectResponse(act(arguments), 303)

        async def take(request: Request) -> Response:
            return await run_in_threadpool(carry_out, await read_form(self.room, request))

        return take

    def _html(self, template: str, name: str = "", **view: Any) -> Response:
        archive = self.room.library.archives.get(name)
        frame = self.room.frame(archive, "desk") if archive else PageFrame(token=self.room.token, may_write=True)
        answer = self.room.renderer.html(template, {"name": name, **view}, frame)
        policy = page_headers(self.room.raw_origin)["content-security-policy"]
        answer.headers["content-security-policy"] = f"{policy}; connect-src 'self'"
        return answer

    # Pages.

    def show_front(self, _: Request) -> Response:
        """Show the sites, the archives and the running jobs."""
        jobs = self.jobs.jobs()
        return self._html(
            "desk.html", lines=self._lines(jobs), **self._work_view(), past=jobs[:8],
            keeps_schedule=self.folder.keeps_schedule, cron_line=self.cron_line, folder=str(self.folder.root),
        )  # fmt: skip

    def send_metrics(self, _: Request) -> Response:
        """Send the figures of the front page as Prometheus reads them."""
        pages = Counter[str]()
        for work in self._work_view()["work"]:
            pages[work.name] = max(pages[work.name], work.pages)  # of an archive with a crawl and jobs that wait for it
        figures = [Figure("broadsheet_running_pages", name, count) for name, count in pages.items()]
        for name, _url, line, record, _job, due in self._lines(self.jobs.jobs()):
            if line and not line.fault:
                figures.append(Figure("broadsheet_articles", name, line.articles))
                figures.append(Figure("broadsheet_bytes", name, line.size))
            if due:
                figures.append(Figure("broadsheet_due", name, int(due == "now")))
            if record:
                figures.append(Figure("broadsheet_failed_turns", name, record.failures))
        return Response(metrics_text(figures), media_type=CONTENT_TYPE)

    def _lines(self, jobs: list[Job]) -> list[SiteLine]:
        lines = {line.name: line for line in list_archives(self.room.library).archives}
        latest, sites = latest_jobs(jobs), {site.name: site for site in self.folder.fleet().sites}
        return [self._line(name, sites.get(name), lines.get(name), latest.get(name)) for name in {**sites, **lines}]

    def _line(self, name: str, site: Site | None, line: ArchiveLine | None, job: Job | None) -> SiteLine:
        due = ""
        if site:
            moment = self.folder.due_at(site)
            due = "now" if moment is None or moment <= datetime.now(UTC) else utc_text(moment)
        url = ", ".join(site.urls[:1] or site.hosts) if site else ""
        return SiteLine(name, url, line, self.folder.records().read(name), job, due)

    def _work_view(self) -> dict[str, Any]:
        """Return the running jobs, and crawls that were started elsewhere, each with its number of pages."""
        jobs = [job for job in self.jobs.jobs() if not job.state.is_over]
        own = {job.order.archive for job in jobs if job.state is not JobState.QUEUED}
        elsewhere = [
            name for name in self.room.library.archives if name not in own and is_owned(self.folder.archive(name))
        ]
        work = [Running(job.order.archive, self._pages(job.order), job) for job in jobs]
        return {"work": [*work, *(Running(name, self.counter.count(self._file(name)), None) for name in elsewhere)]}

    def _pages(self, order: Order) -> int:
        """Return the pages of the archive that an order crawls; 0 for other verbs."""
        return self.counter.count(self._file(order.archive)) if order.verb in ("crawl", "update") else 0

    def _file(self, name: str) -> Path:
        return self.jobs.archives / (name if name.endswith(".db") else f"{name}.db")

    def show_job(self, request: Request) -> Response:
        """Show how far a job is, and what it printed; of a trial crawl what it found."""
        job = self._job(request.path_params["id"])
        return self._html("job.html", "" if job.order.is_trial else job.order.archive, **self._job_view(job))

    def _job_view(self, job: Job) -> dict[str, Any]:
        found = self._found(job) if job.order.is_trial and job.state.is_over else None
        file = self._result(job)
        return {
            "job": job, "output": self.jobs.output(job), "found": found, "every": EVERY,
            "file": file.name if file else "", "is_file": bool(file and file.is_file()),
            "letter": self._letter(job), "has_archive": job.order.archive in self.room.library.archives,
        }  # fmt: skip

    def _letter(self, job: Job) -> RunLetter | None:
        """Return the letter of a job's run, if that is its archive's last run."""
        archive = self.room.library.archives.get(job.order.archive)
        if archive is None or not job.ended_at or job.order.verb not in ("crawl", "update"):
            return None
        with suppress(ArchiveError), archive.open() as db:
            letter = read_letter(db, (), most_new=_NAMED)
            return letter if job.started_at <= letter.ended_at <= job.ended_at else None
        return None

    def _found(self, job: Job) -> dict[str, Any]:
        """Return what a trial crawl found: articles, what became of the URLs, robots.txt, and the guard's verdict."""
        url = job.order.words[-1]
        _, host = self.folder.preview(url)
        try:
            with ArchiveFile("trial", self.jobs.archives / job.order.archive).open() as db:
                return {
                    "url": url, "host": host,
                    "articles": db.execute("SELECT title, url FROM articles ORDER BY id LIMIT 10").fetchall(),
                    "urls": db.execute(_OUTCOMES).fetchall(), "robots": db.execute(_ROBOTS).fetchall(),
                }  # fmt: skip
        except ArchiveError:
            return {"url": url, "host": host, "articles": [], "urls": [], "robots": []}

    async def send_live(self, request: Request) -> Response:
        """Send what a job's page shows whenever it changes, until the job ends."""
        job_id = request.path_params["id"]
        self._job(job_id)

        def view() -> tuple[dict[str, Any], bool]:
            job = self._job(job_id)
            return self._job_view(job), job.state.is_over

        return self._live("job_parts.html", view)

    async def send_work(self, _: Request) -> Response:
        """Send the running jobs whenever they change, while the front page is open."""
        return self._live("work_parts.html", lambda: (self._work_view(), False))

    def _live(self, template_name: str, view: Callable[[], tuple[dict[str, Any], bool]]) -> Response:
        """Send a part of a page whenever it changes, until `view` says that it does no more."""
        template = self.room.renderer.environment.get_template(template_name)

        def rendered() -> tuple[str, bool]:
            with suppress(click.ClickException):
                self.folder.refresh(self.room.library)  # of a first crawl the archive appears meanwhile
            values, is_over = view()
            frame = PageFrame(token=self.room.token, may_write=True)
            return template.render(view={"name": "", **values}, frame=frame), is_over

        async def events() -> AsyncIterator[str]:
            sent: str | None = None
            while True:
                text, is_over = await run_in_threadpool(rendered)
                if text != sent:
                    yield "".join(f"data: {line}\n" for line in text.splitlines()) + "\n"
                    sent = text
                if is_over:
                    yield "event: over\ndata:\n\n"
                    return
                await asyncio.sleep(_LIVE_SECONDS)

        return StreamingResponse(events(), media_type="text/event-stream")

    def show_archive(self, request: Request) -> Response:
        """Show what can be done with an archive or a site, when it is due, and its jobs."""
        name = self._name(request.path_params["name"])
        site = self.folder.site(name)
        jobs = [job for job in self.jobs.jobs() if job.order.archive == name]
        line = self._line(name, site, None, next(iter(jobs), None))
        chosen = next((text for text in EVERY if site and duration(text) == site.every), "")
        return self._html(
            "manage.html", name, site=line, jobs=jobs[:12], every=EVERY, chosen=chosen, exports=EXPORTS,
            actions=ACTIONS, is_site=site is not None, has_archive=name in self.room.library.archives,
            own_every=site.every if site else 0,
        )  # fmt: skip

    def show_takedown(self, request: Request) -> Response:
        """Show what a takedown removes and what it cannot reach, and ask for the title."""
        name = self._name(request.path_params["name"])
        query = request.query_params.get("article", "")
        if not query:
            return self._html("forget.html", name, article=None, remains=[], takedown=None)
        article, takedown = self._planned(name, query)
        remains = find_remains(self.folder.archive(name), takedown)
        known = {one.place for one in remains}
        files = [str(file) for shape in EXPORTS if (file := self._export(name, shape)).exists()]
        remains += [Remainder(RemainsKind.EXPORT, file) for file in files if file not in known]
        return self._html("forget.html", name, article=article, takedown=takedown, remains=remains)

    def _planned(self, name: str, number: str) -> tuple[Any, Takedown]:
        """Plan the takedown of an article by its number."""
        with self.room.archive(name).open() as db:
            article = find_stored_article(db, str(Arguments({"article": number}).number("article")))
            if article is None:
                raise NotHereError("the archive has no article of that number")
            if WILDCARD in article.url:
                raise BadArgumentError("its address has a *, which would stand for others: use broadsheet forget")
            return article, plan_takedown(db, article.url)

    def send_result(self, request: Request) -> Response:
        """Send the file that a job made."""
        job = self._job(request.path_params["id"])
        file = self._result(job)
        if file is None or not file.is_file() or job.state is not JobState.DONE:
            raise NotHereError("this job has made no file that is still there")
        return FileResponse(file, filename=file.name, media_type="application/octet-stream")

    # Forms. Each returns the address of the page that it leads to.

    def try_site(self, arguments: Arguments) -> str:
        """Begin a trial crawl."""
        return _job_page(self.jobs.add(self.folder.trial_order(arguments.text("url"), secrets.token_hex(4))))

    def add_site(self, arguments: Arguments) -> str:
        """Add the site of a trial crawl to the list, and crawl it."""
        trial = self._job(arguments.text("job"))
        if not trial.order.is_trial or not trial.state.is_over:
            raise BadArgumentError("a site is added after a look at it")
        try:
            contact = read_contact(arguments.text("contact")) if arguments.text("contact") else ""
        except OptionError as error:
            raise BadArgumentError(str(error)) from error
        every = checked_every(arguments.text("every"))
        with self.room.writing():
            site = self.folder.add_site(trial.order.words[-1], every, contact)
        self.jobs.remove(trial)
        return _job_page(self.jobs.add(self.folder.site_order(site)))

    def keep_schedule(self, arguments: Arguments) -> str:
        """Turn the schedule of the open desk on or off."""
        self.folder.keep_schedule(arguments.flag("keep"))
        return "/"

    def stop(self, arguments: Arguments) -> str:
        """Stop a job as Ctrl-C does."""
        job = self._job(arguments.text("id"))
        self.jobs.stop(job)
        return _job_page(job)

    def order(self, arguments: Arguments) -> str:
        """Order an action on an archive, or an export."""
        name = self._name(arguments.text("name"))
        action = arguments.choice("action", (*ACTIONS, "export"))
        return _job_page(self.jobs.add(self._ordered(name, action, arguments)))

    def _ordered(self, name: str, action: str, arguments: Arguments) -> Order:
        if action == "export":
            shape = arguments.choice("format", EXPORTS)
            target = self._export(name, shape)
            options = (f"--output={target}", *((f"--format={shape}",) if shape in _FOLDERS else ()))
            return self.folder.verb_order(f"Export {name}", name, "export", *options, result=target.name)
        site, (label, (verb, *words)) = self.folder.site(name), ACTIONS[action]
        if site and verb in ("crawl", "update"):
            return self.folder.site_order(site, verb, *words)
        if action == "backup":
            target = self.folder.inside(self.jobs.archives / BACKUPS)
            target.mkdir(mode=0o700, exist_ok=True)
            return self.folder.verb_order(f"{label}: {name}", name, verb, f"{target}/")
        return self.folder.verb_order(f"{label}: {name}", name, verb, *words)

    def _export(self, name: str, shape: str) -> Path:
        """Return the path of an export of an archive: the same one each time, so that a further one replaces it."""
        file = f"{name}-{shape}" if shape in _FOLDERS else f"{name}-export.{shape}"
        return self.folder.inside(self.jobs.archives / file)

    def set_every(self, arguments: Arguments) -> str:
        """Change how often a site is looked at."""
        name = self._name(arguments.text("name"))
        if self.folder.site(name) is None:
            raise BadArgumentError("the list of sites does not have it")
        with self.room.writing():
            self.folder.set_every(name, checked_every(arguments.text("every")))
        return f"{ROOT}/archives/{quote(name)}"

    def forget(self, arguments: Arguments) -> str:
        """Take an article down whose title was typed."""
        name = self._name(arguments.text("name"))
        article, _ = self._planned(name, arguments.text("article"))
        if " ".join(arguments.text("title").split()) != " ".join((article.title or "forget").split()):
            raise BadArgumentError("that is not the article's title; nothing was taken down")
        words = ("--yes", f"--note={arguments.text('note')}", "--", str(article.id))
        return _job_page(
            self.jobs.add(self.folder.verb_order(f"Take an article of {name} down", name, "forget", *words))
        )

    def merge(self, arguments: Arguments) -> str:
        """Merge the ticked archives into a new one."""
        target = arguments.text("target")
        sources = [name for name in self.room.library.archives if arguments.flag(f"tick-{name}")]
        if not SITE_NAME.fullmatch(target) or len(sources) < 2:
            raise BadArgumentError("tick two archives or more, and name the new one with letters, digits and dashes")
        if self.folder.archive(target).exists() or self.folder.site(target):
            raise BadArgumentError(f"there is already something that is called {target}")
        words = ("merge", *(str(self.folder.archive(name)) for name in (target, *sources)))
        return _job_page(self.jobs.add(Order(f"Merge {', '.join(sources)} into {target}", target, words)))

    # What a request names.

    def _job(self, job_id: str) -> Job:
        if (job := self.jobs.job(job_id)) is None:
            raise NotHereError("there is no such job, or its log is gone")
        return job

    def _name(self, name: str) -> str:
        if name not in self.room.library.archives and self.folder.site(name) is None:
            raise NotHereError("there is no site or archive of that name here")
        return name

    def _result(self, job: Job) -> Path | None:
        """Return what a job made, if it is in the folder."""
        if not job.order.result or job.state is not JobState.DONE:
            return None
        return self.folder.inside(self.jobs.archives / Path(job.order.result).name)


_OUTCOMES = """SELECT state, coalesce(reason, '') AS reason, count(*) FROM urls WHERE kind = 'page'
    GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 8"""
_ROBOTS = "SELECT access, reason, text FROM robots_files ORDER BY id LIMIT 1"


def _job_page(job: Job) -> str:
    return f"{ROOT}/jobs/{job.id}"


@contextmanager
def _told_mistakes() -> Iterator[None]:
    """Show mistakes that a verb or the list of sites reports on a page."""
    try:
        yield
    except click.ClickException as error:
        raise BadArgumentError(error.message) from error


@dataclass(frozen=True, slots=True)
class TokenGate:
    """ASGI middleware that demands the desk's token, in a header or a form; a cookie remembers it."""

    app: ASGIApp
    token: str
    session: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or ask for the token."""
        request = Request(scope, receive)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        is_known = is_token(request.cookies.get(_COOKIE, ""), self.session) or is_token(bearer, self.token)
        if scope["path"].startswith("/static/") or is_known:
            await self.app(scope, receive, send)
            return
        fields = parse_qs((await request.body()).decode("ascii", "replace")) if request.method == "POST" else {}
        answer: Response = HTMLResponse(_GATE, 401)
        if is_token("".join(fields.get("desk_token", [])), self.token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(_COOKIE, self.session, httponly=True, samesite="strict")
        await answer(scope, receive, send)


_COOKIE = "broadsheet_desk"
_GATE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Broadsheet</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/static/style.css">
</head><body><main class="narrow"><h1>The desk is closed</h1><form method="post" action="/">
<p><label>Its token <input type="password" name="desk_token" autocomplete="current-password" required></label></p>
<p class="buttons"><button class="main">Open</button></p></form></main></body></html>"""


def keep_desk(desk: Desk, is_over: threading.Event) -> None:
    """Start waiting jobs, and due ones if the desk keeps the schedule, until the desk closes."""
    looked_at = float("-inf")
    while not is_over.wait(_TURN_SECONDS):
        try:
            desk.jobs.turn()
            if time.monotonic() - looked_at >= _LOOK_SECONDS and desk.folder.keeps_schedule:
                looked_at = time.monotonic()
                desk.folder.order_due(desk.jobs)
        except (click.ClickException, ArchiveError, OSError) as error:
            _LOG.warning("the desk cannot start jobs: %s", getattr(error, "message", error))


@contextmanager
def opened_desk(room: Room, folder: DeskFolder, environment: Mapping[str, str], cron_line: str) -> Iterator[Desk]:
    """Open the one desk over a folder, with a room that has its templates and buttons. InUse if there is one."""
    helpers = {"has_desk": True, "remedies": remedies}
    managing = replace(room, helpers=helpers, templates=(HOME / "templates",))
    jobs, is_over = make_jobs(folder, environment), threading.Event()
    with hold_lock(jobs.archives / FOLDER / "desk", refusal=f"another desk is open over {folder.root}"):
        jobs.forget_old()
        folder.refresh(managing.library)
        desk = Desk(managing, folder, jobs, cron_line)
        thread = threading.Thread(target=keep_desk, args=(desk, is_over), name="desk", daemon=True)
        thread.start()
        try:
            yield desk
        finally:
            is_over.set()
            thread.join()
