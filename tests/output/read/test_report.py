"""The report: what it counts, in the order and within the width that a person reads."""

import pytest
from rich.cells import cell_len

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import PageType
from broadsheet.output.read.coverage import Coverage, Gap
from broadsheet.output.read.judgement import Look, LookKind, Severity, judge_archive
from broadsheet.output.read.report_figures import gather_report, known_hosts
from broadsheet.output.read.report_text import _coverage_section, _format_table, look_section, render, render_summary
from broadsheet.output.read.run_letter import read_letter
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.person_verdicts import Ruling
from tests.internal_tables import BLOCK_TEXTS, PAGE_BLOCKS, REASONS, RENDERED_LAYOUTS
from tests.output.filled_rows import put
from tests.output.read.test_coverage import HOST, listed


def test_an_empty_archive_has_a_report(archive):
    assert render(gather_report(archive.db), (), read_letter(archive.db)) == "0 articles; nothing needs a look.\n"


def test_layouts_that_were_rendered_often_come_first(archive):
    for number, (rendered, host) in enumerate([(1, "a"), (2, "b"), (2, "a"), (2, "a")]):
        values = {"rendered": rendered, "host": host, "requests": 4 - number}
        put(archive.db, RENDERED_LAYOUTS, number, **values, signature=-number, decision="all")
    assert [layout.requests for layout in gather_report(archive.db).rendered_layouts] == [1, 2, 3, 4]


def test_a_report_on_a_host_counts_its_rows_alone(archive, make):
    """A host is named with its port or without; each is quoted, and afterwards every host is there again."""
    archive.save(
        [make.outcome("http://a.test:8000/1", "one text", removed=("x",)), make.failure("http://a.test:8000/2")]
    )
    archive.save([make.outcome("http://www.b.test/1", "another text")])
    db = archive.db
    report = gather_report(db, "a.test")
    assert (report.articles, sum(row.urls for row in report.urls)) == (1, 2)
    assert [row.blocks for row in report.removed] == [1]
    named = {"": 2, "B.test": 1, "c.test": 0, "' OR 1=1 --": 0}
    assert {host: gather_report(db, host).articles for host in named} == named
    known = {"": ["a.test:8000", "www.b.test"], "b.test": ["www.b.test"], "a.test": ["a.test:8000"],
             "a.test:9000": [], "x'y": []}  # fmt: skip
    assert {host: known_hosts(db, host) for host in known} == known


def test_what_many_articles_of_a_host_share_is_told(archive, make):
    """Each of the fields that are looked at; a value that is missing is none."""
    urls = [f"http://a.test/{number}" for number in range(12)]
    archive.save([make.outcome(url, f"text of {url}", title=f"Title of {url}") for url in urls])
    archive.db.execute("UPDATE articles SET published_day = '2024-03-01' WHERE url < 'http://a.test/3'")
    archive.db.execute("UPDATE articles SET authors = '[\"What We Do\"]' WHERE url < 'http://a.test/4'")
    assert gather_report(archive.db).implausible == (
        "a.test: 6 of 12 articles have the authors What We Do", "a.test: 5 of 12 articles have the day 2024-03-01",
    )  # fmt: skip


def test_what_was_removed_is_added_up_from_what_settling_has_counted(archive, make):
    archive.save([make.outcome("http://a.test/1", "one text", removed=("x",)), make.outcome("http://b.test/1", "two")])
    before, statements = gather_report(archive.db), []
    settle(archive.db)
    archive.db.conn.set_trace_callback(statements.append)
    assert gather_report(archive.db).removed == before.removed
    archive.db.conn.set_trace_callback(None)
    assert [statement for statement in statements if PAGE_BLOCKS in statement and REASONS in statement] == []
    archive.save([make.outcome("http://a.test/3", "a third text", removed=("x", "y z"))])
    assert [(row.blocks, row.words) for row in gather_report(archive.db).removed] == [(3, 4)]
    settle(archive.db)
    [(x,)] = archive.db.execute(f"SELECT id FROM {BLOCK_TEXTS} WHERE text = 'x'").fetchall()
    carry_out_ruling(archive.db, Ruling(x, is_kept=True, ruled_at=make.clock()))
    assert [(row.blocks, row.words) for row in gather_report(archive.db).removed] == [(1, 2)]


def test_a_look_is_told_once_under_what_it_asks_for():
    looks = [
        Look(LookKind.GAP, Severity.NOTE, 1, "A note.", "May be left."),
        Look(LookKind.WALL, Severity.LOOK, 1, "A look."),
        Look(LookKind.EMPTY, Severity.FAULT, 1, "A fault.", "Do this."),
    ]
    urgent = ["Needs a look", "  A look.", "  A fault.", "      Do this."]
    good = ["Good to know", "  A note.", "      May be left."]
    assert look_section(looks, 80).splitlines() == [*urgent, *good]
    assert look_section(looks[1:], 80).splitlines() == urgent
    assert look_section(looks[:1], 80, "| ").splitlines() == [f"| {line}" for line in good]
    assert look_section([], 80) == ""


def test_the_first_sentence_is_a_verdict(archive, make):
    archive.save([listed(make, "sitemap", "1", "2", "3", "4"), make.outcome(f"{HOST}/1", "a text")])
    archive.save([make.failure(f"{HOST}/{n}", f"http_{reason}") for n, reason in ((2, 403), (3, 404), (4, 500))])
    text = render(gather_report(archive.db), judge_archive(archive.db, "a.db"), read_letter(archive.db), 100)
    assert text.splitlines()[0] == "1 article; nothing needs a look, though 2 URLs could not be read."
    assert "1 URL that sitemaps name was not read: HTTP 403 Forbidden" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_summary_is_a_line_on_each_thing_and_what_needs_a_look(archive, make):
    """No table, and no word that only those know who made it."""
    archive.runs.finish(archive.runs.start("crawl", {}, {}), "finished", "", {})
    archive.save([listed(make, "sitemap", "1", "2"), make.failure(f"{HOST}/2", "http_403")])
    archive.save([make.outcome(f"{HOST}/1", "a text", removed=("Share", "Subscribe now"))])
    report, looks = gather_report(archive.db), judge_archive(archive.db, "a.db")
    summary = render_summary(report, looks, read_letter(archive.db), 100)
    head, lines, told, *_ = summary.split("\n\n")
    assert head == "1 article; nothing needs a look, though 1 URL could not be read."
    assert [line.split("  ")[1] for line in lines.splitlines() if line[2] != " "] == [
        "Complete?", "Last run", "Around them",
    ]  # fmt: skip
    assert "could not be read" not in lines, "the verdict counts them, and each look tells its own"
    assert "2 blocks removed: 2 share buttons" in lines
    assert told.startswith("Good to know\n")
    whole = render(report, looks, read_letter(archive.db), 100)
    assert whole.startswith(summary.rstrip())
    assert "How pages were found" in whole
    for word in ("F1", "trafilatura", "first-look", "Wilson"):
        assert word not in whole


def test_layouts_are_listed_with_one_page_and_the_reason(archive, make):
    url, signature = f"http://a.test/a-section-with-a-long-name/{'x' * 20}", pack_signature(list(range(20)))
    archive.save([make.outcome(f"{url}/{n}", "x", page_type=PageType.LIST, layout_signature=signature)
                  for n in range(3)])  # fmt: skip
    archive.save([make.outcome("http://a.test/b", "words", layout_signature=pack_signature([1, 2]))])
    settle(archive.db, make.clock)
    report, letter = gather_report(archive.db), read_letter(archive.db)
    wide = render(report, (), letter, 140).splitlines()
    assert "Layouts: pages made alike" in wide
    [line] = [line.split() for line in wide if f"{url}/0" in line and "of 3, lists: 3" in line]
    assert line[:4] == ["3", "0", "mixed", f"{url}/0"]


LONG = "a_reason_of_so_many_letters_and_more"
URL = f"{HOST}/a-page-with-a-long-name"
HINT = "the site refuses us: a contact and a longer delay may help, or ask its owner"


@pytest.mark.parametrize(
    ("pages", "gaps", "lines"),
    [
        (["list", LONG], [], [
            f"        1 a list of links, for example {URL}", "        1 a reason of so many letters and more",
            f"          {URL}",
        ]),
        ([], ["http_403"], [
            "        1 failed, HTTP 403 Forbidden: the site refuses us: a contact and a",
            "          longer delay may help, or ask its owner", f"          {URL}",
        ]),
        (["a", "b", "c", "d"], ["e", "f", "g", "h", "i"], ["  … and 1 more", "  … and 2 more"]),
    ],
    ids=["an example that does not fit", "a hint that does not fit", "what is cut"],
)  # fmt: skip
def test_gaps_are_told_in_a_narrow_window(pages, gaps, lines):
    """What is cut is counted for pages and gaps apart."""
    hint = HINT if gaps == ["http_403"] else ""
    pages, gaps = (tuple(Gap(state, reason, 1, (URL,), hint) for reason in reasons)
                   for state, reasons in (("done", pages), ("failed", gaps)))  # fmt: skip
    told = _coverage_section(Coverage("link", 9, 0, pages, gaps, 0, ()), 80, 3).splitlines()
    assert [line for line in told if line in lines] == lines


def test_a_character_that_takes_two_columns_counts_for_two():
    rows = [["河水又涨了" * 9, "1"], ["short", "2"]]
    lines = _format_table("Titles", ("title", "articles"), rows, 60, 9).splitlines()[1:]
    assert max(map(cell_len, lines)) <= 60
    assert len({cell_len(line) for line in lines}) == 1
