"""Datasette's metadata for an archive: the meaning of each table and column, its display, and queries to begin with.

The display is in `datasette.toml`, the meanings are in `output/archive/schema.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from sqlite_utils import Database

from broadsheet.cleaners.package_data import read_toml

from ..archive.archive_file import database_file
from ..archive.schema_doc import ColumnMeanings, column_meanings, schema_columns

_SOURCE = "Broadsheet"
_WITH_TITLES = "with_titles"
_SITE = """SELECT coalesce(nullif(sitename, ''), host) FROM articles
    GROUP BY coalesce(nullif(sitename, ''), host) ORDER BY count(*) DESC, 1 LIMIT 1"""
_HIDDEN = ("_", "sqlite_")


def datasette_metadata(db: Database) -> dict[str, Any]:
    """Return the metadata as Datasette reads it from a JSON file, for this archive under its file's name."""
    site = db.execute(_SITE).fetchone()
    return metadata_for(database_file(db).stem, schema_columns(db), site[0] if site else "")


def metadata_for(database_name: str, columns_by_table: Mapping[str, list[str]], site: str = "") -> dict[str, Any]:
    """Return the metadata for a database name in Datasette, with these tables and views, of a site. Pure."""
    shown, meanings = read_toml(__package__, "datasette.toml"), column_meanings()
    tables: dict[str, Any] = {
        name: {"hidden": True} for name in (*shown["hidden"], *columns_by_table) if name.startswith(_HIDDEN)
    }
    for name, columns in columns_by_table.items():
        if name in meanings:
            tables[name] = {**tables.get(name, {}), **_appearance(shown, name), **_texts(name, columns, meanings)}
            tables[name] |= _link_to_titles(shown, name, tables[name]["description"])
    texts = {"title": shown["title"], "description": _plain(shown["description"]), "source": _SOURCE}
    queries = {name: {**query, "description": _plain(query["description"])} for name, query in shown["queries"].items()}
    first = f'<p><a href="/{quote(database_name)}/articles">Articles</a> first. {escape(texts["description"])}</p>'
    title = site or f"{shown['title']}: {database_name}"
    database = {**texts, "title": title, "description_html": first, "tables": tables, "queries": queries}
    style = _style(columns_by_table.get("articles", []))
    return {**texts, "extra_css_urls": [f"data:text/css,{quote(style)}"], "databases": {database_name: database}}


def _appearance(shown: Mapping[str, Any], table: str) -> dict[str, Any]:
    return {key: value for key, value in shown["tables"].get(table, {}).items() if key != _WITH_TITLES}


def _link_to_titles(shown: Mapping[str, Any], table: str, description: str) -> dict[str, str]:
    """Return the table's description with a link to where its rows have the titles and addresses of their articles."""
    target = shown["tables"].get(table, {}).get(_WITH_TITLES)
    if target is None:
        return {}
    title = (shown["queries"].get(target) or shown["tables"][target])["title"]
    return {"description_html": f'{escape(description)} With titles: <a href="{quote(target)}">{escape(title)}</a>.'}


def _texts(table: str, columns: list[str], meanings: ColumnMeanings) -> dict[str, Any]:
    """Return descriptions of a table and its columns, except columns that a user added."""
    own_meanings = {**(meanings["articles"] if table == "shelved" else {}), **meanings[table]}
    descriptions = {column: _plain(own_meanings[column]) for column in columns if column in own_meanings}
    return {"description": _plain(own_meanings[""]), "columns": descriptions}


def _style(article_columns: Iterable[str]) -> str:
    """Return the style sheet, with a label for each column on an article's own page."""
    shown = read_toml(__package__, "datasette.toml")
    labels = [shown["row_label"].replace("COLUMN", name) for name in article_columns if re.fullmatch(r"\w+", name)]
    return "\n".join((shown["style"], *labels))


def _plain(text: str) -> str:
    """Return text without the marks of code, which Datasette would show."""
    return text.replace("`", "")
