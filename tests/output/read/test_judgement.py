"""Made archives, and what is said of each, in every place that judges an archive."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.run_summary import RunResult, failure_looks, judge_run, print_failures, print_summary
from broadsheet.crawler.fleet.run_notices import ArchiveMoment, read_news
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.archive_lock import ArchiveLock
from broadsheet.output.archive.installed_extras import install_command
from broadsheet.output.browse.article_list import count_facets
from broadsheet.output.browse.report_page import count_figures, read_report
from broadsheet.output.read import judgement
from broadsheet.output.read.archive_facts import gather_facts
from broadsheet.output.read.coverage import measure_coverage
from broadsheet.output.read.judgement import LookKind, Severity, judge, judge_archive, look_values, verdict_sentence
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.internal_tables import IMAGES, YIELDS
from tests.output import told
from tests.output.conftest import Maker

SITE = "https://a.example"
SEED = f"{SITE}/"


def crawled(archive: Archive, *outcomes: Outcome, seeds: tuple[str, ...] = (SEED,), end: str = "finished") -> int:
    """A crawl of these start URLs that gave these outcomes."""
    run_id = archive.runs.start(f"crawl {' '.join(seeds)}", {"seeds": list(seeds)}, {})
    archive.save(list(outcomes))
    if end:
        archive.runs.finish(run_id, end, "", {})
    return run_id


def start_page(make: Maker, page_type: PageType = PageType.LIST, *urls: str) -> Outcome:
    found = tuple(make.discovered(url, found_via="link") for url in urls)
    return make.outcome(SEED, page_type=page_type, discovered_urls=found)


def article(make: Maker, name: str = "1", **changes: object) -> Outcome:
    return make.outcome(f"{SITE}/{name}", " ".join(f"word{name}{n}" for n in range(60)), **changes)


def dated(archive: Archive) -> None:
    archive.db.execute("UPDATE articles SET published_day = '2026-01-01'")


def nothing_readable(archive: Archive, make: Maker) -> None:
    pages = [make.outcome(f"{SITE}/{n}", page_type=PageType.EMPTY) for n in range(3)]
    crawled(archive, start_page(make), *pages)


def dead_start(archive: Archive, make: Maker) -> None:
    crawled(archive, make.failure(SEED, "http_404"))


def one_dead_start(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), article(make), make.failure(f"{SITE}/b", "dns"), seeds=(SEED, f"{SITE}/b"))
    dated(archive)


def needs_browser(archive: Archive, make: Maker) -> None:
    pages = [make.outcome(f"{SITE}/{n}", page_type=PageType.NEEDS_JAVASCRIPT) for n in range(2, 5)]
    crawled(archive, start_page(make), article(make), *pages)
    dated(archive)


def walls(archive: Archive, make: Maker) -> None:
    pages = [make.outcome(f"{SITE}/{n}", page_type=PageType.WALL) for n in range(2, 5)]
    crawled(archive, start_page(make), article(make), *pages)
    dated(archive)


def walled_start(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make, PageType.WALL), article(make))
    dated(archive)


def withdrawn(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), *(article(make, str(n), title=f"Story {n}") for n in range(7)))
    dated(archive)
    rows = [
        {"article_id": number, "seen_at": "2026-02-01T00:00:00+00:00", "title": "", "text_digest": "", "number": 2,
         "change": "withdrawn"}
        for (number,) in archive.db.execute("SELECT id FROM articles")
    ]  # fmt: skip
    archive.db["revisions"].insert_all(rows)


def edited(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), article(make))
    dated(archive)
    number = archive.db.execute("SELECT id FROM articles").fetchone()[0]
    row = {"article_id": number, "change": "changed", "at": make.clock(), "kind": "correction"}
    archive.db["changes"].insert_all([row, row | {"kind": "headline"}])
    archive.db["changes"].insert(row | {"at": "2025-12-01T00:00:00+00:00"})


def uncertain(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), article(make), article(make, "2"))
    dated(archive)
    archive.db.execute(
        "UPDATE pages SET certainty = CASE WHEN id = (SELECT min(page_id) FROM articles) THEN .5 ELSE .99 END"
    )


def pictures_only(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), *(article(make, str(n)) for n in range(2)))
    dated(archive)
    archive.db.execute("UPDATE articles SET word_count = 8")
    for (page_id,) in archive.db.execute("SELECT page_id FROM articles").fetchall():
        archive.db[IMAGES].insert(
            {"page_id": page_id, "position": 0, "url": f"{SITE}/a.jpg", "caption": "", "credit": "", "alt": ""}
        )


def undated(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), *(article(make, str(n)) for n in range(3)))


def misdated(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), article(make, "2024-05-03-a"), article(make, "2024-05-03-b"))
    dated(archive)


def alarmed(archive: Archive, make: Maker) -> None:
    run_id = crawled(archive, start_page(make), article(make))
    dated(archive)
    row = {"run_id": run_id, "at": make.clock(), "host": "a.example", "part": "new", "message": "it is otherwise"}
    archive.db["alarms"].insert_all([row | {"what": "layout_new"}, row | {"what": "short"}])


def gaps(archive: Archive, make: Maker) -> None:
    urls = [f"{SITE}/{n}" for n in range(2, 6)]
    failed = [make.failure(url, "http_403") for url in urls[:3]]
    crawled(archive, start_page(make, PageType.LIST, *urls), article(make), *failed, make.failure(urls[3], "http_404"))
    dated(archive)


def queued(archive: Archive, make: Maker) -> None:
    urls = [f"{SITE}/{n}" for n in range(2, 6)]
    crawled(archive, start_page(make, PageType.LIST, *urls), article(make), end="stopped")
    dated(archive)


def cut_off(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make, PageType.LIST, f"{SITE}/2"), article(make), end="")
    dated(archive)


def settled(archive: Archive, make: Maker) -> None:
    crawled(archive, start_page(make), article(make))
    dated(archive)


def empty(archive: Archive, make: Maker) -> None:
    assert not archive.db.execute("SELECT * FROM runs").fetchall()


@dataclass(frozen=True)
class Case:
    """A made archive, and the look that it must have: kind, severity, count, words of sentence and advice."""

    fill: Callable[[Archive, Maker], None]
    kind: LookKind
    severity: Severity
    count: int
    sentence: str
    advice: str


FAULT, LOOK, NOTE = Severity
CASES = (
    Case(nothing_readable, LookKind.UNREADABLE, FAULT, 4,
         "Nothing could be read: of 4 pages none is an article (3 an empty page; 1 a list of links)", "site rule"),
    Case(dead_start, LookKind.START, FAULT, 1,
         f"The start URL {SEED} failed: HTTP 404 Not Found; nothing could be read", "check the address"),
    Case(one_dead_start, LookKind.START, LOOK, 1,
         f"The start URL {SITE}/b failed: no such host, or no network", "check the name"),
    Case(walled_start, LookKind.START, LOOK, 1,
         f"The start page {SEED} is a wall in place of the page: consent, login or subscription", "--cookies"),
    Case(needs_browser, LookKind.BROWSER, LOOK, 3,
         "3 pages could not be read: a page that shows its text only with JavaScript", "a.db --all"),
    Case(walls, LookKind.WALL, LOOK, 3, "3 pages could not be read: a wall in place of the page: consent, login or",
         "--cookies"),
    Case(withdrawn, LookKind.WITHDRAWN, LOOK, 7,
         "7 articles are withdrawn, the latest on 2026-02-01: “", "--kind withdrawn"),
    Case(edited, LookKind.EDITED, LOOK, 3,
         "3 edits to articles (2 corrections, 1 new headline), 2 found by the last run", "broadsheet changes"),
    Case(uncertain, LookKind.UNCERTAIN, LOOK, 1, "1 of 2 articles is of low certainty", "--sort certainty"),
    Case(pictures_only, LookKind.PICTURES, LOOK, 2,
         "2 of 2 articles are pictures with hardly a word", "article_images"),
    Case(undated, LookKind.UNDATED, LOOK, 3, "3 of 3 articles are without a date", "site rule"),
    Case(misdated, LookKind.MISDATED, LOOK, 2,
         "2 of 2 articles have another day than their URL names", "article_dates"),
    Case(alarmed, LookKind.LAYOUT, LOOK, 1, "a.example, 2026-01-01: it is otherwise", "made anew"),
    Case(alarmed, LookKind.ALARM, LOOK, 1, "a.example, 2026-01-01: it is otherwise", "has changed"),
    Case(gaps, LookKind.GAP, LOOK, 3,
         "3 URLs that links lead to were not read: HTTP 403 Forbidden", "--contact and a longer --delay"),
    Case(queued, LookKind.QUEUED, LOOK, 4, "4 URLs wait to be fetched", "goes on"),
    Case(cut_off, LookKind.QUEUED, LOOK, 1, "1 URL waits to be fetched, since the last run was cut off", "goes on"),
    Case(settled, LookKind.DUE, NOTE, 1, "1 article is due for another look", "broadsheet update"),
    Case(empty, LookKind.EMPTY, NOTE, 0, "The archive is empty", "broadsheet crawl"),
)  # fmt: skip
NAMES = [f"{case.fill.__name__}-{case.kind}" for case in CASES]
NOW = "2026-02-02T00:00:00+00:00"
EXPECTED = Path(__file__).with_name("whole_judgement.txt")


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    for module in ("read.archive_facts", "browse.report_page"):
        monkeypatch.setattr(f"broadsheet.output.{module}.utc_now", lambda: NOW)
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(params=CASES, ids=NAMES)
def case(request, archive, make):
    request.param.fill(archive, make)
    archive.close()
    return request.param


def test_each_archive_is_judged(case, file):
    [look] = [look for look in judge_run(result(file)) if look.kind == case.kind]
    assert (look.severity, look.count) == (case.severity, case.count)
    assert case.sentence in look.sentence
    assert case.advice in look.advice


FILLS = dict.fromkeys(case.fill for case in CASES)


@pytest.mark.parametrize("fill", FILLS)
def test_all_that_is_known_and_said_of_an_archive(archive, make, fill):
    """Run with BROADSHEET_EXPECT=1 to write what is expected anew."""
    fill(archive, make)
    facts = gather_facts(archive.db, "a.db", measure_coverage(archive.db), NOW)
    changed = (
        replace(facts, outcomes={**facts.outcomes, ("done", "article"): 40}, articles=40),
        replace(facts, seeds=facts.seeds * 2), replace(facts, withdrawals=facts.withdrawals[:1]),
        replace(facts, path="my a.db", last_outcome="finished"),
        replace(facts, outcomes=dict(list(facts.outcomes.items())[:1]), articles=0),
    )  # fmt: skip
    looks = [list(judge(each)) for each in (facts, *changed)]
    lines = [told.as_json(told.stated(each)) for each in (facts, *looks[0])]
    for number, others in enumerate(looks[1:], 1):
        lines += [f"{number}: {told.as_json(told.stated(look))}" for look in others if look not in looks[0]]
        lines += [f"{number} without {look.kind}" for look in looks[0] if look not in others]
    lines += [told.as_json(value if fill is gaps else value["urls"]) for value in look_values(looks[0])]
    text = told.told(lines)
    assert text == told.expected(EXPECTED, fill.__name__, text)


def result(file: Path) -> RunResult:
    return RunResult(str(file), (SEED,), 1.0, {"done/list": 1})


def test_the_report_says_it(case, file, capsys):
    assert run(["report", str(file)]) == 0
    text = capsys.readouterr().out
    assert f"\n  {case.sentence}" in text
    assert case.advice in text
    assert ("nothing needs a look" in text) == (case.severity == NOTE)
    assert run(["report", str(file), "--json"]) == 0
    looks = json.loads(capsys.readouterr().out)["looks"]
    assert any(look["kind"] == case.kind and case.sentence in look["sentence"] for look in looks)


def test_the_closing_lines_of_a_crawl_say_it(case, file, capsys):
    ended = result(file)
    looks = judge_run(ended)
    print_summary(ended, looks)
    print_failures(ended, looks)
    shown = capsys.readouterr()
    is_failure = case.severity == FAULT
    assert (case.sentence in shown.err) == is_failure
    assert (case.sentence in shown.out) == (not is_failure)


def test_home_says_it(case, file):
    with closing(open_database(file, read_only=True)) as db:
        facts = gather_facts(db, coverage=measure_coverage(db))
        page = read_report(db, count_figures(db, count_facets(db)), facts)
    [look] = [look for look in page.looks if look.kind == case.kind]
    assert case.sentence in look.text
    assert case.advice in look.hint
    assert look.needs_look == (case.severity != NOTE)


def test_the_fleet_report_says_what_needs_a_look(case, file, tmp_path, capsys):
    sites = tmp_path / "sites.toml"
    sites.write_text(f'[fleet]\nfolder = "."\n[sites.a]\nurls = ["{SEED}"]\n')
    assert file == tmp_path / "a.db"
    assert run(["fleet", "report", str(sites)]) == 0
    assert (case.sentence in capsys.readouterr().out) == (case.severity != NOTE)
    assert run(["fleet", "report", str(sites), "--json"]) == 0
    [site] = json.loads(capsys.readouterr().out)["sites"]
    assert any(look["kind"] == case.kind for look in site["looks"])


def test_a_notice_says_what_is_new(case, file):
    told_otherwise = (LookKind.WITHDRAWN, LookKind.EDITED)  # as the edits that they are
    with closing(open_database(file, read_only=True)) as db:
        before = ArchiveMoment(10**6, NOW)
        lines = [item.line for item in read_news(db, before, lambda edit: "")]
        known = replace(before, known_looks=frozenset(look.key for look in judge_archive(db)))
        assert not list(read_news(db, known, lambda edit: ""))
    is_told = case.severity != NOTE and case.kind not in told_otherwise
    assert any(case.sentence in line for line in lines) == is_told


def test_a_crawl_at_work_is_named_and_its_queue_is_no_gap(archive, make, file):
    cut_off(archive, make)
    archive.close()
    lock = ArchiveLock(file)
    lock.acquire()
    try:
        looks = judge_run(result(file))
    finally:
        lock.release()
    assert [(look.kind, look.severity) for look in looks] == [(LookKind.CRAWLING, NOTE)]


def test_the_next_look_is_told_with_its_time(archive, make):
    settled(archive, make)
    facts = gather_facts(archive.db, "my a.db", (), "2026-01-01T00:30:00+00:00")
    [look] = judge(facts)
    assert look.sentence == "1 article is not due for another look; next in 24 minutes"
    assert (
        look.advice
        == "broadsheet update 'my a.db' looks for new articles; with --all at these too, with a URL at that page, now"
    )
    [later] = judge(gather_facts(archive.db, "a.db", (), NOW))
    assert (later.sentence, later.advice) == ("1 article is due for another look", "broadsheet update a.db looks")


def test_old_withdrawals_are_good_to_know(archive, make):
    withdrawn(archive, make)
    facts = gather_facts(archive.db, coverage=())
    assert {look.kind: look.severity for look in judge(facts, "2026-04-01T00:00:00+00:00")}[LookKind.WITHDRAWN] == NOTE


def test_a_layout_alarm_stays_and_another_goes_with_the_next_run(archive, make):
    alarmed(archive, make)
    run_id = crawled(archive, article(make, "2"))
    archive.db[YIELDS].insert({
        "run_id": run_id, "host": "a.example", "part": "*", "pages": 1, "articles": 1, "barren": 0, "alike": 0,
        "words_low": 1, "words_median": 1, "removed_share": 0, "cleaner_version": "1",
    })  # fmt: skip
    kinds = {look.kind for look in judge_archive(archive.db)}
    assert LookKind.LAYOUT in kinds
    assert LookKind.ALARM not in kinds


def test_one_host_is_judged_by_its_own(archive, make):
    crawled(archive, start_page(make), article(make), make.failure("https://b.example/", "http_404"),
            seeds=(SEED, "https://b.example/"))  # fmt: skip
    dated(archive)
    assert LookKind.START not in {look.kind for look in judge_archive(archive.db, host="a.example")}
    [look] = judge_archive(archive.db, host="b.example")
    assert (look.kind, look.severity) == (LookKind.START, FAULT)


def test_the_worst_comes_first_and_the_verdict_counts(archive, make):
    nothing_readable(archive, make)
    archive.save([make.outcome(f"{SITE}/w{n}", page_type=PageType.WALL) for n in range(3)])
    looks = judge_archive(archive.db)
    assert [look.kind for look in looks][:2] == [LookKind.UNREADABLE, LookKind.WALL]
    assert verdict_sentence(0, [], looks) == "0 articles; 2 things need a look."
    assert verdict_sentence(2, [("duplicate", 1), ("part", 2)], ()) == (
        "2 articles (1 copy, 2 further pages taken out); nothing needs a look."
    )


def test_only_failures_of_the_run_s_own_start_urls_are_failures(archive, make, file):
    one_dead_start(archive, make)
    archive.close()
    ended = result(file)
    assert failure_looks(ended, judge_run(ended)) == []
    assert len(failure_looks(replace(ended, seeds=(f"{SITE}/b",)), judge_run(ended))) == 1


def test_what_keeps_the_only_page_from_being_read_is_said_once(archive, make):
    crawled(archive, start_page(make, PageType.NEEDS_JAVASCRIPT))
    [look] = judge_archive(archive.db)
    assert look.sentence == "Nothing could be read: the only page is a page that shows its text only with JavaScript"
    assert "a.db --all" in look.advice


def test_a_look_is_the_same_with_other_figures(archive, make):
    undated(archive, make)
    [before] = [look for look in judge_archive(archive.db) if look.kind == LookKind.UNDATED]
    archive.save([article(make, "more")])
    [after] = [look for look in judge_archive(archive.db) if look.kind == LookKind.UNDATED]
    assert before.sentence != after.sentence
    assert before.key == after.key


@pytest.mark.parametrize("is_installed", [True, False])
def test_pages_that_need_a_browser_are_read_with_one_or_get_one(monkeypatch, is_installed):
    monkeypatch.setattr(judgement, "find_spec", lambda _: is_installed or None)
    again, hint = "broadsheet update a.db --all", "(docs/browser.md; root needs --browser-no-sandbox)"
    expected = f"{again} reads such pages with Chromium, where it is installed {hint}"
    if not is_installed:
        expected = f"a browser reads such pages: {install_command('browser')}, then {again} {hint}"
    assert judgement._browser_advice("a.db") == expected
