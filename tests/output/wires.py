"""Outcomes with raw responses, as small as a test needs them."""

import multiprocessing
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.raw.raw_exchange import Capture, RawExchange
from broadsheet.output.raw.warc_reader import read_response
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome

AT = "2026-01-01T00:00:{:02}Z"


def make_exchange(
    body: bytes = b"hello", *, head: bytes = b"HTTP/1.1 200 OK\r\nX-Odd: 1\r\n\r\n", **changes: object
) -> RawExchange:
    exchange = RawExchange(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", head, body, ip_address="192.0.2.1")
    return replace(exchange, **changes)  # type: ignore[arg-type]


def fetched(url: str, second: int = 0, body: bytes = b"hello", status: int = 200, **changes: object) -> Outcome:
    at = AT.format(second)
    raw = make_exchange(body, head=b"HTTP/1.1 %d Yes\r\nX-Odd: 1\r\n\r\n" % status, **changes)
    capture = Capture(url, at, status, url, "text/html", payload_length=len(body), raw=raw)
    return Outcome(url, "done", "feed", status, at, capture)


def archive_with_warcs(file: Path, size: int = 10**9) -> Archive:
    """An archive that keeps raw responses."""
    archive = Archive.open(file)
    archive.keep_raw({"software": "test"}, size)
    return archive


def warcs(file: Path) -> list[Path]:
    return sorted(file.parent.glob(f"{file.name}.warc/*.warc.gz"))


def crawl(file: Path, *numbers: int, size: int = 10**9) -> None:
    """Store a page for each number, each in a batch of its own, as a crawl does."""
    with archive_with_warcs(file, size) as archive:
        for number in numbers:
            archive.save([fetched(f"http://a.test/{number}", number % 60, b"page %d" % number)])


def contents(folder: Path) -> dict[str, bytes]:
    """The WARC files of a folder, and what was set aside from them."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.warc.gz*"))}


def bodies(file: Path) -> list[bytes]:
    """The raw bodies that an archive's rows lead to, by time."""
    with closing(open_database(file, read_only=True)) as db:
        numbers = db.execute("SELECT id FROM captures ORDER BY fetched_at").fetchall()
        found = [read_response(db, file, number) for (number,) in numbers]
    return [exchange.body for exchange in found if exchange]


def exit_code(work: Callable[[], object]) -> int | None:
    """Do some work in a process of its own; how that ended."""
    process = multiprocessing.get_context("fork").Process(target=work, daemon=True)
    process.start()
    process.join(60)
    return process.exitcode
