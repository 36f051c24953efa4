"""`--notify`: who hears what of a run that ends, fails or is stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import crawl
from broadsheet.crawler.commands.crawl import crawl_and_notify
from broadsheet.crawler.fleet import run_notices
from broadsheet.crawler.fleet.run_notices import NewsEvent, NewsItem, Receiver
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

RECEIVER = Receiver("json://a.example", "the first")
URL = "https://a.example:8080/start"
NEWS = [NewsItem(NewsEvent.EDITS, ("a.example",), "edited"), NewsItem(NewsEvent.ALARMS, ("a.example",), "gone\nmore")]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[NewsItem]]]:
    """The names and news of what was sent; one receiver of it could not be reached."""
    messages: list[tuple[str, list[NewsItem]]] = []

    def send(name: str, news: list[NewsItem], receivers: Any, send_notice: Any) -> list[str]:
        assert receivers == [RECEIVER]
        messages.append((name, news))
        return ["the first: not reached"]

    monkeypatch.setattr(run_notices, "send_notices", send)
    monkeypatch.setattr(run_notices, "is_known_address", lambda receiver: receiver is RECEIVER)
    monkeypatch.setattr(run_notices, "read_news", lambda *arguments: NEWS)
    return messages


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    with Archive.open(tmp_path / "a.db"):
        pass
    return {"db": str(tmp_path / "a.db"), "urls": (URL,)}


def crawling(*failures: str, error: BaseException | None = None) -> Callable[..., int]:
    def crawl(options: Any, on_failure: Callable[[str], object]) -> int:
        for failure in failures:
            on_failure(failure)
        if error is not None:
            raise error
        return 3

    return crawl


def test_an_address_that_nobody_knows_is_refused_before_the_crawl(sent: Any, options: dict[str, Any]) -> None:
    crawled: list[Any] = []
    with pytest.raises(CommandError, match=r"^the other is no address"):
        crawl_and_notify(
            lambda *arguments: crawled.append(arguments) or 0, options, [RECEIVER, Receiver("x", "the other")]
        )
    assert crawled == sent == []


def test_what_failed_and_what_is_new_is_sent_once(sent: Any, options: dict[str, Any], capsys: Any) -> None:
    assert crawl_and_notify(crawling(), options, [RECEIVER]) == 3
    assert sent == [("a.db", NEWS)]
    sent.clear()
    assert crawl_and_notify(crawling("gone", "http://name:word@a.example/ failed"), options, [RECEIVER]) == 3
    failures = [
        NewsItem(NewsEvent.FAILURES, ("a.example:8080",), words) for words in ("gone", "http://a.example/ failed")
    ]
    assert sent == [("a.db", [*failures, NEWS[0]])]
    assert capsys.readouterr().err == "broadsheet: the first: not reached\n" * 2


@pytest.mark.parametrize(
    ("error", "failures", "lines"),
    [
        (NotReachable("no room"), ["failed"], ["failed", "no room"]),
        (OSError("no room"), ["failed"], ["failed", "no room"]),
        (KeyboardInterrupt(), ["failed"], ["failed"]),
        (KeyboardInterrupt(), [], []),
    ],
)
def test_a_run_that_breaks_or_is_stopped_tells_what_had_failed_and_no_news(sent, options, error, failures, lines):
    with pytest.raises(type(error)):
        crawl_and_notify(crawling(*failures, error=error), options, [RECEIVER])
    assert [item.line for _, news in sent for item in news] == lines


def test_an_update_s_failures_are_of_the_archive_s_start_hosts(sent, options, monkeypatch):
    monkeypatch.setattr(run_notices, "seed_hosts", lambda db: ("b.example",))
    crawl_and_notify(crawling("failed"), options | {"urls": ()}, [RECEIVER])
    assert sent[0][1][0] == NewsItem(NewsEvent.FAILURES, ("b.example",), "failed")


def test_a_moment_is_that_of_the_archive_or_of_none(options: dict[str, Any], tmp_path: Path) -> None:
    make = Maker()
    with Archive.open(options["db"], make.clock) as archive:
        archive.save([make.outcome("https://a.example/1", "text")])
    assert crawl._moment_of(options["db"]).seq == 1
    (tmp_path / "text.db").write_text("no archive")
    for missing in ("none.db", "text.db"):
        moment = crawl._moment_of(str(tmp_path / missing))
        assert (moment.seq, moment.known_looks) == (0, frozenset())
