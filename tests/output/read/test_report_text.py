from dataclasses import replace

from rich.cells import cell_len

from broadsheet.cleaners.compare.page_layouts import pack_signature
from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.rendered_layouts import RenderDecision, RenderedLayout
from broadsheet.output.read.coverage import Coverage, Gap
from broadsheet.output.read.judgement import Look, LookKind, Severity, judge_archive
from broadsheet.output.read.report_figures import gather_report, host_scope
from broadsheet.output.read.report_text import _coverage_section, _format_table, look_section, render
from broadsheet.output.settle.settling import settle
from tests.output.read.test_coverage import HOST, listed
from tests.output.settle.test_likeness import edited, prose
from tests.output.write.test_alarms_yields import Site

NARROW = 80


def rendered(archive, width=100, host=""):
    return render(gather_report(archive.db, host), judge_archive(archive.db, "a.db", host=host), width)


def shown(archive, width=100):
    text = rendered(archive, width)
    assert max(map(len, text.splitlines())) <= width
    return text


def test_gaps_are_told_with_what_to_do(archive, make):
    archive.save([listed(make, "sitemap", "1", "2", "3")])
    archive.save([make.outcome(f"{HOST}/1", "a text"), make.failure(f"{HOST}/2", "http_403")])
    text = shown(archive)
    assert "Of 3 URLs that sitemaps name: 1 leads to articles, 2 were not read" in text
    assert "1 failed, HTTP 403 Forbidden: the site refuses us" in text
    assert f"          {HOST}/2\n" in text
    shown(archive, 40)


def test_articles_that_are_alike_and_those_withdrawn(archive, make):
    archive.save(
        [
            make.outcome(f"{HOST}/1", " ".join(prose(1))),
            make.outcome(f"{HOST}/two", " ".join(edited(prose(1), 40)), title="Again\x1b[31m"),
        ]
    )
    settle(archive.db)
    number = archive.db.execute("SELECT id FROM articles WHERE url LIKE '%two'").fetchone()[0]
    row = {"article_id": number, "seen_at": "2026-02-01T00:00:00+00:00", "title": "", "text_digest": ""}
    numbered = {"number": 2} if "number" in archive.db["revisions"].columns_dict else {}
    archive.db["revisions"].insert(row | {"change": "withdrawn"} | numbered)
    archive.save([make.failure(f"{HOST}/two", "http_410")])
    text = shown(archive)
    assert "near      1" in text
    assert "\x1b" not in text
    withdrawn = text[text.index("Withdrawn by their sites") :].splitlines()
    assert withdrawn[2].split()[:4] == ["2026-02-01", "HTTP", "410", "Gone"]
    assert gather_report(archive.db).clusters[0].articles == 2


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


def test_alarms_yields_and_rules(archive, make):
    site = Site(archive, make)
    site.run(new_count=40)
    assert "fired on" not in look_section(judge_archive(archive.db), 200)
    site.run(new_count=20, removed=())
    assert "a.test, 2026-01-01: the rule share.icons (share buttons) fired on 0 of 20" in look_section(
        judge_archive(archive.db), 200
    )
    assert "Out of line with the past" in shown(archive)


def test_what_is_cut_is_counted_for_pages_and_gaps_apart():
    gaps = [Gap("failed", f"http_{number}", 1, (f"{HOST}/{number}",), "") for number in range(5)]
    coverage = Coverage("sitemap", 9, 0, tuple(gaps[:4]), tuple(gaps), 0, ())
    lines = _coverage_section(coverage, 100, 3).splitlines()
    assert [line for line in lines if "more" in line] == ["  … and 1 more", "  … and 2 more"]


def test_the_first_sentence_is_a_verdict(archive, make):
    archive.save([listed(make, "sitemap", "1", "2", "3", "4")])
    archive.save([make.outcome(f"{HOST}/1", "a text"), make.failure(f"{HOST}/2", "http_403")])
    archive.save([make.failure(f"{HOST}/3", "http_404"), make.failure(f"{HOST}/4", "http_500")])
    assert shown(archive).splitlines()[0] == "1 article; nothing needs a look but 2 URLs that could not be read."
    assert "1 URL that sitemaps name was not read: HTTP 403 Forbidden" in shown(archive)


def test_edits_of_the_last_run_come_with_what_needs_a_look(archive, make):
    archive.save([make.outcome(f"{HOST}/1", "a text")])
    archive.runs.start("update a.db", {}, {})
    article = archive.db.execute("SELECT id FROM articles").fetchone()[0]
    archive.db["changes"].insert({"article_id": article, "change": "changed", "at": make.clock(), "kind": "headline"})
    needing = shown(archive).split("\n\n")[1].splitlines()
    assert needing[:3] == [
        "Needs a look", "  1 edit to articles (1 new headline), 1 found by the last run",
        "      broadsheet changes a.db lists edits",
    ]  # fmt: skip


def test_a_table_shows_no_empty_column(archive, make):
    site = Site(archive, make)
    site.run(new_count=40)
    text = shown(archive)
    assert "What a.test gave, run by run\n  run " in text
    assert "started           finished          outcome   command\n" in text  # no reason, so no column for it


def test_reasons_are_said_in_words(archive, make):
    archive.save([make.outcome(f"{HOST}/1", "a text", removed=("Share",)), make.failure(f"{HOST}/2", "http_403")])
    text = rendered(archive)
    assert "HTTP 403 Forbidden" in text
    assert "share buttons  share.icons" in text


def test_layouts_are_listed_with_one_page_and_the_reason(archive, make):
    signature = pack_signature(list(range(20)))
    lists = [
        make.outcome(f"http://a.test/tag/{n}", "x", page_type=PageType.LIST, layout_signature=signature)
        for n in range(3)
    ]
    archive.save([*lists, make.outcome("http://a.test/b", "words", layout_signature=pack_signature([1, 2]))])
    settle(archive.db, make.clock)
    text = rendered(archive, 140)
    assert "Layouts: pages made alike" in text
    assert [line.split()[:4] for line in text.splitlines() if "/tag/0" in line and "of 3, lists: 3" in line] == [
        ["3", "0", "mixed", "http://a.test/tag/0"]
    ]
    with host_scope(archive.db, "b.test"):
        assert gather_report(archive.db).layouts == ()


def test_layouts_that_a_browser_rendered_are_listed_with_gain_cost_and_decision(archive, make):
    layout = RenderedLayout("a.test", b"\1\2\3\4", RenderDecision.FEW, 3, 1, 2, 4, 60, 70, 12, 4560)
    archive.save([replace(make.outcome(f"{HOST}/1", "a text"), rendered_layout=layout)])
    (line,) = [line.split() for line in rendered(archive, 120).splitlines() if line.endswith("one in 50")]
    assert line == ["a.test", "3", "1", "60", "70", "12", "4.6", "one", "in", "50"]
    with host_scope(archive.db, "b.test"):
        assert gather_report(archive.db).rendered_layouts == ()


def test_the_least_certain_texts_are_listed_first_and_all_are_counted(archive, make):
    chances = {"sure": bytes([255, 0]), "fair": bytes([160, 0]), "low": bytes([60, 0])}
    outcomes = [
        make.outcome(f"{HOST}/{name}", f"a text that is {name}", removed=("gone",), chances=packed)
        for name, packed in chances.items()
    ]
    archive.save([*outcomes, make.outcome(f"{HOST}/unknown", "a text of which nobody knows")])
    report = gather_report(archive.db)
    assert [(line.certainty, line.articles) for line in report.certainty] == [("high", 1), ("fair", 1), ("low", 1)]
    assert [article.url for article in report.uncertain] == [f"{HOST}/low", f"{HOST}/fair"]
    text = rendered(archive, 140)
    assert "Certainty of the texts: 1 high, 1 fair, 1 low" in text
    assert f"{HOST}/sure" not in text
    assert "Certainty" not in rendered(archive, host="b.test")


def test_in_a_narrow_window_a_layout_s_page_has_a_line_of_its_own(archive, make):
    """Beside the reason both were cut to their first letters."""
    url, signature = f"http://a.test/a-section-with-a-long-name/{'x' * 20}", pack_signature(list(range(20)))
    archive.save([
        make.outcome(f"{url}/{n}", "x", page_type=PageType.LIST, layout_signature=signature) for n in range(3)
    ])  # fmt: skip
    settle(archive.db, make.clock)
    lines = rendered(archive, NARROW).splitlines()
    place = lines.index(f"          {url}/0")
    assert lines[place - 1].split()[:3] == ["3", "0", "mixed"]
    assert "of 3, lists: 3" in lines[place - 1]


def test_what_a_gap_asks_for_is_indented_below_its_reason():
    hint = "the site refuses us: a contact and a longer delay may help, or ask its owner"
    gap = Gap("failed", "http_403", 1, (f"{HOST}/1",), hint)
    _, first_line, second_line, _ = _coverage_section(Coverage("link", 1, 0, (), (gap,), 0, ()), NARROW, 3).splitlines()
    assert first_line.startswith("        1 failed, HTTP 403 Forbidden: the site")
    assert second_line.startswith("          ")
    assert hint.endswith(second_line.strip())


def test_the_runs_of_a_site_fit_a_narrow_window(archive, make):
    Site(archive, make).run(new_count=40)
    lines = rendered(archive, NARROW).splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("What a.test gave"))
    assert "…" not in "".join(lines[head : head + 3])


def test_a_character_that_takes_two_columns_counts_for_two():
    rows = [["河水又涨了" * 9, "1"], ["short", "2"]]
    lines = _format_table("Titles", ("title", "articles"), rows, 60, 9).splitlines()[1:]
    assert max(map(cell_len, lines)) <= 60
    assert len({cell_len(line) for line in lines}) == 1


def test_an_example_that_does_not_fit_has_a_line_of_its_own():
    url = f"{HOST}/a-page-with-a-long-name"
    gaps = tuple(Gap("done", reason, 1, (url,), "") for reason in ("list", "a_reason_of_so_many_letters_and_more"))
    lines = _coverage_section(Coverage("link", 2, 0, gaps, (), 0, ()), NARROW, 3).splitlines()
    assert lines[-3:] == [
        f"        1 a list of links, for example {url}",
        "        1 a reason of so many letters and more",
        f"          {url}",
    ]  # fmt: skip
