"""What goes wrong around a command (a certificate, a lock, a disk) is one line, and nothing else is lost."""

from __future__ import annotations

import sqlite3
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crawler import raws
from tests.crawler.fetch.test_certificates import NO_NAMES
from tests.crawler.fetch.test_connection import certificate
from tests.crawler.hostile import HostileServer, answer
from tests.crawler.scripted_site import ScriptedSite, Seen, page, stories
from tests.crawler.shell import command, crawl, rows

Serve = Callable[..., ScriptedSite]


def test_a_certificate_that_names_no_host_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, db = certificate(tmp_path, names=NO_NAMES), tmp_path / "a.db"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server = HostileServer({"/": answer(b"hello")}, tls=context)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    try:
        code, out, errors = command(
            "crawl", f"https://127.0.0.1:{server.port}/", "--db", db, "--allow-private", "--delay", 0, "-q"
        )
    finally:
        server.close()
    assert (code, out, errors.count("\n")) == (1, "", 1), errors
    assert "certificate" in errors
    assert server.paths == []
    assert rows(db, "SELECT DISTINCT state, reason FROM urls") == [("failed", "tls")]


@contextmanager
def locked(db: Path) -> Iterator[threading.Event]:
    """Another program's write lock on an archive, until the event is set."""
    is_locked, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(db, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        is_locked.set()
        may_end.wait(120)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert is_locked.wait(60)
    try:
        yield may_end
    finally:
        may_end.set()
        holder.join()


@pytest.mark.parametrize("verb", ["update", "forget", "reclean", "restore"])
def test_a_verb_that_writes_waits_for_another_program(serve: Serve, tmp_path: Path, verb: str) -> None:
    site, db = serve({"/": page("start", "/river"), **stories("river")}), tmp_path / "a.db"
    assert crawl(site, db)[0] == 0
    (block_id,) = rows(db, "SELECT block_id FROM page_blocks WHERE kept = 0 LIMIT 1")[0]
    arguments = {
        "update": ["update", db, "--allow-private", "--delay", 0],
        "forget": ["forget", db, f"{site.url}/river", "--yes"],
        "reclean": ["reclean", db, "--all"],
        "restore": ["restore", db, block_id],
    }[verb]
    with locked(db) as may_end:
        timer = threading.Timer(1.5, may_end.set)
        timer.start()
        code, _, errors = command(*arguments)
        timer.cancel()
    assert code == 0, errors
    assert "locked" not in errors


def test_raw_responses_that_are_deleted_under_a_crawl_stop_it(serve: Serve, tmp_path: Path) -> None:
    names = [f"story{number}" for number in range(40)]
    site, db = serve({"/": page("start", *(f"/{name}" for name in names)), **stories(*names)}), tmp_path / "a.db"
    folder = tmp_path / "a.db.warc"

    def deleting(_: Seen) -> str:
        if folder.exists():
            folder.rename(tmp_path / "gone")
        return page("story5")

    site.routes["/story5"] = deleting
    code, out, errors = crawl(site, db, "--concurrency", 1, "-q")
    assert (code, out, errors.count("\n")) == (1, "", 1), errors
    assert "is gone" in errors
    assert len(site.paths()) < len(names), "it does not go on to the end"
    assert raws.rows(db, "SELECT count(*) FROM captures WHERE warc_file IS NULL") == [(0,)]
    site.routes["/story5"] = page("story5")
    code, _, errors = crawl(site, db)
    assert code == 0, errors
    assert "Raw responses are missing from" in errors
    assert len(rows(db, "SELECT url FROM articles")) == len(names)
    raws.checked(db)
