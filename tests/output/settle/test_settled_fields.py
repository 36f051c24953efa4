"""settled_fields: the site's evidence changes authors, days and titles, and they come back when it falls."""

import json
from dataclasses import replace

from broadsheet.cleaners.document import AUTHORS, BYLINE, PUBLISHED, FieldStatement, Metadata
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.own_reading import read_own_reading, unpack_reading
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import OWN_FIELDS, PAGE_STATEMENTS
from tests.output.cleaned_pages import cleaned_page, with_page
from tests.output.conftest import Maker

NAMES = ("Ann Lee", "Bo Chen", "Cy Roe", "Di Fox", "Ed Hay")


def story(make: Maker, number: int, byline: str, author: str = "The Paper") -> Outcome:
    url = f"https://paper.test/story-{number}"
    metadata = Metadata(
        title=f"Story of {byline} | The Valley Paper",
        authors=(author,),
        published="2024-05-03",
        sitename="The Paper",
        sources={"title": "meta", "authors": "meta", "published": "meta"},
    )
    statements = (
        FieldStatement(AUTHORS, "meta", json.dumps([author])),
        FieldStatement(AUTHORS, "markup", json.dumps([byline])),
        FieldStatement(PUBLISHED, "meta", "2024-05-03"),
        FieldStatement(PUBLISHED, "text", "2024-05-09", "says when it was changed"),
    )
    text = " ".join(f"{byline} {number} wrote {word}" for word in ("this", "that", "and", "more"))
    return with_page(make.outcome(url, text), metadata=metadata, statements=statements)


def fill(archive: Archive, make: Maker) -> None:
    archive.save([story(make, number, name) for number, name in enumerate(NAMES)])


def stored(archive: Archive, columns: str = "authors, title") -> list[tuple[object, ...]]:
    return archive.db.execute(f"SELECT {columns} FROM articles ORDER BY url").fetchall()


def test_the_own_reading_of_a_page_is_its_own(archive, make):
    fill(archive, make)
    settle(archive.db, make.clock)
    (page_id,) = archive.db.execute("SELECT id FROM urls WHERE url LIKE '%story-0'").fetchone()
    reading = read_own_reading(archive.db, page_id)
    assert reading is not None
    assert reading.rows.metadata.authors == ("The Paper",)
    assert reading.rows.metadata.title == "Story of Ann Lee | The Valley Paper"
    assert len(reading.rows.statements) == 4
    unpacked = unpack_reading(archive.db, reading.rows.url, reading.pack())
    assert unpacked.rows.statements == reading.rows.statements


def test_the_usual_language_of_a_host_decides_where_a_text_leaves_a_doubt(archive, make):
    def in_language(number: int, language: str, source: str) -> Outcome:
        outcome = story(make, number, NAMES[number % 5], author=NAMES[number % 5])
        metadata = replace(cleaned_page(outcome).metadata, language=language)
        return with_page(outcome, metadata=replace(metadata, sources={**metadata.sources, "language": source}))

    usual = [in_language(number, "id", "text") for number in range(6)]
    others = [("ms", "text"), ("", ""), ("ms", "markup"), ("fr", "text")]
    doubtful = [in_language(number, *other) for number, other in enumerate(others, 6)]
    archive.save([*usual, *doubtful[:3]])
    settle(archive.db, make.clock)
    assert stored(archive, "language")[6:] == [("id",), ("id",), ("ms",)]
    archive.save([*doubtful, *[in_language(number, "ms", "markup") for number in range(6)]])
    settle(archive.db, make.clock)
    assert stored(archive, "coalesce(language, '')")[6:] == [("ms",), ("ms",), ("ms",), ("fr",)]
    assert verify(archive.db) == []


def test_fields_come_back_when_the_evidence_falls(archive, make):
    fill(archive, make)
    settle(archive.db, make.clock)
    archive.save([story(make, number, name, author=name) for number, name in enumerate(NAMES[1:], 1)])
    settle(archive.db, make.clock)
    assert stored(archive, "authors")[0] == ('["The Paper"]',)
    assert stored(archive, "title")[0] == ("Story of Ann Lee",)
    assert archive.db.execute(f"SELECT count(*) FROM {OWN_FIELDS} WHERE field = 'authors'").fetchone() == (0,)
    assert verify(archive.db) == []


def test_a_page_that_is_stored_again_keeps_what_the_site_says(archive, make):
    fill(archive, make)
    settle(archive.db, make.clock)
    (last_change,) = archive.db.execute("SELECT max(seq) FROM changes").fetchone()
    archive.save([story(make, 0, "Ann Lee")])
    assert stored(archive)[0] == ('["Ann Lee"]', "Story of Ann Lee")
    settle(archive.db, make.clock)
    assert archive.db.execute("SELECT max(seq) FROM changes").fetchone() == (last_change,)


def test_all_dates_are_told_with_the_reason_against_them(archive, make):
    fill(archive, make)
    query = "SELECT DISTINCT date, source, why_not FROM article_dates ORDER BY date"
    assert archive.db.execute(query).fetchall() == [
        ("2024-05-03", "meta", ""),
        ("2024-05-09", "text", "says when it was changed"),
    ]


def test_a_byline_is_told_as_it_is_printed_beside_the_persons_in_it(archive, make):
    person, team = "By Ann Lee, Senior Editor", "By the editorial team"
    for number, line, authors in ((0, person, ("Ann Lee",)), (1, team, ())):
        outcome = story(make, number, "Ann Lee")
        metadata = replace(cleaned_page(outcome).metadata, authors=authors)
        archive.save([with_page(outcome, metadata=metadata, statements=(FieldStatement(BYLINE, "markup", line),))])
    rows = archive.db.execute("SELECT byline, source, authors FROM article_bylines ORDER BY url").fetchall()
    assert [(line, source, json.loads(authors or "[]")) for line, source, authors in rows] == [
        (person, "markup", ["Ann Lee"]),
        (team, "markup", []),
    ]


def test_a_takedown_leaves_no_name(archive, make):
    archive.save([story(make, 0, "Ann Lee"), story(make, 1, "Bo Chen")])
    settle(archive.db, make.clock)
    take_down(archive.db, "https://paper.test/story-0", clock=make.clock)
    for table in (PAGE_STATEMENTS, OWN_FIELDS):
        assert "Ann Lee" not in repr(archive.db.execute(f"SELECT * FROM {table}").fetchall())
