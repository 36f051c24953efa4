"""Settling much is committed in steps, and a cut between two of them costs nothing but time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.output.read.verify import verify
from broadsheet.output.settle import settle_steps as steps
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.unsettled import is_settled
from broadsheet.output.write.archive_writer import Archive
from tests.output.conftest import Maker
from tests.output.settle.stories import HOSTS, PROMO, story


@pytest.fixture
def three_hosts(archive: Archive, make: Maker) -> Archive:
    """Three hosts with six pages each, all of which end with the same promo; nothing is settled."""
    urls = [f"http://{host}/story-{number}" for host in HOSTS for number in range(6)]
    archive.save([make.outcome(url, story(url), PROMO) for url in urls])
    return archive


@pytest.fixture
def commits(three_hosts: Archive) -> Iterator[list[str]]:
    """The transactions that the archive's connection commits."""
    statements: list[str] = []
    three_hosts.db.conn.set_trace_callback(lambda sql: statements.append(sql) if sql == "COMMIT" else None)
    yield statements
    three_hosts.db.conn.set_trace_callback(None)


def has_promo(archive: Archive) -> list[str]:
    """The hosts whose articles still have the promo."""
    query = "SELECT DISTINCT host FROM articles WHERE instr(text, ?) ORDER BY host"
    return [host for (host,) in archive.db.execute(query, [PROMO])]


def test_what_changes_few_rows_is_one_transaction(three_hosts: Archive, make: Maker, commits: list[str]) -> None:
    settle(three_hosts.db, make.clock)
    assert len(commits) == 1
    assert has_promo(three_hosts) == []


def test_much_is_committed_host_by_host(
    three_hosts: Archive, make: Maker, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    settle(three_hosts.db, make.clock)
    assert len(commits) == len(HOSTS) + 2  # before the first host, after each, and at the end
    assert has_promo(three_hosts) == []
    assert is_settled(three_hosts.db)
    assert verify(three_hosts.db) == []


def test_within_the_callers_transaction_nothing_is_committed(
    three_hosts: Archive, make: Maker, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    three_hosts.db.execute("BEGIN IMMEDIATE")
    settle(three_hosts.db, make.clock)
    assert commits == []
    three_hosts.db.rollback()
    assert has_promo(three_hosts) == list(HOSTS)


def test_what_was_cut_off_between_two_hosts_is_settled_as_a_whole(
    three_hosts: Archive, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(three_hosts.db, make.clock)
    three_hosts.save([make.outcome(f"http://{host}/story-9", story(host), PROMO) for host in HOSTS])
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    hosts_left = 2

    def cut(self: steps.SettleSteps) -> None:
        nonlocal hosts_left
        end_step(self)
        hosts_left -= 1
        if hosts_left == 0:
            raise InterruptedError

    end_step = steps.SettleSteps.end_step
    with monkeypatch.context() as patch:
        patch.setattr(steps.SettleSteps, "end_step", cut)
        with pytest.raises(InterruptedError):
            settle(three_hosts.db, make.clock)
    assert has_promo(three_hosts) == ["b.test", "c.test"]
    assert not is_settled(three_hosts.db)
    assert verify(three_hosts.db) == []
    settle(three_hosts.db, make.clock)
    assert has_promo(three_hosts) == []
    assert is_settled(three_hosts.db)


def test_an_archive_that_somebody_else_wrote_to_meanwhile_is_not_settled(
    three_hosts: Archive, file: Path, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    others = [sqlite3.connect(file)]

    def write_between(sql: str) -> None:
        if sql == "BEGIN IMMEDIATE" and three_hosts.db.conn.total_changes > rows_before and others:
            with others.pop() as other:
                other.execute("INSERT INTO meta (key, value) VALUES ('note', 'of another program')")

    rows_before = three_hosts.db.conn.total_changes
    three_hosts.db.conn.set_trace_callback(write_between)
    settle(three_hosts.db, make.clock)
    three_hosts.db.conn.set_trace_callback(None)
    assert not others
    assert not is_settled(three_hosts.db)
    settle(three_hosts.db, make.clock)
    assert is_settled(three_hosts.db)


def test_the_body_is_rolled_back_to_the_last_step(three_hosts: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    db = three_hosts.db

    def write_two_steps() -> None:
        with steps.settle_in_steps(db) as running:
            db.execute("INSERT INTO meta (key, value) VALUES ('first', '1')")
            running.end_step()
            db.execute("INSERT INTO meta (key, value) VALUES ('second', '2')")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        write_two_steps()
    assert db.execute("SELECT key FROM meta WHERE key IN ('first', 'second')").fetchall() == [("first",)]
    assert not db.conn.in_transaction


def test_a_lock_that_another_program_took_between_two_steps_ends_it_where_it_stands(
    three_hosts: Archive, file: Path, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROWS_PER_STEP", 1)
    db, other = three_hosts.db, sqlite3.connect(file, isolation_level=None)
    db.execute("PRAGMA busy_timeout = 0")
    end_step = steps.SettleSteps.end_step

    def lock_between(sql: str) -> None:
        if sql == "BEGIN IMMEDIATE":
            other.execute(sql)

    def end_first_step(self: steps.SettleSteps) -> None:
        db.conn.set_trace_callback(lock_between)
        end_step(self)

    with monkeypatch.context() as patch:
        patch.setattr(steps.SettleSteps, "end_step", end_first_step)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            settle(db, make.clock)
    db.conn.set_trace_callback(None)
    other.close()
    assert not db.conn.in_transaction
    settle(db, make.clock)
    assert has_promo(three_hosts) == []
