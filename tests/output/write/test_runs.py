from __future__ import annotations

from broadsheet.output.write.archive import Archive


def rows(archive, sql):
    return archive.db.execute(sql).fetchall()


def test_runs(archive):
    first = archive.runs.start("crawl a", {"delay": 1}, {"broadsheet": "0"})
    second = archive.runs.start("crawl b", {}, {})
    archive.runs.finish(second, "finished", "queue empty", {"articles": 3})
    assert rows(archive, "SELECT id, outcome, reason, counts FROM runs ORDER BY started_at") == [
        (first, "killed", None, None),
        (second, "finished", "queue empty", '{"articles": 3}'),
    ]


def test_two_runs_in_one_second_have_two_ids(file):
    with Archive.open(file, lambda: "2026") as archive:
        assert archive.runs.start("crawl", {}, {}) != archive.runs.start("crawl", {}, {})


def test_of_the_runs_of_one_second_the_later_has_the_greater_id(tmp_path):
    with Archive.open(tmp_path / "a.db", lambda: "2026-01-01T10:00:00+00:00") as archive:
        ids = [archive.runs.start(f"crawl {number}", {}, {}) for number in range(30)]
        assert ids == sorted(set(ids))
        commands = archive.db.execute("SELECT command FROM runs ORDER BY started_at, id")
        assert [command for (command,) in commands] == [f"crawl {number}" for number in range(30)]


def test_no_password_of_a_url_is_noted(archive):
    options = {"seeds": ("https://me:pw1@a.test/",), "proxy": {"https": ["http://me:pw2@proxy.test:80", 7, None]}}
    run = archive.runs.start("crawl https://me:pw3@a.test/", options, {})
    assert rows(archive, f"SELECT command, options FROM runs WHERE id = {run}") == [
        (
            "crawl https://a.test/",
            '{"seeds": ["https://a.test/"], "proxy": {"https": ["http://proxy.test:80", 7, null]}}',
        )
    ]
