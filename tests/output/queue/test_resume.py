from __future__ import annotations

import itertools

import pytest

from output.outcome import Found, Outcome
from output.queue.resume import came_by, first_start, moved_to, runs
from output.write.archive import Archive

HOST = "http://a.test"


def redirect(archive: Archive, *names: str, state: str = "done") -> None:
    """Each of the URLs was found to have moved to the next one."""
    for name, target in itertools.pairwise(names):
        found = (Found(f"{HOST}/{target}", "a.test", via="redirect", on=f"{HOST}/{name}"),)
        archive.save([Outcome(f"{HOST}/{name}", state, "redirect", 301, found=found, location=f"{HOST}/{target}")])


def urls(*names: str) -> tuple[str, ...]:
    return tuple(f"{HOST}/{name}" for name in names)


def test_what_waits_is_known_by_the_redirects_that_led_there(archive: Archive) -> None:
    redirect(archive, "a", "b", "c")
    redirect(archive, "x", "y")
    archive.save([Outcome(f"{HOST}/y", "done", "article", 200)])
    assert came_by(archive.db, 10) == {f"{HOST}/c": urls("a", "b")}


def test_a_chain_is_cut_and_a_circle_ends(archive: Archive) -> None:
    redirect(archive, *"abcdefgh")
    assert came_by(archive.db, 3) == {f"{HOST}/h": urls("e", "f", "g")}
    redirect(archive, "p", "q", "p")
    redirect(archive, "q", "waits")
    assert came_by(archive.db, 10)[f"{HOST}/waits"] == urls("p", "q")


def test_a_redirect_that_was_not_followed_leads_nowhere(archive: Archive) -> None:
    redirect(archive, "a", "b", state="failed")
    assert came_by(archive.db, 10) == {}
    assert moved_to(archive.db, urls("a"), 10) == ()


@pytest.mark.parametrize(("most", "found"), [(10, ("b", "c")), (1, ("b",))])
def test_where_start_urls_moved(archive: Archive, most: int, found: tuple[str, ...]) -> None:
    redirect(archive, "a", "b", "c")
    assert moved_to(archive.db, urls("a", "other"), most) == urls(*found)


def test_start_urls_that_move_in_a_circle(archive: Archive) -> None:
    redirect(archive, "a", "b", "a")
    assert set(moved_to(archive.db, urls("a"), 10)) == set(urls("a", "b"))


def test_crawls_and_what_is_none(archive: Archive) -> None:
    archive.start_run("crawl one", {"seeds": ["one"], "max_depth": 2}, {})
    archive.start_run("something else", {}, {})
    archive.start_run("crawl two", {"seeds": ["two"]}, {})
    assert runs(archive.db) == [{"seeds": ["one"], "max_depth": 2}, {"seeds": ["two"]}]


def test_an_update_that_was_cut_short_began_with_the_first_of_its_kind(archive: Archive) -> None:
    def run(revisit: str, *end: str) -> None:
        number = archive.start_run(f"update {revisit}", {"seeds": ["one"], "revisit": revisit}, {})
        if end:
            archive.finish_run(number, *end, {})  # type: ignore[arg-type]

    started = "SELECT started_at FROM runs ORDER BY started_at DESC LIMIT 1"
    run("all", "finished", "finished")
    assert first_start(archive.db, "all") == ""
    run("all")
    begun = archive.db.execute(started).fetchone()[0]
    run("all", "stopped", "shutdown")
    run("all", "finished", "max_pages")
    assert first_start(archive.db, "all") == begun
    assert first_start(archive.db, "update") == ""
    assert first_start(archive.db, "") == ""
    run("update", "stopped", "shutdown")
    assert first_start(archive.db, "all") == ""
