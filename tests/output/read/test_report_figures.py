"""Tests."""

from itertools import pairwise

import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.output.read.report_figures import gather_report, known_hosts
from broadsheet.output.read.report_text import render
from tests.internal_tables import LAYOUTS, RENDERED_LAYOUTS
from tests.output.filled_rows import put


def filled(archive, make):
    discovered = (
        make.discovered("http://a.test/b", found_via="sitemap"),
        make.discovered("http://a.test/c", state="skipped", reason="depth"),
    )
    archive.save(
        [
            make.outcome(
                "http://a.test/1",
                "text one",
                removed=("share this now", "x"),
                discovered_urls=discovered,
                outside_links={"b.test": 7},
            ),
            make.failure("http://a.test/2", "http_404"),
        ]
    )
    archive.runs.start("crawl http://a.test/\x1b[31m", {}, {})
    return gather_report(archive.db)


def test_it_fits_the_width_and_names_what_it_leaves_out(archive, make):
    report = filled(archive, make)
    for width in (30, 60, 120):
        text = render(report, (), width, max_lines=2)
        assert max(map(len, text.splitlines())) <= width
        assert "… and 2 more" in text
        assert "\x1b" not in text
    assert "share.icons" in render(report, ())


def test_an_empty_archive_has_a_report(archive):
    assert render(gather_report(archive.db), ()) == "0 articles; nothing needs a look.\n"


def test_layouts_that_were_rendered_often_come_first(archive):
    for number, (rendered, host) in enumerate([(1, "a"), (2, "b"), (2, "a"), (2, "a")]):
        values = {"rendered": rendered, "host": host, "requests": 4 - number}
        put(archive.db, RENDERED_LAYOUTS, number, **values, signature=-number, decision="all")
    assert [layout.requests for layout in gather_report(archive.db).rendered_layouts] == [1, 2, 3, 4]


def test_a_report_names_so_many_and_no_more(archive):
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for number in range(101):
        put(archive.db, "urls", number, id=number, state="done", kind="page")
        put(archive.db, "pages", number, id=number, layout_id=number, certainty=0.5)
        put(archive.db, "articles", number, id=number, page_id=number)
        put(archive.db, LAYOUTS, number, id=number, pages=number)
        if number <= 20:
            ids = {"article_id": 2 * number, "duplicate_id": 2 * number + 1, "cluster_id": number}
            put(archive.db, "duplicates", number, **ids, kind="near")
    report = gather_report(archive.db)
    assert (len(report.uncertain), len(report.clusters)) == (100, 20)
    assert sorted(layout.pages for layout in report.layouts) == list(range(3, 101))


def test_the_first_of_a_cluster_is_that_of_the_view(archive, make):
    dates = {"a": "2024-05-03", "b": "2024-05-02T10:00:00+02:00", "c": "", "d": "", "e": "2024-05-03"}
    for name, published in dates.items():
        metadata = Metadata(title=name, published=published)
        archive.save([make.outcome(f"http://a.test/{name}", f"text {name} " * len(name), metadata=metadata)])
    numbers = dict(archive.db.execute("SELECT title, id FROM articles").fetchall())
    for cluster, names in ((1, "abc"), (2, "de")):
        likeness = {"kind": "near", "similarity": 0.9, "contained": 0.9, "cluster_id": cluster}
        pairs = pairwise(numbers[name] for name in names)
        archive.db["duplicates"].insert_all({"article_id": a, "duplicate_id": b, **likeness} for a, b in pairs)
    first_urls = archive.db.execute("""SELECT url FROM article_clusters WHERE by_date = 1
        AND cluster_id IN (SELECT cluster_id FROM duplicates) ORDER BY url""").fetchall()
    clusters = gather_report(archive.db).clusters
    assert [(cluster.articles, cluster.url) for cluster in clusters] == [(3, "http://a.test/b"), (2, "http://a.test/e")]
    assert sorted((cluster.url,) for cluster in clusters) == first_urls


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
