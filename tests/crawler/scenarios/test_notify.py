"""Crawls whose news somebody is told: a webhook on loopback gets one message a run, and its address stands nowhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.crawler.crawls import Serve
from tests.crawler.scripted_site import Reply, ScriptedSite, page, stories
from tests.crawler.shell import command, crawl

pytestmark = pytest.mark.slow
SECRET = "s3cret-of-the-hook"


class Webhook:
    """A server that keeps what it is sent."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"json://reporter:{SECRET}@127.0.0.1:{self.server.server_port}/{SECRET}"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    yield hook
    hook.server.shutdown()
    hook.server.server_close()


@pytest.fixture
def site(serve: Serve) -> ScriptedSite:
    return serve({"/": page("start", "/river", "/mill"), **stories("river", "mill")})


def update(db: Path, *options: object) -> tuple[int, str, str]:
    return command("update", db, "--all", "--allow-private", "--delay", 0, *options)


def test_a_run_with_news_sends_one_message_and_one_without_sends_none(site, webhook, tmp_path):
    db = tmp_path / "news.db"
    code, out, errors = crawl(site, db, "--notify", webhook.address, "-vvv")
    assert code == 0
    (first_message,) = webhook.messages
    assert first_message["title"] == "news.db: 2 new articles, 1 thing to look at"
    assert "2 of 2 articles are without a date" in first_message["message"]
    assert SECRET not in out + errors
    webhook.messages.clear()
    assert update(db, "--notify", webhook.address)[0] == 0
    assert webhook.messages == []
    correction = "<p>Correction: an earlier version said that there were three of them.</p></article>"
    site.routes["/river"] = str(site.routes["/river"]).replace("</article>", correction)
    site.routes["/mill"] = Reply("gone", 410)
    code, out, errors = update(db, "--notify", webhook.address, "-vvv")
    assert code == 0
    (message,) = webhook.messages
    assert message["title"].startswith("news.db: 1 edit, 1 withdrawal")
    assert f"{site.url}/river" in message["message"]
    assert f"{site.url}/mill" in message["message"]
    assert "{+Correction: an earlier version said" in message["message"]
    assert "without a date" not in message["message"]
    assert SECRET not in out + errors
    assert [path for path in tmp_path.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()] == []


def test_receivers_of_other_sites_are_not_told_and_failures_are(site, webhook, tmp_path):
    site.routes["/"] = Reply("broken", 500)
    people = tmp_path / "people.toml"
    people.write_text(
        f'[[notify]]\nurl = "{webhook.address}"\nsites = ["other.example"]\n'
        f'[[notify]]\nurl = "{webhook.address}"\nsites = ["127.0.0.1"]\nevents = ["failures"]\n'
    )
    webhook.status = 503
    code, _, errors = crawl(site, tmp_path / "news.db", "--notify", people, "--no-sitemaps", "--no-feeds")
    assert code == 1
    (message,) = webhook.messages
    assert message["title"] == "news.db: 1 failure"
    assert "500" in message["message"]
    assert "the message to json (people.toml, [[notify]] 2) could not be sent" in errors
    assert SECRET not in errors


def test_an_address_that_is_none_is_refused_before_anything_is_made(site, tmp_path):
    code, _, errors = crawl(site, tmp_path / "news.db", "--notify", f"nosuchservice://{SECRET}")
    assert code == 2
    assert len(errors.splitlines()) == 1
    assert SECRET not in errors
    assert not (tmp_path / "news.db").exists()
