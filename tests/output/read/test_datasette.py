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
    shown, columns = module._load_shown(), schema_columns(db)
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


def test_every_table_and_column_has_its_meaning(metadata, archive_file):
    [tables] = [database["tables"] for database in metadata["databases"].values()]
    db = Database(archive_file)
    for name, columns in schema_columns(db).items():
        assert set(tables[name]["columns"]) == set(columns), name
        assert tables[name]["description"]
    db.close()
    assert "`" not in json.dumps(metadata["databases"])


def test_a_users_column_is_shown_without_a_meaning():
    table = metadata_for("x", {"articles": ["id", "mine"], "my own": ["y"]})["databases"]["x"]["tables"]
    assert set(table["articles"]["columns"]) == {"id"}
    assert "my own" not in table


@pytest.mark.slow
def test_the_first_pages_lead_to_what_a_person_looks_at(metadata, archive_file):
    home, database = pages(archive_file, metadata, "", "news+of+today")
    assert "An archive of articles" in home
    for query in module._load_shown()["queries"].values():
        assert query["title"] in database
    visible = database.partition("hidden table")[0]
    assert PAGE_LAYOUT not in visible
    for table in ("_sqlite_migrations", "sqlite_sequence"):
        assert f'<h3><a href="/news~20of~20today/{table}' not in visible


def test_the_overview_has_facets_descriptions_and_search(metadata, archive_file):
    overview, hit = pages(
        archive_file, metadata, "news+of+today/articles_overview", "news+of+today/articles_overview?_search=longer"
    )
    assert "Blocks of its page that are not." in overview
    assert overview.index("The river rises") > overview.index('data-column="language"')
    assert 'name="_search"' in overview
    assert "1 row" in hit
    assert "The river rises" in hit


def test_labels_lead_from_a_page_to_its_capture_and_cleaner(metadata, archive_file):
    [shown] = pages(archive_file, metadata, "news+of+today/pages")
    assert f'">{ARTICLE}</a>' in shown


@pytest.mark.slow
def test_every_table_and_view_has_its_page_the_hidden_ones_of_the_full_text_index_too(metadata, archive_file):
    with closing(sqlite3.connect(archive_file)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        names = [name for (name,) in connection.execute(query)]
    assert {"articles_fts", "articles_fts_data", "articles_fts_idx"} < {*names}
    pages(archive_file, metadata, *(f"news+of+today/{name}{ending}" for name in names for ending in ("", ".json")))


@pytest.mark.slow
def test_tables_that_keep_numbers_of_articles_lead_to_their_titles(metadata, archive_file):
    shown = module._load_shown()
    targets = {name: table["with_titles"] for name, table in shown["tables"].items() if "with_titles" in table}
    assert set(targets) == {"changes", "revisions", "rulings", "duplicates", "article_clusters"}
    tables = pages(archive_file, metadata, *(f"news+of+today/{name}" for name in targets))
    for text, target in zip(tables, targets.values(), strict=True):
        assert f'<a href="{target}">' in text
    shown_targets = dict(
        zip(
            targets, pages(archive_file, metadata, *(f"news+of+today/{name}" for name in targets.values())), strict=True
        )
    )
    for name in ("changes", "revisions", "duplicates", "article_clusters"):
        assert "The river" in shown_targets[name]
    assert f'href="{ARTICLE}"' in shown_targets["changes"]
    assert "The river, once more" in shown_targets["revisions"]


def test_every_canned_query_answers(metadata, archive_file):
    names = [f"news+of+today/{name}.json?_shape=array&url={ARTICLE}&seq=0" for name in module._load_shown()["queries"]]
    answers = dict(
        zip(module._load_shown()["queries"], map(json.loads, pages(archive_file, metadata, *names)), strict=True)
    )
    assert [row["text"] for row in answers["removed_from_an_article"]] == ["Donate now"]
    titles = {"The river", "The river rises", "The river, once more", "Another"}
    assert {row["title"] for row in answers["changes_since"]} == titles
    assert sorted(row["articles_in_cluster"] for row in answers["one_of_each_cluster"]) == [1, 1, 2]
    assert answers["outcomes"][0]["urls"] == 4
    assert answers["rules_by_what_they_removed"][0]["example"] == "Donate now"
    assert answers["rulings_with_titles"] == answers["coverage_gaps"] == []


def test_an_articles_own_page_shows_a_value_below_the_other(metadata, archive_file):
    db = Database(archive_file)
    [(number,)] = db.execute("SELECT id FROM articles WHERE url = ?", [ARTICLE]).fetchall()
    db.close()
    [page] = pages(archive_file, metadata, f"news+of+today/articles/{number}")
    assert 'href="data:text/css,' in page
    [style] = metadata["extra_css_urls"]
    assert html.unescape(style).count("col-published_day%3A%3Abefore") == 1
