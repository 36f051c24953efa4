"""Made archives, and what is said of each, in every place that judges an archive."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.crawler.cli import run
from broadsheet.crawler.commands.run_summary import RunResult, failure_looks, print_failures, print_summary, review_run
from broadsheet.crawler.fleet.run_notices import ArchiveMoment, read_news
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.archive_lock import ArchiveLock
from broadsheet.output.archive.installed_extras import install_command
from broadsheet.output.browse.article_list import count_facets
from broadsheet.output.browse.report_page import ReportWords, count_figures, read_report
from broadsheet.output.read import judgement
from broadsheet.output.read.archive_facts import gather_facts
from broadsheet.output.read.coverage import measure_coverage
from broadsheet.output.read.judgement import LookKind, Severity, judge, judge_archive, look_values, verdict_sentence
from tests.internal_tables import IMAGES, YIELDS
from tests.output import told

SITE = "https://a.example"
SEED = f"{SITE}/"
NOW = "2026-02-02T00:00:00Z"
EXPECTED = Path(__file__).with_name("whole_judgement.txt")
DATED = "UPDATE articles SET published_day = '2026-01-01'"


def start_page(make, page_type=PageType.LIST, *numbers):
    found = tuple(make.discovered(f"{SITE}/{number}", found_via="link") for number in numbers)
    return make.outcome(SEED, page_type=page_type, discovered_urls=found)


def article(make, name="1", **changes):
    return make.outcome(f"{SITE}/{name}", " ".join(f"word{name}{n}" for n in range(60)), **changes)


def of_type(make, page_type, *names):
    return [make.outcome(f"{SITE}/{name}", page_type=page_type) for name in names]


# What a crawl gives; but for some it finishes, and what is changed then in the rows stands below.
FILLS = {
    "nothing_readable": lambda make: [start_page(make), *of_type(make, PageType.EMPTY, 0, 1, 2)],
    "dead_start": lambda make: [make.failure(SEED, "http_404")],
    "one_dead_start": lambda make: [start_page(make), article(make), make.failure(f"{SITE}/b", "dns")],
    "walled_start": lambda make: [start_page(make, PageType.WALL), article(make)],
    "needs_browser": lambda make: [start_page(make), article(make), *of_type(make, PageType.NEEDS_JAVASCRIPT, 2, 3, 4)],
    "walls": lambda make: [start_page(make), article(make), *of_type(make, PageType.WALL, 2, 3, 4)],
    "withdrawn": lambda make: [start_page(make), *(article(make, str(n), title=f"Story {n}") for n in range(7))],
    "edited": lambda make: [start_page(make), article(make)],
    "uncertain": lambda make: [start_page(make), article(make), article(make, "2")],
    "pictures_only": lambda make: [start_page(make), article(make, "0"), article(make, "1")],
    "undated": lambda make: [start_page(make), *(article(make, str(n)) for n in range(3))],
    "misdated": lambda make: [start_page(make), article(make, "2024-05-03-a"), article(make, "2024-05-03-b")],
    "alarmed": lambda make: [start_page(make), article(make)],
    "gaps": lambda make: [
        start_page(make, PageType.LIST, 2, 3, 4, 5), article(make),
        *(make.failure(f"{SITE}/{n}", "http_404" if n == 5 else "http_403") for n in range(2, 6)),
    ],
    "queued": lambda make: [start_page(make, PageType.LIST, 2, 3, 4, 5), article(make)],
    "cut_off": lambda make: [start_page(make, PageType.LIST, 2), article(make)],
    "settled": lambda make: [start_page(make), article(make)],
    "empty": None,
}  # fmt: skip
SEEDS = {"one_dead_start": (SEED, f"{SITE}/b")}
ENDS = {"queued": "stopped", "cut_off": ""}
ROWS = {
    "withdrawn": "INSERT INTO revisions (article_id, seen_at, title, text_digest, number, change) "
                 "SELECT id, '2026-02-01T00:00:00Z', '', '', 2, 'withdrawn' FROM articles",
    "edited": "; ".join(
        f"INSERT INTO changes (article_id, change, kind, at) SELECT id, 'changed', '{kind}', '{at}' FROM articles"
        for kind, at in (("correction", "2026-01-01T00:00:04Z"), ("headline", "2026-01-01T00:00:04Z"),
                         ("correction", "2025-12-01T00:00:00Z"))
    ),
    "uncertain": "UPDATE pages SET certainty = iif(id = (SELECT min(page_id) FROM articles), .5, .99)",
    "pictures_only": "UPDATE articles SET word_count = 8; "
                     f"INSERT INTO {IMAGES} (page_id, position, url, caption, credit, alt) "
                     f"SELECT page_id, 0, '{SITE}/a.jpg', '', '', '' FROM articles",
    "alarmed": "; ".join(
        "INSERT INTO alarms (run_id, at, host, part, message, what) SELECT id, '2026-01-01T00:00:05Z', "
        f"'a.example', 'new', 'it is otherwise', '{what}' FROM runs" for what in ("yield", "short")
    ),
}  # fmt: skip


def crawl(archive, outcomes, seeds=(SEED,), end="finished", statements=""):
    """A crawl from these start URLs that gave these outcomes."""
    run_id = archive.runs.start(f"crawl {' '.join(seeds)}", {"seeds": list(seeds)}, {})
    archive.save(outcomes)
    if end:
        archive.runs.finish(run_id, end, "", {})
    archive.db.conn.executescript(statements)
    return run_id


def fill(archive, make, name):
    if FILLS[name]:
        rows = "" if name == "undated" else f"{DATED}; {ROWS.get(name, '')}"
        crawl(archive, FILLS[name](make), SEEDS.get(name, (SEED,)), ENDS.get(name, "finished"), rows)


def result(file):
    return RunResult(str(file), (SEED,), 1.0, {"page/done/list": 1})


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    for module in ("read.archive_facts", "browse.report_page"):
        monkeypatch.setattr(f"broadsheet.output.{module}.utc_now", lambda: NOW)
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture(params=FILLS)
def looks(request, archive, make, file):
    """What is to be said of each archive."""
    fill(archive, make, request.param)
    archive.close()
    with closing(open_database(file, read_only=True)) as db:
        return list(judge_archive(db, str(file)))


@pytest.mark.parametrize("name", FILLS)
def test_all_that_is_known_and_said_of_an_archive(archive, make, name):
    """Run with BROADSHEET_EXPECT=1 to write what is expected anew."""
    fill(archive, make, name)
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
    lines += [told.as_json(value if name == "gaps" else value["urls"]) for value in look_values(looks[0])]
    text = told.told(lines)
    assert text == told.expected(EXPECTED, name, text)


def reports_of_an_archive_and_of_a_fleet_say_it(looks, file, tmp_path, capsys):
    def said(*command):
        assert run([*command]) == 0
        return capsys.readouterr().out

    needing = {look.sentence for look in looks if look.severity != Severity.NOTE}
    text = said("report", str(file))
    assert all(f"\n  {look.sentence}\n" in text and f"\n      {look.advice}" in text for look in looks)
    assert ("nothing needs a look" in text) == (not needing)
    shown = json.loads(said("report", str(file), "--json"))["looks"]
    assert [(look["kind"], look["sentence"]) for look in shown] == [(look.kind, look.sentence) for look in looks]
    sites = tmp_path / "sites.toml"
    sites.write_text(f'[fleet]\nfolder = "."\n[sites.a]\nurls = ["{SEED}"]\n')
    text = said("fleet", "report", str(sites))
    assert {look.sentence for look in looks if look.sentence in text} == needing
    [site] = json.loads(said("fleet", "report", str(sites), "--json"))["sites"]
    assert [look["kind"] for look in site["looks"]] == [look.kind for look in looks]


def closing_lines_of_a_crawl_say_it(looks, file, capsys):
    ended = result(file)
    print_summary(ended, review_run(ended))
    print_failures(ended, review_run(ended).looks)
    shown = capsys.readouterr()
    for look in looks:
        is_told = look.severity != Severity.FAULT and look.kind not in judgement.TOLD_BY_LETTER
        assert (look.sentence in shown.err, look.sentence in shown.out) == (
            look.severity == Severity.FAULT, is_told,
        )  # fmt: skip


def home_says_it(looks, file):
    with closing(open_database(file, read_only=True)) as db:
        facts = gather_facts(db, coverage=measure_coverage(db))
        page = read_report(db, count_figures(db, count_facets(db)), facts, (), ReportWords())
    assert [(look.kind, look.needs_look) for look in page.looks] == [
        (look.kind, look.severity != Severity.NOTE) for look in looks
    ]
    assert all(look.sentence in shown.text and look.advice in shown.hint
               for look, shown in zip(looks, page.looks, strict=True))  # fmt: skip


def notice_says_what_is_new(looks, file):
    with closing(open_database(file, read_only=True)) as db:
        before = ArchiveMoment(10**6, NOW)
        lines = [item.line for item in read_news(db, before, lambda edit: "")]
        known = replace(before, known_looks=frozenset(look.key for look in looks))
        assert not [item for item in read_news(db, known, lambda edit: "") if item.event]
    for look in looks:
        is_told = look.severity != Severity.NOTE and look.kind not in judgement.TOLD_BY_LETTER
        assert any(look.sentence in line for line in lines) == is_told


def test_each_place_says_it(looks, file, tmp_path, capsys):
    """One archive of a name serves all places: to make it takes longer than to read it."""
    reports_of_an_archive_and_of_a_fleet_say_it(looks, file, tmp_path, capsys)
    closing_lines_of_a_crawl_say_it(looks, file, capsys)
    home_says_it(looks, file)
    notice_says_what_is_new(looks, file)


def test_a_crawl_at_work_is_named_and_its_queue_is_no_gap(archive, make, file):
    fill(archive, make, "cut_off")
    archive.close()
    lock = ArchiveLock(file)
    lock.acquire()
    try:
        assert [(look.kind, look.severity) for look in review_run(result(file)).looks] == [
            (LookKind.CRAWLING, Severity.NOTE)
        ]
    finally:
        lock.release()


def test_the_next_look_is_told_with_its_time(archive, make):
    fill(archive, make, "settled")
    [look] = judge(gather_facts(archive.db, "my a.db", (), "2026-01-01T00:30:00Z"))
    assert look.sentence == "1 article is not due for another look; next in 24 minutes"
    assert look.advice == (
        "broadsheet update 'my a.db' looks for new articles; with --all at these too, with a URL at that page, now"
    )


def test_old_withdrawals_are_good_to_know(archive, make):
    fill(archive, make, "withdrawn")
    looks = judge(gather_facts(archive.db, coverage=()), "2026-04-01T00:00:00Z")
    assert {look.kind: look.severity for look in looks}[LookKind.WITHDRAWN] == Severity.NOTE


def test_an_alarm_goes_with_the_next_run(archive, make):
    fill(archive, make, "alarmed")
    run_id = crawl(archive, [article(make, "2")])
    archive.db[YIELDS].insert({
        "run_id": run_id, "host": "a.example", "part": "*", "pages": 1, "articles": 1, "barren": 0, "alike": 0,
        "words_low": 1, "words_median": 1, "removed_share": 0, "cleaner_version": "1",
    })  # fmt: skip
    assert LookKind.ALARM not in {look.kind for look in judge_archive(archive.db)}


def test_one_host_is_judged_by_its_own(archive, make):
    other = "https://b.example/"
    crawl(archive, [start_page(make), article(make), make.failure(other, "http_404")], (SEED, other), statements=DATED)
    assert LookKind.START not in {look.kind for look in judge_archive(archive.db, host="a.example")}
    [look] = judge_archive(archive.db, host="b.example")
    assert (look.kind, look.severity) == (LookKind.START, Severity.FAULT)


def test_the_worst_comes_first_and_the_verdict_counts(archive, make):
    fill(archive, make, "nothing_readable")
    archive.save(of_type(make, PageType.WALL, "w0", "w1", "w2"))
    looks = judge_archive(archive.db)
    assert [look.kind for look in looks][:2] == [LookKind.UNREADABLE, LookKind.WALL]
    assert verdict_sentence(0, [], looks) == "0 articles; 2 things need a look."
    assert verdict_sentence(2, [("duplicate", 1), ("part", 2)], ()) == (
        "2 articles (1 copy, 2 further pages taken out); nothing needs a look."
    )


def test_only_failures_of_the_run_s_own_start_urls_are_failures(archive, make, file):
    fill(archive, make, "one_dead_start")
    archive.close()
    ended = result(file)
    assert failure_looks(ended, review_run(ended).looks) == []
    assert len(failure_looks(replace(ended, seeds=(f"{SITE}/b",)), review_run(ended).looks)) == 1


def test_what_keeps_the_only_page_from_being_read_is_said_once(archive, make):
    crawl(archive, [start_page(make, PageType.NEEDS_JAVASCRIPT)])
    [look] = judge_archive(archive.db)
    assert look.sentence == "Nothing could be read: the only page is a page that shows its text only with JavaScript"
    assert "a.db --all" in look.advice


def test_a_look_is_the_same_with_other_figures(archive, make):
    fill(archive, make, "undated")
    keys = {look.key: look.sentence for look in judge_archive(archive.db)}
    archive.save([article(make, "more")])
    after = {look.key: look.sentence for look in judge_archive(archive.db)}
    assert after.keys() == keys.keys()
    assert after != keys


@pytest.mark.parametrize("is_installed", [True, False])
def test_pages_that_need_a_browser_are_read_with_one_or_get_one(archive, make, monkeypatch, is_installed):
    monkeypatch.setattr(judgement, "find_spec", lambda _: is_installed or None)
    fill(archive, make, "needs_browser")
    [look] = [look for look in judge(gather_facts(archive.db, "a.db")) if look.kind == LookKind.BROWSER]
    again, hint = "broadsheet update a.db --all", "(docs/browser.md; root needs --browser-no-sandbox)"
    assert look.advice == (
        f"{again} reads such pages with Chromium, where it is installed {hint}" if is_installed
        else f"a browser reads such pages: {install_command('browser')}, then {again} {hint}"
    )  # fmt: skip
