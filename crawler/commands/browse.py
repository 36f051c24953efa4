"""`broadsheet browse`: the reading room, a page on this machine over one archive or a folder of them."""

from __future__ import annotations

import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from crawler.commands.changes import edit_summary
from crawler.console.open_archive import is_nonempty_file
from crawler.console.option_types import CommandError
from crawler.console.reasons import reason_text
from crawler.console.terminal import print_text
from output.browse.app import make_app
from output.browse.guard import loopback_authorities
from output.browse.library import Library
from output.browse.room import Room, RoomWording, address
from output.browse.serving import Listener, bind, serve
from output.db.errors import NotReachable

DEFAULT_PORT = 8383
SAMPLE = Path("demo-out/sample.db")


def browse(options: Mapping[str, Any]) -> int:
    """Serve the reading room until it is stopped."""
    library = Library.at(_archive_path(options["db"], is_demo=options["demo"]))
    listener = _listen(options["host"], options["port"])
    room = Room(library, RoomWording(reason_text, edit_summary), may_write=not options["read_only"])
    port = listener.getsockname()[1]
    names = () if _is_loopback(options["host"]) else (_url_host(options["host"]), *options["names"])
    app = make_app(room, loopback_authorities(port, names))
    _announce(library, f"http://{_url_host(options['host'])}:{port}", may_write=room.may_write)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        serve([Listener(listener, app)])
    return 0


def _archive_path(path: str | None, *, is_demo: bool) -> Path:
    """The archive or folder that is asked for; with --demo the sample's archive, made if there is none yet."""
    if is_demo:
        if path is not None:
            raise CommandError("--demo shows the sample site: give an archive or --demo, not both")
        _make_sample()
        return SAMPLE
    if path is None:
        raise CommandError("name an archive, or a folder of them, or say --demo")
    return Path(path)


def _make_sample() -> None:
    if not is_nonempty_file(str(SAMPLE)):
        from crawler.commands.demo import demo

        demo(str(SAMPLE.parent))


def _listen(host: str, port: int | None) -> socket.socket:
    """The socket of the pages: at the usual port, or at any where that one is taken and none was named."""
    try:
        return bind(host, DEFAULT_PORT if port is None else port)
    except NotReachable:
        if port is not None:
            raise
        return bind(host, 0)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _announce(library: Library, origin: str, *, may_write: bool) -> None:
    names = list(library.archives)
    target = origin + (address(names[0], "") if len(names) == 1 else "/")
    mode = "" if may_write else ", read only"
    print_text(f"The reading room is open{mode}: {target}\nCtrl-C closes it.")
