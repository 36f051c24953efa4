"""Authors, days and titles by what all pages of a site state."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from broadsheet.cleaners.document import AUTHORS, DAY_MONTH, PUBLISHED, TITLE, FieldStatement
from broadsheet.cleaners.site.field_evidence import (
    SettledField,
    SourceFinding,
    StatedPage,
    StatedTitles,
    find_sources,
    settle_fields,
    weigh_evidence,
)

THE_PAPER = frozenset({"thepaper"})


def said(source: str, *names: str) -> FieldStatement:
    return FieldStatement(AUTHORS, source, json.dumps(names))


NumberedPage = tuple[int, StatedPage]


def page(number: int, *statements: FieldStatement, title: str = "", published: str = "") -> NumberedPage:
    """A page whose authors are those of its first statement about authors."""
    first = next((statement for statement in statements if statement.field == AUTHORS), None)
    authors = tuple(json.loads(first.value)) if first else ()
    sources = {AUTHORS: first.source if first else "", "published": "text", "title": "meta"}
    return number, StatedPage(title, authors, published, sources, statements)


def stated(page: StatedPage) -> StatedTitles:
    titles = tuple(statement for statement in page.statements if statement.field == TITLE)
    return StatedTitles(page.title, page.sources.get("title", ""), titles)


def settled(
    pages: list[NumberedPage], site_names: frozenset[str] = THE_PAPER, menu_names: frozenset[str] = frozenset()
) -> dict[int, SettledField]:
    findings = find_sources(statement for _, found in pages for statement in found.statements)
    evidence = weigh_evidence(findings, [stated(found) for _, found in pages], site_names, menu_names=menu_names)
    fields = {number: settle_fields(found, evidence) for number, found in pages}
    return {number: found[0] for number, found in fields.items() if found}


def test_a_source_with_one_value_everywhere_gives_way_to_the_byline():
    names = ["Ann Lee", "Bo Chen", "Cy Roe", "Di Fox", "Ed Hay"]
    pages = [page(n, said("meta", "The Paper"), said("markup", name)) for n, name in enumerate(names)]
    found = settled([*pages, page(9, said("meta", "The Paper"))])
    assert {number: field.value for number, field in found.items()} == {
        **{n: (name,) for n, name in enumerate(names)},
        9: (),
    }
    assert (found[0].source, found[9].source) == ("markup", "")
    assert found[0].evidence == "meta states '[\"The Paper\"]' on 6 of 6 pages"


def test_a_blog_of_one_author_keeps_its_author():
    pages = [page(n, said("meta", "Ann Lee"), said("markup", "Ann Lee")) for n in range(9)]
    assert settled(pages) == {}
    assert settled(pages, frozenset({"annlee"})) == {}
    guest = page(9, said("meta", "Ann Lee"), said("text", "Bo Chen"))
    for site_names in (THE_PAPER, frozenset({"annlee"})):
        found = settled([*pages, guest], site_names)
        assert {number: field.value for number, field in found.items()} == {9: ("Bo Chen",)}


def test_a_site_that_names_nobody_else_is_no_author_unless_it_reads_as_a_person():
    assert {field.value for field in settled([page(n, said("meta", "ThePaper")) for n in range(5)]).values()} == {()}
    assert settled([page(n, said("meta", "News Desk")) for n in range(5)]) == {}


def test_one_day_above_twelve_shows_the_order_of_day_and_month():
    shown = page(1, FieldStatement(DAY_MONTH, "shown", "day-first"), published="2024-05-13")
    assumed = FieldStatement(DAY_MONTH, "assumed", "month-first 2024-03-05")
    day = page(2, assumed, published="2024-03-05T10:00:00")
    stated_otherwise = page(3, assumed, published="2024-05-03")
    found = settled([shown, day, stated_otherwise])
    assert found == {2: SettledField("published", "2024-05-03T10:00:00", "text", "day-first is shown on 1 of 1 pages")}
    disagreeing = page(4, FieldStatement(DAY_MONTH, "shown", "month-first"))
    assert settled([shown, day, disagreeing]) == {}


def test_what_most_titles_end_or_begin_with_is_the_template():
    titles = ["Rain", "Wind", "Snow", "Hail", "Fog"]
    for form, left in (("{} - The Paper", "{}"), ("Valley Paper: {}", "{}"), ("«{}» | The Paper", "«{}»")):
        pages = [page(n, title=form.format(title)) for n, title in enumerate(titles)]
        found = settled([*pages, page(9, title="Sun")])
        assert [field.value for _, field in sorted(found.items())] == [left.format(title) for title in titles]
    assert settled([page(n, title=f"Weather: {title}") for n, title in enumerate(titles[:4])]) == {}
    assert settled([page(n, title=f"{title}: a report") for n, title in enumerate(titles * 2)][:1]) == {}


def test_of_values_on_equally_many_pages_the_first_by_name_is_the_commonest_and_other_fields_are_left_out():
    statements = [said("meta", name) for name in ("Bo", "Ann")]
    other = [FieldStatement("published", "meta", "2024-05-13", ""), FieldStatement(DAY_MONTH, "assumed", "x", "")]
    (finding,) = find_sources([*statements, *other])
    assert (finding.commonest, finding.pages, finding.values, finding.commonest_pages) == ('["Ann"]', 2, 2, 1)


@pytest.mark.parametrize(
    ("title", "changed"),
    [("Rain: 3 % | The Paper", "Rain: 3 %"), ("… | The Paper", None), ("The Paper: Rain", "Rain"), ("Rain", None)],
)
def test_a_title_without_the_template_s_part_has_a_letter_left(title, changed):
    titles = [f"Rain {n} | The Paper" for n in range(9)] + [f"The Paper: Rain {n}" for n in range(12)]
    named = [StatedTitles(name) for name in titles for _ in range(2 if "|" in name else 1)]
    evidence = weigh_evidence([], named, frozenset())
    parts = {("end", " | The Paper"): 18, ("beginning", "The Paper: "): 12}
    evidence = replace(evidence, template_parts=parts)
    fields = settle_fields(StatedPage(title, (), "", {"title": "meta"}, ()), evidence)
    assert [(found.value, found.source) for found in fields] == ([] if changed is None else [(changed, "meta")])


NAMES = ["Ann Lee", "Bo Chen", "Cy Roe", "Di Fox", "Ed Hay", "Fa Kim"]


def test_words_before_nearly_all_names_are_no_part_of_them():
    pages = [page(n, said("text", f"Ditulis oleh {name}")) for n, name in enumerate(NAMES)]
    found = settled([*pages, page(9, said("text", "Gil Orr")), page(10, said("meta", "Ditulis oleh Ann"))])
    assert {number: field.value for number, field in found.items()} == {n: (name,) for n, name in enumerate(NAMES)}
    assert found[0].evidence == "text states 'Ditulis oleh' on 6 of 7 pages"
    assert settled(pages[:4]) == {}
    assert settled([page(n, said("text", name)) for n, name in enumerate(NAMES)]) == {}
    assert settled([page(n, said("text", "Dr. Ann Lee")) for n in range(9)]) == {}


def test_a_title_that_several_pages_share_gives_way_to_another_that_they_state():
    def titled(number: int, title: str, *others: str) -> NumberedPage:
        return page(number, *(FieldStatement(TITLE, "meta", other) for other in others), title=title)

    own = [titled(n, "The Paper", name) for n, name in enumerate(NAMES[:3])]
    found = settled([*own, titled(8, "The Paper"), titled(9, "Rain", "Rain in June")])
    assert {number: field.value for number, field in found.items()} == dict(enumerate(NAMES[:3]))
    assert found[0].evidence == "4 pages have the title 'The Paper'"
    assert settled(own[:2]) == {}
    assert settled([titled(n, "Rain of the week", "The Paper") for n in range(4)]) == {}


def test_thresholds():
    def is_constant(pages: int, same: int) -> bool:
        return SourceFinding(AUTHORS, "meta", pages, 2, "x", same).is_constant

    def is_template(pages: int, alike: int) -> bool:
        titles = [f"Rain {n} | The Paper" if n < alike else f"Rain {n}" for n in range(pages)]
        return weigh_evidence([], list(map(StatedTitles, titles)), THE_PAPER).template_parts == {
            ("end", " | The Paper"): alike
        }

    def varies(pages: int, others: int) -> bool:
        own = SourceFinding(AUTHORS, "meta", pages, 1, "y", pages)
        findings = [SourceFinding(AUTHORS, "text", others, others, '["x"]', 1), own]
        evidence = weigh_evidence(findings, [StatedTitles("Rain")] * pages, THE_PAPER)
        assert evidence.constant_sources.keys() == {"meta"}
        return evidence.has_varying_source

    def is_known(source: str, same: int) -> bool:
        finding = SourceFinding(DAY_MONTH, source, 10, 2, "day-first", same)
        return weigh_evidence([finding], [], THE_PAPER).order == finding

    assert [is_constant(*pair) for pair in ((5, 5), (4, 4), (20, 19), (20, 18))] == [True, False] * 2
    assert [is_template(*pair) for pair in ((10, 6), (10, 5), (5, 5), (4, 4))] == [True, False] * 2
    assert [varies(*pair) for pair in ((60, 6), (60, 5), (40, 5), (40, 4))] == [True, False] * 2
    assert [is_known(*pair) for pair in (("shown", 9), ("shown", 8), ("assumed", 9))] == [True, False, False]


def test_a_guess_that_is_the_same_everywhere_falls_where_a_byline_varies_and_never_names_it():
    guessed = [page(n, said("text", "What We Do")) for n in range(90)]
    bylined = [page(n + 100, said("markup", name)) for n, name in enumerate(NAMES * 2)]
    assert {field.value for field in settled([*guessed, *bylined]).values()} == {()}
    assert settled(guessed) == {}, "a site with one author keeps that author"
    named = [page(n + 200, said("markup", "What We Do")) for n in range(5)]
    assert settled([*guessed, *bylined, *named]) == {}
    marked = [page(n, said("meta", "Jo Day")) for n in range(90)]
    assert settled([*marked, *bylined]) == {}, "of a blog of one author only the guests have a byline"
    assert {field.value for field in settled([*marked[:12], *bylined]).values()} == {()}


def test_a_role_is_no_author_where_other_pages_name_persons():
    bylined = [page(n, said("markup", name)) for n, name in enumerate(NAMES * 2)]
    roles = [page(n + 100, said("markup", role)) for n, role in enumerate(("Editor", "Staff writer"))]
    found = settled([*bylined, *roles])
    assert {number: (field.value, field.source) for number, field in found.items()} == {100: ((), ""), 101: ((), "")}
    assert settled(roles) == {}, "nobody else is named on this site"
    twice = page(200, said("markup", "News Editor"), said("meta", "Ann Lee"))
    assert settled([*bylined, twice])[200].value == ("Ann Lee",)
    assert settled([*bylined, page(200, said("markup", "Ann Lee", "Editor"))]) == {}


def test_a_name_of_the_menu_is_none():
    pages = [page(n, said("text", "Google", "Ann Lee")) for n in range(5)]
    assert settled(pages, menu_names=frozenset({"Google"}))[0].value == ("Ann Lee",)
    (alone,) = settled([page(0, said("text", "Google"))], menu_names=frozenset({"Google"})).values()
    assert (alone.value, alone.source) == ((), "")


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("Ann Lee in Kyiv", "Ann Lee"),
        ("Ann M. Lee at The Hague", "Ann M. Lee"),
        ("Alice in Wonderland", None),
        ("Ann Lee in brief", None),
        ("Women Journalists Without Chains in Yemen", None),
    ],
)
def test_a_place_behind_a_name_is_no_part_of_it(name, left):
    assert {field.value for field in settled([page(1, said("markup", name))]).values()} == (
        {(left,)} if left else set()
    )


def test_a_day_that_a_last_resort_finds_on_many_pages_is_none():
    def guessed(number: int, day: str, source: str = "htmldate") -> NumberedPage:
        stated = page(number, FieldStatement(PUBLISHED, source, day), published=day)[1]
        return number, stated._replace(sources={PUBLISHED: source})

    same = [guessed(n, "2019-05-29") for n in range(11)]
    found = settled([*same, *(guessed(n + 20, f"2018-05-{n + 10}") for n in range(10))])
    assert {(field.field, field.value, field.source) for field in found.values()} == {(PUBLISHED, "", "")}
    assert sorted(found) == list(range(11))
    assert settled(same[:10]) == {}
    assert settled([*same, *(guessed(n + 20, f"2018-01-{n:02}") for n in range(44))]) == {}
    assert settled([guessed(n, "2019-05-29", "url") for n in range(11)]) == {}


def test_what_titles_end_with_is_counted_once_the_page_s_own_stands_in_place_of_the_site_s():
    ends = [f"{name} wins | Paper of the Valley" for name in NAMES]
    pages = [page(n, FieldStatement(TITLE, "meta", end), title="The Paper") for n, end in enumerate(ends)]
    assert [found.value for found in settled(pages).values()] == [f"{name} wins" for name in NAMES]


def test_the_headline_wins_over_the_shorter_title_for_search_engines():
    headline = FieldStatement(TITLE, "markup", "Rain ends: a summer of drought is over")
    (found,) = settled([page(1, headline, title="Rain Ends")]).values()
    assert (found.value, found.source) == (headline.value, "markup")
    assert settled([page(1, headline, title="Rain")])[1].value == headline.value
    assert settled([page(1, headline, title="Drought ends")]) == {}
    assert settled([page(1, replace(headline, source="meta"), title="Rain Ends")]) == {}


def test_a_shared_title_does_not_give_way_to_itself_with_the_site_s_name():
    def stating(number: int, title: str) -> NumberedPage:
        return page(number, FieldStatement(TITLE, "meta", f"{title} | The Net"), title=title)

    assert settled([*(stating(n, "Googly") for n in range(3)), *(stating(n + 9, f"{n} geese") for n in range(6))]) == {}
