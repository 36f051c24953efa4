"""Notices of a run: who gets which, what they say, and that no address is ever shown."""

from __future__ import annotations

import logging
import re
from types import SimpleNamespace
from typing import ClassVar

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet import run_notices
from broadsheet.crawler.fleet.run_notices import (
    ArchiveMoment,
    NewsEvent,
    NewsItem,
    NoticeText,
    Receiver,
    compose_notice,
    is_known_address,
    read_news,
    read_receivers,
    seed_hosts,
    send_notice,
    send_notices,
)
from broadsheet.output.archive.article_storage import latest_seq
from broadsheet.output.read.judgement import LookKind, judge_archive
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker

SECRET = "s3cret-t0ken"


def test_addresses_and_files_of_them_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("NEWSROOM", f"slack://{SECRET}/b/c")
    file = tmp_path / "people.toml"
    file.write_text(
        '[[notify]]\nurl_env = "NEWSROOM"\nsites = ["News.example", "*.press.example"]\nevents = ["edits"]\n'
        '[[notify]]\nurl = "json://hooks.example/x"\n'
    )
    first, second, third = read_receivers([str(file), f"MailTo://me:{SECRET}@mail.example"])
    assert (first.url, first.label) == (f"slack://{SECRET}/b/c", "slack (people.toml, [[notify]] 1)")
    assert first.events == {NewsEvent.EDITS}
    assert second.events == set(NewsEvent)
    assert third.label == "mailto (--notify)"
    assert SECRET not in repr((first, second, third))


@pytest.mark.parametrize(
    ("host", "is_for_it"),
    [("news.example", True), ("news.example:8080", True), ("a.press.example", True), ("press.example", False),
     ("other.example", False)],
)  # fmt: skip
def test_a_receiver_is_told_of_its_sites(host, is_for_it):
    assert Receiver("json://x", "json", ("news.example", "*.press.example")).is_for(host) is is_for_it
    assert Receiver("json://x", "json").is_for(host)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'[[notify]]\nurl = "slack://{SECRET}" x', "is not TOML (at line 2)"),
        (f'[[notify]]\nurl = "{SECRET}"\n', "not an address"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nurl_env = "X"\n', "one of them"),
        ("[[notify]]\n", "one of them"),
        ('[[notify]]\nurl_env = "NOT_SET_ANYWHERE"\n', "NOT_SET_ANYWHERE is not set"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nevents = ["gossip"]\n', "edits, withdrawals, alarms, failures"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nsites = "x"\n', "not a list"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nhosts = []\n', "hosts is not known"),
        (f'[[notify]]\nurl = "json://{SECRET}"\nsites = ["x", 3]\n', "not a list"),
        ("notify = [3]\n", "a value is not known; url, url_env, sites, events are"),
        ("[[notify]]\nurl = 3\n", "not an address"),
        ("[[notify]]\nurl = ''\n", "not an address"),
        *((text, "must hold [[notify]] tables")
          for text in (f'url = "json://{SECRET}"\n', f'x = 1\n[[notify]]\nurl = "json://{SECRET}"\n', "notify = 3\n")),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_no_address_is(tmp_path, text, message):
    file = tmp_path / "people.toml"
    file.write_text(text)
    for word, said in ((str(file), message), ("nowhere.toml", "cannot read nowhere.toml"), (SECRET, "--notify")):
        with pytest.raises(CommandError) as raised:
            read_receivers([word])
        assert said in str(raised.value)
        assert SECRET not in str(raised.value)
        assert word != str(file) or "people.toml" in str(raised.value)


ALL = Receiver("json://x", "json (--notify)")
NEWS = (
    NewsItem(NewsEvent.EDITS, ("a.example",), "correction: A bridge\n  https://a.example/1"),
    NewsItem(NewsEvent.EDITS, ("b.example", "z.example"), "headline: A mill\n  https://b.example/1"),
    NewsItem(NewsEvent.ALARMS, ("a.example",), "a.example: articles are short"),
    NewsItem(NewsEvent.FAILURES, ("a.example",), "https://a.example/ failed: HTTP 500"),
)


@pytest.mark.parametrize(
    ("receiver", "title"),
    [
        (ALL, "news.db: 2 edits, 1 thing to look at, 1 failure"),
        (Receiver("x://", "x", ("b.example",)), "news.db: 1 edit"),
        (Receiver("x://", "x", events=frozenset({NewsEvent.ALARMS})), "news.db: 1 thing to look at"),
        (Receiver("x://", "x", ("c.example",)), None),
        (Receiver("x://", "x", events=frozenset({NewsEvent.WITHDRAWALS})), None),
    ],
)
def test_each_receiver_has_what_it_asked_for_and_no_empty_message(receiver, title):
    """One message a receiver, and a line for each that cannot be reached. A failure of unknown hosts is told to all."""
    notice = compose_notice("news.db", NEWS, receiver)
    assert (notice and notice.title) == title
    if receiver is ALL:
        assert notice is not None
        assert notice.body == BODY
    sent: list[str] = []
    is_reached = receiver is ALL
    problems = send_notices(
        "news.db", iter(NEWS), [receiver], lambda _, notice: not sent.append(notice.title) and is_reached
    )
    assert sent == [title] * bool(title)
    assert problems == ([] if is_reached or not title else ["the message to x could not be sent"])
    unknown = NewsItem(NewsEvent.FAILURES, (), "the disk is full")
    assert bool(compose_notice("news.db", [unknown], receiver)) is (NewsEvent.FAILURES in receiver.events)


BODY = (
    "Edits\ncorrection: A bridge\n  https://a.example/1\nheadline: A mill\n  https://b.example/1\n\n"
    "Needs a look\na.example: articles are short\n\nFailures\nhttps://a.example/ failed: HTTP 500"
)


def test_a_new_article_is_news_by_its_title_and_completeness_ends_a_message_and_is_none(tmp_path):
    make, url = Maker(), "https://a.example/1"
    with Archive.open(tmp_path / "a.db", make.clock) as archive:
        front = make.outcome("https://a.example/", page_type="list", discovered_urls=(make.discovered(url),))
        archive.save([front, make.outcome(url, "The bridge has four arches and a toll house.", title="A bridge")])
        settle(archive.db, make.clock)
        archive.db.execute("UPDATE articles SET published_day = '2026-03-01'")
        news = list(read_news(archive.db, ArchiveMoment(0, ""), lambda _edit: ""))
        later = list(read_news(archive.db, ArchiveMoment(latest_seq(archive.db), ""), lambda _edit: ""))
    assert news[0] == NewsItem(NewsEvent.NEW, ("a.example",), f"A bridge (2026-03-01)\n  {url}")
    assert [item.event for item in later] == [None]
    assert compose_notice("a.db", later, ALL) is None
    notice = compose_notice("a.db", news, ALL)
    assert notice is not None
    assert notice.title == "a.db: 1 new article"
    assert notice.body.startswith(f"New articles\nA bridge (2026-03-01)\n  {url}\n\nNo list vouches for the site")
    of_site = compose_notice("a.db", news, Receiver("x://", "x", ("a.example",)))
    assert of_site is not None
    assert of_site.body == f"New articles\nA bridge (2026-03-01)\n  {url}"


def test_a_look_is_about_its_hosts():
    urls = ("https://c.example/1", "https://b.example/2", "https://b.example/3", "no url")
    examples = tuple(SimpleNamespace(url=url) for url in urls)
    subjects = {"alarm": "a.example/part/what", "start": "https://c.example/", "empty": ""}
    looks = [SimpleNamespace(kind=LookKind(kind), subject=it, examples=examples) for kind, it in subjects.items()]
    hosts = [run_notices._hosts_of(look) for look in looks]
    assert hosts == [("a.example",), ("c.example", "b.example"), ("c.example", "b.example")]


def test_a_long_message_is_cut_and_a_hostile_title_does_not_act():
    items = [NewsItem(NewsEvent.EDITS, ("a.example",), f"body: \x1b[2Jstory {number}") for number in range(60)]
    notice = compose_notice("news\n.db", items, ALL)
    assert notice is not None
    assert notice.title == "news .db: 60 edits"
    assert notice.body.count("story") == 50
    assert notice.body.endswith("… and 10 more")
    assert "\x1b" not in notice.body
    whole = compose_notice("a.db", items[:50], ALL)
    assert whole is not None
    assert (whole.body.count("story"), "more" in whole.body) == (50, False)


def test_the_news_of_a_run_are_its_edits_and_alarms_alone(tmp_path):
    make, url = Maker(), "https://a.example/1"
    with Archive.open(tmp_path / "a.db", make.clock) as archive:
        for count in ("four", "three"):
            archive.save([make.outcome(url, f"The bridge has {count} arches and a toll house at each end.", "More.")])
            settle(archive.db, make.clock)
        put_alarm = "INSERT INTO alarms (run_id, at, host, part, what, message) VALUES (?, '', 'a.example', '*', ?, ?)"
        archive.db.execute(put_alarm, [archive.runs.start("crawl", {}, {}), "old", "an old alarm"])
        known_looks = frozenset(look.key for look in judge_archive(archive.db))
        since = ArchiveMoment(latest_seq(archive.db), make.clock(), known_looks)
        archive.save([make.outcome(url, "The bridge has two arches and a toll house at each end.", "More.")])
        settle(archive.db, make.clock)
        archive.db.execute(put_alarm, [archive.runs.start("update", {}, {}), "new", "a new alarm"])
        archive.db.execute("UPDATE urls SET found_via = 'seed'")
        archive.db.conn.commit()
        items = list(read_news(archive.db, since, lambda edit: edit.kind))
        [in_room, _] = read_news(archive.db, since, str, "http://127.0.0.1:8000/a")
        archive.save([make.outcome(f"https://{host}/", "x") for host in ("b.example", "a.example", "0.example")])
        archive.db.execute("UPDATE urls SET found_via = 'seed' WHERE host <> 'b.example'")
        assert seed_hosts(archive.db) == ("0.example", "a.example")
    assert [(item.event, item.hosts) for item in items if item.event] == [
        (NewsEvent.EDITS, ("a.example",)), (NewsEvent.ALARMS, ("a.example",)),
    ]  # fmt: skip
    assert url in items[0].line
    assert re.search(
        r"both versions: http://127\.0\.0\.1:8000/a/article/\d+/diff\?from=2&to=3\n"
        r"  before: http://127\.0\.0\.1:8000/a/capture/\d+\n  after: http://127\.0\.0\.1:8000/a/capture/\d+$",
        in_room.line,
    )
    assert "The bridge has [-three-] {+two+} arches" in items[0].line
    assert re.search(r"both versions: broadsheet diff \S+a\.db \d+ --from 2 --to 3$", items[0].line)
    assert "a new alarm\n  the site has changed" in items[1].line


class ScriptedApprise:
    """In place of Apprise: knows json addresses, and notes what it is given."""

    noted: ClassVar[list[object]] = []

    def __init__(self, asset: object = None) -> None:
        self.noted.append(asset)

    def add(self, url: str) -> bool:
        self.noted.append(url)
        return url.startswith("json:")

    def notify(self, *words: str, **options: object) -> bool:
        self.noted.append((*words, options))
        if words[0] == "boom":
            raise ValueError(SECRET)
        return words[0] != "refused"


@pytest.mark.parametrize(
    ("url", "body", "is_sent"),
    [("json://x", "text", True), ("json://x", "refused", False), ("json://x", "boom", False), ("y://x", "text", False)],
)
def test_a_message_is_sent_by_apprise_which_logs_nothing(monkeypatch, url, body, is_sent):
    names = ("apprise", "requests", "urllib3", "requests_oauthlib", "oauthlib")
    for name in names:
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    noted: ClassVar[list[object]] = []
    monkeypatch.setattr(ScriptedApprise, "noted", noted)
    monkeypatch.setattr("apprise.Apprise", ScriptedApprise)
    monkeypatch.setattr("apprise.AppriseAsset", lambda **options: options)
    assert send_notice(Receiver(url, "x"), NoticeText("title", body)) is is_sent
    asked = [] if url == "y://x" else [(body, "title", {"body_format": "text"})]
    assert noted == [{"secure_logging": True, "storage_mode": "memory"}, url, *asked]
    loggers = [logging.getLogger(name) for name in names]
    assert [(logger.level > logging.CRITICAL, logger.propagate) for logger in loggers] == [(True, False)] * 5
    assert is_known_address(Receiver(url, "x")) is (url == "json://x")
