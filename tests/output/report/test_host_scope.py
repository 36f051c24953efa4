from __future__ import annotations

import pytest

from broadsheet.output.report.figures import gather_report
from broadsheet.output.report.host_scope import known_hosts


@pytest.fixture
def two_hosts(archive, make):
    archive.save([make.outcome("http://a.test/1", "one text", removed=("x",)), make.failure("http://a.test/2")])
    archive.save([make.outcome("http://www.b.test/1", "another text")])
    return archive.db


def test_a_report_on_one_host_counts_its_rows_alone(two_hosts):
    report = gather_report(two_hosts, "a.test")
    assert report.articles == 1
    assert sum(row.urls for row in report.urls) == 2
    assert sum(row.blocks for row in report.removed) == 1
    assert gather_report(two_hosts, "B.test").articles == 1
    assert gather_report(two_hosts, "c.test").articles == 0


def test_afterwards_every_host_is_there_again(two_hosts):
    gather_report(two_hosts, "a.test")
    assert gather_report(two_hosts).articles == 2


def test_a_host_is_quoted(two_hosts):
    assert gather_report(two_hosts, "' OR 1=1 --").articles == 0
    assert known_hosts(two_hosts, "x'y") == []


def test_hosts_that_are_known(two_hosts):
    assert known_hosts(two_hosts, "") == ["a.test", "www.b.test"]
    assert known_hosts(two_hosts, "b.test") == ["www.b.test"]


def test_a_host_without_its_port(archive, make):
    archive.save([make.outcome("http://a.test:8000/1", "one text"), make.outcome("http://b.test/1", "another text")])
    assert known_hosts(archive.db, "a.test") == ["a.test:8000"]
    assert gather_report(archive.db, "a.test").articles == 1
    assert known_hosts(archive.db, "a.test:9000") == []
