"""A command under bounds, with a report of what it touches that it has no business with.

`python -m tests.robustness.bounded_command REPORT OUTSIDE VERB …` runs a verb, or `python` and `room`, which read an
archive through `broadsheet.open` and through the pages of the reading room. Memory, processor time and the size of
files are bounded. Whatever Python opens, lists, moves or removes below OUTSIDE, or of the system files that hostile
files name, is a line in REPORT. No name is looked up and no connection made but to this machine.
"""

import os
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

MEMORY_BYTES = 1_500_000_000  # beyond what the process has when it begins
CPU_SECONDS = 40
_FILE_BYTES = 2_000_000_000
_FILE_EVENTS = (
    "open sqlite3.connect os.remove os.rename os.mkdir os.rmdir os.truncate os.link "
    "os.symlink os.chmod shutil.rmtree shutil.copyfile shutil.move"
).split()
_FORBIDDEN = ("/etc/passwd", "/etc/cron.d", "/proc/self/environ")


def main() -> None:
    """Run the command line of this process."""
    report, outside, verb, *arguments = sys.argv[1:]
    _bound()
    _watch(os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND), os.path.realpath(outside))
    readers: dict[str, Callable[[Path], None]] = {"python": _read_by_python, "room": _read_in_the_room}
    if verb in readers:
        from broadsheet import ArchiveError

        try:
            readers[verb](Path(arguments[0]))
        except ArchiveError as error:
            print(f"broadsheet: {error}", file=sys.stderr)
            sys.exit(1)
        sys.exit(0)
    from broadsheet.crawler.cli import run

    sys.exit(run([verb, *arguments]))


def _bound() -> None:
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for limit, value in (
        (resource.RLIMIT_AS, taken + MEMORY_BYTES),
        (resource.RLIMIT_CPU, int(sum(os.times()[:2])) + CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
    ):
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def _watch(report: int, outside: str) -> None:
    forbidden = (outside, *_FORBIDDEN)
    is_looking = False

    def look(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal is_looking
        if event == "socket.getaddrinfo" and not _is_here(arguments[0]):
            raise socket.gaierror(socket.EAI_NONAME, "no name is looked up here")
        if event == "socket.connect" and isinstance(arguments[1], tuple) and not _is_here(arguments[1][0]):
            raise ConnectionRefusedError("no connection is made from here")
        if event not in _FILE_EVENTS or is_looking:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_NOFOLLOW:
            return  # a link is not followed
        is_looking = True
        try:
            for path in arguments[:2]:
                if isinstance(path, str | bytes | os.PathLike) and _is_below(os.fsdecode(path), forbidden):
                    os.write(report, f"{event} {os.fsdecode(path)}\n".encode("utf-8", "replace"))
        finally:
            is_looking = False

    sys.addaudithook(look)


def _is_here(host: object) -> bool:
    if host in (None, "", "localhost"):
        return True
    try:
        return ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


def _is_below(path: str, places: tuple[str, ...]) -> bool:
    path = path.removeprefix("file://").partition("?")[0]
    with suppress(OSError, ValueError):
        path = os.path.realpath(path)
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _read_by_python(db: Path) -> None:
    """Call each reader of `broadsheet.open`."""
    import broadsheet

    fault: broadsheet.ArchiveError | None = None
    with broadsheet.open(db) as archive:
        for use in _uses(archive):
            try:
                use()
            except broadsheet.ArchiveError as error:
                fault = error
    if fault is not None:
        raise fault


def _uses(archive: object) -> Iterator[Callable[[], object]]:
    from broadsheet import ArchiveReader

    assert isinstance(archive, ArchiveReader)
    yield lambda: len(archive)
    yield lambda: list(archive.articles(one_per_cluster=True))
    yield lambda: archive.search("harbour OR water")
    yield lambda: list(archive.changes())
    yield lambda: list(archive.edits())
    yield lambda: list(archive.links())
    yield lambda: archive.latest_change
    yield lambda: archive.to_pandas()
    articles: list[int] = []
    yield lambda: articles.extend(article.id for article in archive.articles())
    for number in articles[:3]:
        yield lambda number=number: archive.article(number)  # type: ignore[misc]
        yield lambda number=number: archive.explain(number)  # type: ignore[misc]
        yield lambda number=number: archive.raw(number)  # type: ignore[misc]


_PAGES = [
    "",
    *(
        "articles articles?q=water changes coverage coverage/urls?source=link&state=done rules "
        "layouts site-rules review review/pages url/1 url/2"
    ).split(),
]
_PORT = 8383


def _read_in_the_room(db: Path) -> None:
    """Ask for the pages of the reading room; SystemExit if one is a fault of the server."""
    from starlette.testclient import TestClient

    from broadsheet.crawler.commands.changes import edit_summary
    from broadsheet.output.browse.application import make_app
    from broadsheet.output.browse.library import Library
    from broadsheet.output.browse.room import Room, RoomWording
    from broadsheet.output.browse.strict_requests import loopback_authorities
    from broadsheet.output.read.plain_words import reason_text

    library = Library.at(db)
    room = Room(library, RoomWording(reason_text, edit_summary))
    client = TestClient(make_app(room, loopback_authorities(_PORT)), base_url=f"http://127.0.0.1:{_PORT}")
    for name in library.archives:
        numbers = [row["id"] for row in _rows(client, name)]
        for page in (*_PAGES, *(f"article/{number}{view}" for number in numbers[:2] for view in ("", "?view=blocks"))):
            answer = client.get(f"/{name}/{page}")
            if answer.status_code == 421 or (answer.status_code >= 500 and answer.status_code != 503):
                sys.exit(f"Traceback: {answer.status_code} at {page}")


def _rows(client: object, name: str) -> list[dict[str, int]]:
    with suppress(ValueError, KeyError, AttributeError, TypeError):
        answer = client.get(f"/{name}/articles.json").json()  # type: ignore[attr-defined]
        return [row for row in answer.get("rows", answer.get("articles", [])) if isinstance(row.get("id"), int)]
    return []


if __name__ == "__main__":
    main()
