"""Verb `broadsheet browse`: the reading room over one archive or a folder of them."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import sys
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.read.plain_words import count_text, reason_text

from ..cli.command_line import CommandError, is_nonempty_file
from ..cli.lazy_modules import lazy_imports
from ..cli.terminal import print_text
from .verb_options import PATH, verb

with lazy_imports():
    from broadsheet.cleaners.page import parsed_page
    from broadsheet.output.browse import application, raw_responses, strict_requests, url_pages
    from broadsheet.output.browse import library as library_module
    from broadsheet.output.browse import room as room_module
    from broadsheet.output.raw import raw_exchange

    from ..crawl import processes
    from ..desk import desk_folder, desk_pages
    from ..fleet import sites_file
    from ..replay import recorded_response
    from . import changes, crawl, demo, fleet, update

DEFAULT_PORT = 8383
SAMPLE = Path("demo-out/sample.db")


@verb
@click.argument("db", metavar="[DB|FOLDER]", required=False, type=PATH)
@click.option("--demo", is_flag=True, help="Show the sample site's archive; crawl it first if there is none.")
@click.option("--manage", is_flag=True, help="A desk over FOLDER too: crawl, schedule, back up, export, take down.")
@click.option(
    "--allow-private",
    is_flag=True,
    envvar="BROADSHEET_ALLOW_PRIVATE",
    help="--manage: sites may have loopback and private addresses, refused otherwise.",
)
@click.option(
    "--token",
    metavar="TEXT",
    envvar="BROADSHEET_DESK_TOKEN",
    help="--manage: the password, at least 16 characters; needed beyond loopback.",
)
@click.option("--read-only", is_flag=True, help="Change nothing: no rulings, no reviews.")
@click.option(
    "--replay-assets", type=PATH, metavar="DIR", help="ReplayWeb.page's ui.js and sw.js, to replay raw pages with."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help="The port; 8383, or a free one if it is taken."
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on. Any but loopback lets others read, and rule on blocks, without a password.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="With --host: a name by which the server is reached. Repeatable.",
)
def browse(**options: Any) -> int:
    """Open the reading room: a page on this machine over an archive or a folder of them.

    Read articles, see what was removed from them and why, bring it back, follow edits and gaps.

    With --manage it is a desk too: add sites to a folder of archives, crawl and watch them, keep a schedule. FOLDER is
    by default Broadsheet in the home folder.
    """
    if options["manage"]:
        processes.require_workers()
        if options["token"] is not None and len(options["token"]) < _LEAST_TOKEN:
            raise CommandError(f"--token needs at least {_LEAST_TOKEN} characters")
        if not _is_loopback(options["host"]) and not options["token"]:
            raise CommandError("beyond loopback a desk needs --token: anyone who reaches it could crawl from here")
    assets = raw_responses.check_assets(Path(options["replay_assets"])) if options["replay_assets"] else None
    folder = _managed_folder(options) if options["manage"] else None
    library = (
        library_module.Library({})
        if folder
        else library_module.Library.at(_archive_path(options["db"], is_demo=options["demo"]))
    )
    listener = _listen(options["host"], options["port"])
    raw_listener = application.bind(options["host"], 0)  # stored pages have an origin apart from the room's
    names = () if _is_loopback(options["host"]) else (*options["names"], _url_host(options["host"]))
    own_name = next(iter(names), _url_host(options["host"]))
    room = room_module.Room(
        library, room_module.RoomWording(reason_text, changes.edit_summary), may_write=not options["read_only"],
        raw_origin=_origin(own_name, raw_listener), replay_assets=assets,
    )  # fmt: skip
    own_names, raw_names = (
        strict_requests.loopback_authorities(sock.getsockname()[1], names) for sock in (listener, raw_listener)
    )
    raw_app = raw_responses.make_raw_app(room, read_raw, raw_names, own_names)

    def serve(app: Any) -> None:
        with suppress(KeyboardInterrupt):
            _announce(library, _origin(own_name, listener), may_write=room.may_write, is_desk=folder is not None)
            application.serve([application.Listener(listener, app), application.Listener(raw_listener, raw_app)])

    # A crawl of the sample site leaves its handlers behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if folder is None:
        serve(application.make_app(room, own_names))
        return 0
    environment = fleet.crawl_environment(folder.fleet(), os.environ)
    with desk_pages.opened_desk(room, folder, environment, _cron_line(folder.root)) as desk:
        serve(application.make_app(desk.room, own_names, desk.routes(), desk.gates(options["token"] or "")))
        at_work = [job for job in desk.jobs.jobs() if not job.state.is_over]
    if at_work:
        print_text(f"{count_text(len(at_work), 'job')} not finished; they continue, and the desk shows them again.")
    return 0


_LEAST_TOKEN = 16  # characters
_HOME_FOLDER = "Broadsheet"


def _managed_folder(options: dict[str, Any]) -> desk_folder.DeskFolder:
    """Open the folder to manage. CommandError if it is a file, or its list has a mistake."""
    root = Path(options["db"] or Path.home() / _HOME_FOLDER).absolute()
    if root.is_file():
        raise CommandError(f"{root} is a file: --manage takes a folder of archives")
    desk_folder.open_folder(root)
    folder = desk_folder.DeskFolder(
        root, lambda file: sites_file.read_sites(file, crawl.crawl, update.update), options["allow_private"]
    )
    folder.fleet()
    return folder


def _cron_line(root: Path) -> str:
    program = shutil.which("broadsheet") or f"{sys.executable} -m broadsheet.crawler.cli"
    line = f"17 * * * * {program} fleet run --quiet {shlex.quote(str(root / desk_folder.LIST))}"
    return line.replace("%", "\\%")  # which cron takes for the end of a line


def read_raw(
    location: raw_exchange.RecordLocation, body_location: raw_exchange.RecordLocation | None, folder: Path
) -> url_pages.RawDocument:
    """Read a stored response as text. NotHereError if its record cannot be read."""
    try:
        response = recorded_response.read_full_response(location, body_location, folder)
    except recorded_response.ReplayError as error:
        raise strict_requests.NotHereError(f"the record cannot be read: {reason_text(error.reason)}") from error
    content_type = response.header("content-type")
    text = parsed_page.decode(response.body, content_type).text
    is_html = "html" in content_type.lower() or (not content_type and text.lstrip()[:1] == "<")
    return url_pages.RawDocument(text, is_html)


def _origin(name: str, listener: socket.socket) -> str:
    return f"http://{name}:{listener.getsockname()[1]}"


def _archive_path(path: str | None, *, is_demo: bool) -> Path:
    """Return the archive's path; with --demo that of the sample's archive, which is crawled if missing."""
    if is_demo:
        if not is_nonempty_file(str(SAMPLE)):
            demo.crawl_sample(SAMPLE.parent)
        return SAMPLE
    if path is None:
        raise CommandError("name an archive, or a folder of them, or use --demo")
    return Path(path)


def _listen(host: str, port: int | None) -> socket.socket:
    """Open the socket of the pages: at the given port; without one at 8383, or any free port if that is taken."""
    try:
        return application.bind(host, DEFAULT_PORT if port is None else port)
    except NotReachable:
        if port is not None:
            raise
        return application.bind(host, 0)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _announce(library: library_module.Library, origin: str, *, may_write: bool, is_desk: bool) -> None:
    if is_desk:
        print_text(f"The desk is open: {origin}/\nCtrl-C closes it; running jobs continue.")
        return
    names = list(library.archives)
    target = origin + (room_module.address(names[0], "") if len(names) == 1 else "/")
    mode = "" if may_write else ", read only"
    print_text(f"The reading room is open{mode}: {target}\nCtrl-C closes it.")
