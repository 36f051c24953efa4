"""Datasette itself reads an archive with its metadata: every page, query and label."""

import asyncio
import html
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from broadsheet.cleaners.package_data import read_toml
from broadsheet.output.archive.migrations import MIGRATIONS
from broadsheet.output.archive.schema_doc import schema_columns
from broadsheet.output.read import datasette as module
from broadsheet.output.read.datasette import datasette_metadata, metadata_for
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.internal_tables import PAGE_LAYOUT
from tests.output.conftest import Maker

ARTICLE = "http://a.test/1"


@pytest.fixture(scope="module")
def archive_file(tmp_path_factory):
    file, make = tmp_path_factory.mktemp("shown") / "news of today.db", Maker()
    text = " ".join(f"word{number}" for number in range(200))
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(ARTICLE, text, removed=("Donate now",), title="The river")])
        archive.save([make.outcome("http://b.test/2", f"{text} but longer", title="The river rises")])
        archive.save([make.outcome("http://b.test/4", "before", title="The river, once more")])
        archive.save([make.outcome("http://b.test/4", "this is another text now", title="The river, once more")])
        archive.save([make.outcome("http://b.test/3", "another text of few words", title="Another")])
        settle(archive.db, make.clock)
    return file


@pytest.fixture(scope="module")
def metadata(archive_file):
    db = Database(archive_file)
    try:
        return datasette_metadata(db)
    finally:
        db.close()


def pages(file: Path, metadata: dict[str, Any], *paths: str) -> list[str]:
    """What Datasette answers; each answer is one of success."""
    app = pytest.importorskip("datasette.app")
    shown = app.Datasette([str(file)], metadata=json.loads(json.dumps(metadata)))

    async def fetch() -> list[str]:
        answers = [await shown.client.get(f"/{path}") for path in paths]
        assert [answer.status_code for answer in answers] == [200] * len(paths), paths
        return [answer.text for answer in answers]

    return asyncio.run(fetch())


def test_what_is_shown_is_there_and_what_is_there_is_shown_or_hidden():
    db = Database(memory=True)
    MIGRATIONS.apply(db)
    shown, columns = read_toml(module.__package__, "datasette.toml"), schema_columns(db)
    tables = metadata_for("x", columns)["databases"]["x"]["tables"]
    assert set(shown["tables"]) <= set(columns)
    assert set(shown["hidden"]) - set(columns) == {"_sqlite_migrations", "sqlite_sequence"}
    hidden = {name for name, table in tables.items() if table.get("hidden")}
    assert {name for name in columns if name.startswith("_")} == hidden - set(shown["hidden"])
    assert set(columns) - set(shown["tables"]) - hidden == {"articles_fts", "meta"}
    for name, table in tables.items():
        named = [*table.get("units", {}), table.get("label_column"), table.get("sort_desc"), *table.get("facets", [])]
        names = [next(iter(facet.values())) if isinstance(facet, dict) else facet for facet in named if facet]
        assert set(names) <= set(columns.get(name, [])), name


def test_a_plain_file_hides_the_internal_tables(archive_file):
    """Without any metadata: views are never hidden."""
    [answer] = pages(archive_file, {}, "news of today.json".replace(" ", "~20"))
    tables = json.loads(answer)["tables"]
    shown = {table["name"] for table in tables if not table["hidden"]}
    assert {name for name in shown if name.startswith("_")} == set()
    assert {"articles", "dictionary", "urls"} <= shown


def test_every_table_and_column_has_its_meaning(metadata, archive_file):
    [tables] = [database["tables"] for database in metadata["databases"].values()]
    with closing(sqlite3.connect(archive_file)) as connection:
        for name, columns in schema_columns(Database(connection)).items():
            assert set(tables[name]["columns"]) == set(columns), name
            assert tables[name]["description"]
    assert "`" not in json.dumps(metadata["databases"])


def test_a_users_column_is_shown_without_a_meaning():
    table = metadata_for("x", {"articles": ["id", "mine"], "my own": ["y"]})["databases"]["x"]["tables"]
    assert set(table["articles"]["columns"]) == {"id"}
    assert "my own" not in table


@pytest.mark.slow
def test_the_first_pages_lead_to_what_a_person_looks_at(metadata, archive_file):
    home, database = pages(archive_file, metadata, "", "news+of+today")
    assert "An archive of articles" in home
    for query in read_toml(module.__package__, "datasette.toml")["queries"].values():
        assert query["title"] in database
    visible = database.partition("hidden table")[0]
    assert PAGE_LAYOUT not in visible
    for table in ("_sqlite_migrations", "sqlite_sequence"):
        assert f'<h3><a href="/news~20of~20today/{table}' not in visible


@pytest.mark.slow
def test_overview_search_labels_and_an_articles_own_page(metadata, archive_file):
    """Labels lead from a page to its capture, and an article's page shows a value below the other."""
    with closing(sqlite3.connect(archive_file)) as connection:
        [number] = connection.execute("SELECT id FROM articles WHERE url = ?", [ARTICLE]).fetchone()
    paths = ("articles_overview", "articles_overview?_search=longer", "pages", f"articles/{number}")
    overview, hit, labels, page = pages(archive_file, metadata, *(f"news+of+today/{path}" for path in paths))
    assert "Blocks of its page that are not." in overview
    assert overview.index("The river rises") > overview.index('data-column="language"')
    assert 'name="_search"' in overview
    assert "1 row" in hit
    assert "The river rises" in hit
    assert f'">{ARTICLE}</a>' in labels
    assert 'href="data:text/css,' in page
    [style] = metadata["extra_css_urls"]
    assert html.unescape(style).count("col-published_day%3A%3Abefore") == 1


@pytest.mark.slow
def test_every_table_and_view_has_its_page_and_numbers_of_articles_lead_to_their_titles(metadata, archive_file):
    """The hidden ones of the full-text index too."""
    with closing(sqlite3.connect(archive_file)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        names = [name for (name,) in connection.execute(query)]
    assert {"articles_fts", "articles_fts_data", "articles_fts_idx"} < {*names}
    pages(archive_file, metadata, *(f"news+of+today/{name}.json" for name in names))
    names += read_toml(module.__package__, "datasette.toml")["queries"]
    shown = dict(zip(names, pages(archive_file, metadata, *(f"news+of+today/{name}" for name in names)), strict=True))
    described = read_toml(module.__package__, "datasette.toml")["tables"].items()
    targets = {name: table["with_titles"] for name, table in described if "with_titles" in table}
    assert set(targets) == {"changes", "revisions", "rulings"}
    for name, target in targets.items():
        assert f'<a href="{target}">' in shown[name]
        assert name == "rulings" or "The river" in shown[target]
    assert f'href="{ARTICLE}"' in shown[targets["changes"]]
    assert "The river, once more" in shown[targets["revisions"]]


def test_every_canned_query_answers(metadata, archive_file):
    names = list(read_toml(module.__package__, "datasette.toml")["queries"])
    paths = [f"news+of+today/{name}.json?_shape=array&url={ARTICLE}&seq=0" for name in names]
    answers = dict(zip(names, map(json.loads, pages(archive_file, metadata, *paths)), strict=True))
    assert [row["text"] for row in answers["removed_from_an_article"]] == ["Donate now"]
    titles = {"The river", "The river rises", "The river, once more", "Another"}
    assert {row["title"] for row in answers["changes_since"]} == titles
    assert answers["outcomes"][0]["urls"] == 4
    assert answers["rules_by_what_they_removed"][0]["example"] == "Donate now"
    assert answers["rulings_with_titles"] == answers["coverage_gaps"] == []
