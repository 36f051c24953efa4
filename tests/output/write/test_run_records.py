"""Runs of an archive and the redirects that they followed."""

import itertools

import pytest

from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from broadsheet.output.write.run_records import (
    hosts_of_queued_seeds,
    moved_seeds,
    redirect_chains,
    stated_fields,
    unfinished_update_start,
    useless_seeds,
)
from broadsheet.output.write.takedowns import take_down
from tests.output.filled_rows import put

HOST = "http://a.test"


def redirect(archive: Archive, *names: str, state: str = "done") -> None:
    """Each of the URLs was found to have moved to the next one."""
    for name, target in itertools.pairwise(names):
        target_url, page_url = f"{HOST}/{target}", f"{HOST}/{name}"
        discovered_urls = (DiscoveredUrl(target_url, "a.test", found_via="redirect", found_on=page_url),)
        archive.save([Outcome(page_url, state, "redirect", 301, discovered_urls=discovered_urls, location=target_url)])


def urls(*names: str) -> tuple[str, ...]:
    return tuple(f"{HOST}/{name}" for name in names)


@pytest.mark.parametrize(
    ("redirects", "most", "chains"),
    [
        (["abc"], 10, {"c": "ab"}),
        (["abcdefgh"], 3, {"h": "efg"}),  # cut
        (["pqp", "qw"], 10, {"w": "pq"}),  # a circle ends
        (["xy"], 10, {"y": "x"}),
        (["xY"], 10, {}),  # which does not wait
    ],
)
def test_what_waits_is_known_by_the_redirects_that_led_there(archive, redirects, most, chains):
    archive.save([Outcome(f"{HOST}/Y", "done", "article", 200)])
    for names in redirects:
        redirect(archive, *names)
    expected = {f"{HOST}/{end}": urls(*names) for end, names in chains.items()}
    assert redirect_chains(archive.db, most) == expected


@pytest.mark.parametrize(
    ("names", "state", "max_steps", "targets"),
    [("abc", "done", 10, "bc"), ("abc", "done", 1, "b"), ("ab", "failed", 10, ""), ("aba", "done", 10, "ba")],
)
def test_where_start_urls_moved(archive, names, state, max_steps, targets):
    redirect(archive, *names, state=state)
    assert moved_seeds(archive.db, urls("a", "other"), max_steps) == urls(*targets)
    assert state == "done" or redirect_chains(archive.db, 10) == {}


def test_hosts_whose_start_page_is_still_to_be_read(archive):
    sources = {"queued": "seed", "read": "seed", "linked": "link"}
    rows = [DiscoveredUrl(f"http://{name}.test/", f"{name}.test", found_via=via) for name, via in sources.items()]
    archive.save([Outcome(f"{HOST}/", "done", "list", 200, discovered_urls=tuple(rows))])
    archive.save([Outcome("http://read.test/", "done", "list", 200)])
    start_urls = [*(row.url for row in rows), "http://unknown.test/"]
    assert hosts_of_queued_seeds(archive.db, start_urls) == {"queued.test"}


def test_start_urls_that_are_of_no_use_failed_for_good_or_were_taken_down(archive):
    archive.save([Outcome(f"{HOST}/gone", "failed", "http_404", 404), Outcome(f"{HOST}/list", "done", "list", 200)])
    archive.save([Outcome(f"{HOST}/down", "done", "list", 200)])
    take_down(archive.db, f"{HOST}/down")
    seeds = urls("list", "gone", "down", "unknown")
    assert useless_seeds(archive.db, seeds) == dict(zip(urls("gone", "down"), ("http_404", "forgotten"), strict=True))


def test_an_update_that_was_cut_short_began_with_the_first_of_its_kind(archive):
    def run(revisit: str, *end: str) -> None:
        number = archive.runs.start(f"update {revisit}", {"seeds": ["one"], "revisit": revisit}, {})
        if end:
            archive.runs.finish(number, *end, {})  # type: ignore[arg-type]

    started = "SELECT started_at FROM runs ORDER BY started_at DESC LIMIT 1"
    run("all", "finished", "finished")
    assert unfinished_update_start(archive.db, "all") == ""
    run("all")
    begun = archive.db.execute(started).fetchone()[0]
    run("all", "stopped", "shutdown")
    run("all", "finished", "max_pages")
    assert unfinished_update_start(archive.db, "all") == begun
    assert unfinished_update_start(archive.db, "update") == ""
    assert unfinished_update_start(archive.db, "") == ""
    run("update", "stopped", "shutdown")
    assert unfinished_update_start(archive.db, "all") == ""


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


def test_of_the_runs_of_one_second_the_later_has_the_greater_id(tmp_path):
    with Archive.open(tmp_path / "a.db", lambda: "2026-01-01T10:00:00Z") as archive:
        ids = [archive.runs.start(f"crawl {number}", {}, {}) for number in range(30)]
        assert ids == sorted(set(ids))
        commands = archive.db.execute("SELECT command FROM runs ORDER BY started_at, id")
        assert [command for (command,) in commands] == [f"crawl {number}" for number in range(30)]


def test_no_password_of_a_url_is_noted(archive):
    options = {"seeds": ("https://me:pw1@a.test/",), "proxy": {"https": ["http://me:pw2@proxy.test:80", 7, None]}}
    run = archive.runs.start("crawl https://me:pw3@a.test/", options, {})
    noted = '{"seeds": ["https://a.test/"], "proxy": {"https": ["http://proxy.test:80", 7, null]}}'
    assert rows(archive, f"SELECT command, options FROM runs WHERE id = {run}") == [("crawl https://a.test/", noted)]


def test_a_number_that_another_run_has_is_given_to_no_second_one(file, make, monkeypatch):
    monkeypatch.setattr("broadsheet.output.write.run_records.content_id", lambda *_: 7)
    with Archive.open(file, make.clock) as archive:
        assert [archive.runs.start("crawl", {}, {}) for _ in range(3)] == [7, 8, 9]


def test_what_a_response_stated_is_that_of_the_last_before_a_time_and_of_no_document_that_a_browser_made(archive):
    usage = '["robots.txt ai=n", "tdm-reservation: 1"]'
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for number, at, said in ((2, "08:00", "noindex"), (1, "09:00", "noai"), (3, "09:30", "late"), (4, "09:00", "made")):
        put(archive.db, "captures", number, url=f"{HOST}/a", fetched_at=f"2026-11-02T{at}:00Z", usage_stated=usage,
            directives=f'["{said}"]', rendered_for=f"{HOST}/a" if said == "made" else None)  # fmt: skip
    times = [f"2026-11-02T{at}:00Z" for at in ("07:00", "08:59", "09:10", "12:00")]
    found = [stated_fields(archive.db, f"{HOST}/a", at)[0] for at in times]
    assert found == [("x-robots-tag", said) for said in ("noindex", "noindex", "noai", "late")]
    assert stated_fields(archive.db, f"{HOST}/a", times[2])[1:] == [("tdm-reservation", "1")]
    assert stated_fields(archive.db, f"{HOST}/b", times[2]) == []
