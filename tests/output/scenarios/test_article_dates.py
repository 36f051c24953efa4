"""When articles were published and changed: an instant where it is known, a day always, and what the page stated."""

import csv
import io
import json
from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from sqlite_utils import Database

from broadsheet.output.archive.page_rows import article_id
from broadsheet.output.archive.revisions import read_stated_metadata
from broadsheet.output.read.article_files import export_markdown
from broadsheet.output.read.article_rows import export_csv, export_jsonl
from broadsheet.output.read.page_lookup import find_url_result
from broadsheet.output.read.search import search
from broadsheet.output.settle.own_reading import read_own_reading
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.revisit_schedule import find_url_row
from tests.output.cleaned_pages import with_page
from tests.output.conftest import Maker

Columns = tuple[str | None, str | None, str | None]

DATES: dict[str, Columns] = {
    "zone": ("2024-05-03T13:47:42Z", "2024-05-03", "2024-05-03T15:47:42+02:00"),
    "next-day": ("2024-05-04T04:30:00Z", "2024-05-03", "2024-05-03T23:30:00-05:00"),
    "utc": ("2024-05-03T10:00:00Z", "2024-05-03", "2024-05-03T10:00:00Z"),
    "local": (None, "2024-05-03", "2024-05-03T15:47:42"),
    "day": (None, "2024-05-03", "2024-05-03"),
    "none": (None, None, None),
}
"""By the last part of an article's URL: its `published`, `published_day` and `published_stated`."""


def url_of(name: str) -> str:
    return f"http://a.test/{name}"


def dated_outcome(make: Maker, name: str, stated: str | None, text: str) -> Outcome:
    """The outcome of an article that was published and changed when its page states."""
    outcome = make.outcome(url_of(name), text)
    metadata = replace(outcome.page.metadata, published=stated or "", modified=stated or "")
    return with_page(outcome, metadata=metadata)


def store_dated_articles(archive: Archive, make: Maker) -> None:
    """An article for each of `DATES`, and a copy of one, which is shelved."""
    for name, (_, _, stated) in [*DATES.items(), ("zone-copy", DATES["zone"])]:
        text = " ".join(f"{name.removesuffix('-copy')}{number}" for number in range(60))
        archive.save([dated_outcome(make, name, stated, text)])
    settle(archive.db, make.clock)


def stored_dates(db: Database, table: str = "articles", field: str = "published") -> dict[str, Columns]:
    rows = db.execute(f"SELECT url, {field}, {field}_day, {field}_stated FROM {table}").fetchall()
    return {url.rsplit("/", 1)[1]: (instant, day, stated) for url, instant, day, stated in rows}


@pytest.mark.parametrize("field", ["published", "modified"])
def test_an_article_has_its_instant_its_day_and_what_its_page_stated(archive, make, field):
    store_dated_articles(archive, make)
    assert stored_dates(archive.db, field=field) == DATES
    assert stored_dates(archive.db, "shelved", field) == {"zone-copy": DATES["zone"]}


def test_pandas_reads_instants_and_days_as_datetimes(archive, make):
    store_dated_articles(archive, make)
    query = "SELECT url, published, published_day, modified, modified_day FROM articles"
    articles = pd.read_sql(query, archive.db.conn, parse_dates=["published", "published_day", "modified"])
    for name in ("published", "modified"):
        assert isinstance(articles[name].dtype, pd.DatetimeTZDtype)
        assert str(articles[name].dt.tz) == "UTC"
    assert pd.api.types.is_datetime64_dtype(articles["published_day"])
    by_name = articles.set_index(articles["url"].str.rsplit("/", n=1).str[1])
    assert by_name["published"]["next-day"] == pd.Timestamp("2024-05-04T04:30:00Z")
    assert by_name["published_day"]["next-day"] == pd.Timestamp("2024-05-03")
    assert list(by_name.index[by_name["published"].isna()].sort_values()) == ["day", "local", "none"]


@pytest.fixture
def dated(archive, make):
    store_dated_articles(archive, make)
    return archive


@pytest.mark.parametrize("name", DATES)
def test_what_a_page_stated_is_what_later_captures_are_compared_with(dated, name):
    """By an edit of the date, by cleaning again, by a test of site rules."""
    (page_id,) = dated.db.execute("SELECT id FROM urls WHERE url = ?", [url_of(name)]).fetchone()
    stated = DATES[name][2] or ""
    metadata = read_own_reading(dated.db, page_id).rows.metadata
    assert (metadata.published, metadata.modified) == (stated, stated)
    assert read_stated_metadata(dated.db, article_id(url_of(name))).published == stated
    assert find_url_result(dated.db, url_of(name)).article.published == stated


@pytest.mark.parametrize("name", DATES)
def test_an_article_s_age_is_counted_from_its_instant_or_its_day(dated, name):
    instant, day, _ = DATES[name]
    (first_seen,) = dated.db.execute("SELECT first_seen FROM urls WHERE url = ?", [url_of(name)]).fetchone()
    assert find_url_row(dated.db, url_of(name)).article_date == (instant or day or first_seen)


def test_who_searches_sees_the_day(dated):
    assert {name: next(iter(search(dated.db, f"{name}7"))).published_day for name in ("next-day", "local", "none")} == {
        "next-day": date(2024, 5, 3), "local": date(2024, 5, 3), "none": None,
    }  # fmt: skip


def test_exports_have_all_of_it_and_file_names_have_the_day(dated, tmp_path):
    names = [f"{field}{part}" for field in ("published", "modified") for part in ("", "_day", "_stated")]
    lines, cells = io.StringIO(), io.StringIO(newline="")
    export_jsonl(dated.db, lines)
    export_csv(dated.db, cells)
    export_markdown(dated.db, tmp_path)
    files = [path for path in tmp_path.iterdir() if path.name.startswith("2024-05-03-")]
    front_matter = [
        {name: json.loads(text) for name, _, text in (line.partition(": ") for line in lines if line)}
        for lines in (path.read_text("utf-8").split("---\n")[1].split("\n") for path in files)
    ]
    assert len(front_matter) == len(DATES) - 1
    exported = [*map(json.loads, lines.getvalue().splitlines()), *csv.DictReader(io.StringIO(cells.getvalue()))]
    for row in [*exported, *front_matter]:
        expected = DATES[row["url"].rsplit("/", 1)[1]]
        assert tuple(row.get(name) or None for name in names) == expected * 2
