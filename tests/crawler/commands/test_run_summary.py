"""The closing words of a crawl."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.commands.run_summary import (
    RunResult,
    exit_code,
    failure_looks,
    judge_run,
    next_steps,
    print_failures,
    print_stopped,
    print_summary,
)
from broadsheet.output.read.judgement import Look, LookKind, Severity
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome

SEED = "https://a.example/river"  # in the archive, as an article
MISSING = "https://a.example/missing"


def run(db: Path, *seeds: str, ended: str = "", **stored: int) -> RunResult:
    return RunResult(str(db), seeds or (SEED,), 2.0, stored or {"done/article": 2}, ended)


def add(db: Path, *outcomes: Outcome) -> None:
    with Archive.open(db) as archive:
        archive.save(outcomes)


def test_exit_codes(db: Path, tmp_path: Path) -> None:
    add(db, Outcome(MISSING, "failed", "http_404"))
    assert exit_code(run(db)) == 0
    assert exit_code(run(db, MISSING)) == 1
    assert exit_code(run(db, MISSING, SEED)) == 0
    assert exit_code(run(db, ended="archive: disk full")) == 1
    assert exit_code(run(db, ended="fault: KeyError: 'x'")) == 1
    assert exit_code(run(db, ended="max_pages")) == 0
    Archive.open(tmp_path / "empty.db").close()
    assert exit_code(run(tmp_path / "empty.db")) == 1


def test_the_summary_counts_rendered_pages(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(run(db), ())
    assert "browser:" not in capsys.readouterr().out
    stats = {"broadsheet/browser/gained": 2, "broadsheet/browser/hung": 1, "broadsheet/pages": 9}
    print_summary(RunResult(str(db), (SEED,), 2.0, {"done/article": 2}, stats=stats), ())
    assert "Rendered in a browser: 3 pages, of which 2 showed more\n" in capsys.readouterr().out


def test_a_crawl_that_a_limit_ended_before_its_first_page_is_not_called_done(db, capsys):
    print_summary(RunResult(str(db), (SEED,), 5.0, {}, "max_time"), ())
    shown = capsys.readouterr().out
    assert "Nothing to do" not in shown
    assert "0 pages fetched in 5 s\n" in shown
    assert "\nStopped at --max-time; the same command with more room goes on from here.\n" in shown
    print_summary(RunResult(str(db), (SEED,), 5.0, {}), ())
    assert "Nothing to do: every URL that was found is done." in capsys.readouterr().out


def test_the_summary_names_reasons(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = {"done/article": 2, "done/robots": 1, "failed/timeout": 3, "skipped/media_type": 1}
    ended = RunResult(str(db), (SEED,), 61.4, stored | {"skipped/not_there": 4})
    print_summary(ended, judge_run(ended))
    shown = capsys.readouterr()
    assert shown.out.startswith(f"2 articles in {db}; 2 pages fetched in 61 s\n")
    assert "Failed: 3 URLs (no answer in time)\n" in shown.out
    assert "Skipped: 1 URL (a file such as a PDF or an image, not a page)\n" in shown.out
    assert re.search(r"\nRemoved from the pages: \d+ \w", shown.out)
    assert shown.err == ""


def test_complaints(db: Path, tmp_path: Path) -> None:
    with Archive.open(db) as archive:
        archive.runs.start("crawl", {"seeds": [SEED, MISSING]}, {})
    assert failures(run(db)) == []
    add(db, Outcome(MISSING, "failed", "http_404"))
    assert failures(run(db, SEED, MISSING)) == [f"The start URL {MISSING} failed: HTTP 404 Not Found"]
    Archive.open(tmp_path / "empty.db").close()
    assert failures(run(tmp_path / "empty.db")) == []


def failures(ended: RunResult) -> list[str]:
    return [look.sentence for look in failure_looks(ended, judge_run(ended))]


def test_next_steps_quote_the_file() -> None:
    assert "search 'my file; rm.db' WORDS" in next_steps("my file; rm.db")


def test_eight_reasons_are_named_the_most_frequent_first(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    statuses = (401, 403, 405, 406, 408, 410, 429, 500)
    stored = {f"failed/http_{status}": count for count, status in enumerate(statuses, 2)}
    counts = {"done/article": 1, "done/list": 2, "done/not_modified": 3, "done/picture": 1234, "done/redirect": 5}
    more = [{}, {"failed/dns": 1}, {"failed/dns": 1, "failed/timeout": 1}]
    lines = []
    for others in more:
        print_summary(RunResult(str(db), (SEED,), 59.5, stored | counts | others), ())
        lines.append(capsys.readouterr().out.splitlines())
    named = (
        "Failed: 9 URLs (HTTP 500 Internal Server Error); 8 URLs (HTTP 429 Too Many Requests); 7 URLs (HTTP 410 Gone); "
        "6 URLs (HTTP 408 Request Timeout); 5 URLs (HTTP 406 Not Acceptable); 4 URLs (HTTP 405 Method Not Allowed); "
        "3 URLs (HTTP 403 Forbidden); 2 URLs (HTTP 401 Unauthorized)"
    )
    assert [next(line for line in shown if line.startswith("Failed")) for shown in lines] == [
        named, f"{named}; 1 more kind", f"{named}; 2 more kinds",
    ]  # fmt: skip
    assert lines[0][0] == f"2 articles in {db}; 3 pages fetched, 3 URLs unchanged, 1,234 pictures in 60 s"


@pytest.mark.parametrize(
    ("end", "how"),
    [("killed", "Stopped at once; what was under way is asked for again."), ("", "Stopped.")],
)
def test_a_stopped_crawl_says_how_and_what_it_has(db, end, how, capsys):
    with Archive.open(db) as archive:
        found = DiscoveredUrl("https://a.example/next", "a.example")
        archive.save([Outcome("https://a.example/", "done", "list", discovered_urls=(found,))])
    print_stopped(RunResult(str(db), (SEED,), 7.4, {"done/article": 2, "failed/dns": 1}, end, 2))
    assert capsys.readouterr().err.splitlines() == [
        f"{how} {db} is in order, and the same command goes on from here.",
        "So far: 2 articles; 2 pages fetched in 7 s; 1 URL waiting.",
    ]
    print_stopped(RunResult(str(db.with_name("none.db")), (SEED,), 7.4, {}, end, 2))
    assert capsys.readouterr().err.count("\n") == 1


def test_what_failed_is_a_line_each_with_its_advice(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = Look(LookKind.START, Severity.LOOK, 1, "The start failed", "look at it", subject=MISSING)
    looks = [
        start, replace(start, subject=SEED, sentence="Another start failed"),
        replace(start, kind=LookKind.EDITED, severity=Severity.FAULT, sentence="A fault", advice=""),
        replace(start, kind=LookKind.EDITED, sentence="Only a look"),
    ]  # fmt: skip
    told: list[str] = []
    print_failures(run(db, MISSING), looks, told.append)
    assert told == ["The start failed", "A fault"]
    assert capsys.readouterr().err == "broadsheet: The start failed (look at it)\nbroadsheet: A fault\n"
