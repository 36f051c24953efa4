from itertools import pairwise

from broadsheet.cleaners.document import Metadata
from broadsheet.output.read.report_figures import gather_report, known_hosts
from broadsheet.output.read.report_text import render
from tests.internal_tables import RENDERED_LAYOUTS
from tests.output.filled_rows import put


def test_an_empty_archive_has_a_report(archive):
    assert render(gather_report(archive.db), ()) == "0 articles; nothing needs a look.\n"


def test_layouts_that_were_rendered_often_come_first(archive):
    for number, (rendered, host) in enumerate([(1, "a"), (2, "b"), (2, "a"), (2, "a")]):
        values = {"rendered": rendered, "host": host, "requests": 4 - number}
        put(archive.db, RENDERED_LAYOUTS, number, **values, signature=-number, decision="all")
    assert [layout.requests for layout in gather_report(archive.db).rendered_layouts] == [1, 2, 3, 4]


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


def test_a_report_on_a_host_counts_its_rows_alone(archive, make):
    """A host is named with its port or without; each is quoted, and afterwards every host is there again."""
    archive.save(
        [make.outcome("http://a.test:8000/1", "one text", removed=("x",)), make.failure("http://a.test:8000/2")]
    )
    archive.save([make.outcome("http://www.b.test/1", "another text")])
    db = archive.db
    report = gather_report(db, "a.test")
    assert (report.articles, sum(row.urls for row in report.urls), sum(row.blocks for row in report.removed)) == (
        1,
        2,
        1,
    )
    named = {"": 2, "B.test": 1, "c.test": 0, "' OR 1=1 --": 0}
    assert {host: gather_report(db, host).articles for host in named} == named
    known = {"": ["a.test:8000", "www.b.test"], "b.test": ["www.b.test"], "a.test": ["a.test:8000"],
             "a.test:9000": [], "x'y": []}  # fmt: skip
    assert {host: known_hosts(db, host) for host in known} == known
