"""Articles as typed values, one or all of them, and as a pandas DataFrame.

All articles are read in batches. A batch is one short statement, so that a program which reads slowly never keeps a
crawl beside it from folding its write-ahead log into the file. pandas is imported only when a DataFrame is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from ..archive.article_filter import ALL_ARTICLES, ArticleBounds
from ..archive.installed_extras import install_command
from ..archive.metadata_columns import (
    DAY_COLUMNS,
    INSTANT_COLUMNS,
    INTEGER_COLUMNS,
    JSON_COLUMNS,
    SOURCES_COLUMN,
    StatedMetadata,
    typed_value,
)
from ..archive.stored_values import stored_object, stored_texts
from ..archive.table_columns import quoted_name, table_columns
from ..write.person_verdicts import find_article
from .notebook_html import page_card
from .plain_words import count_text

if TYPE_CHECKING:
    import pandas as pd


_BATCH = 100  # articles in memory at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Article(StatedMetadata):
    """An article as it is stored, a row of the table `articles`: what its page states, and what the archive has of it.

    `id` stays for good, and is the same in every archive. `text` has a block a line, `markdown` the same with headings,
    lists, emphasis and links; `word_count` counts the words of the text, in Chinese and Japanese the characters.
    `page_type` is `article`, or `teaser` for the free beginning of one behind a paywall. `first_seen` and `last_seen`
    are the times (UTC) at which its page was first and last fetched as an article. `own_columns` has the values of
    columns that somebody added to the table.
    """

    id: int
    url: str
    host: str
    text: str = field(repr=False)
    markdown: str = field(repr=False)
    word_count: int
    page_type: str
    first_seen: datetime
    last_seen: datetime
    page_id: int
    capture_id: int | None
    cleaner_version: str
    own_columns: Mapping[str, object] = field(default_factory=dict, repr=False)

    def _repr_html_(self) -> str:
        """Return it as Jupyter shows it."""
        facts = (", ".join(self.authors), self.published_day, self.sitename, count_text(self.word_count, "word"))
        return page_card(self.title, self.url, facts, self.text)


_ARTICLE_COLUMNS = frozenset(attribute.name for attribute in fields(Article)) - {"own_columns"}


def iter_stored_articles(
    db: Database, bounds: ArticleBounds = ALL_ARTICLES, *, one_per_cluster: bool = False
) -> Iterator[Article]:
    """Yield the articles within the bounds, ordered by number; those of a batch are of one moment.

    With `one_per_cluster`, only the earliest of similar articles. Raises DamagedValue if a stored value is impossible.
    """
    conditions = ["id > :last_id", bounds.condition]
    if one_per_cluster:
        from .alike_articles import earliest_condition

        conditions.append(earliest_condition(db))
    where, last_id = " AND ".join(conditions), -1
    while rows := _read_rows(db, f"{where} ORDER BY id LIMIT {_BATCH}", {**bounds.values, "last_id": last_id}):
        yield from (_make_article(row) for row in rows)
        last_id = rows[-1]["id"]


@dataclass(frozen=True, slots=True)
class ArticleLink:
    """A row of the view `links`: the link at `position` (from 0) in an article's text, with its words.

    `target` is its destination, and `target_id` the article there; None if the archive has no such article.
    """

    article_id: int
    url: str
    title: str
    position: int
    anchor: str
    target: str
    target_id: int | None


_LINKS = """SELECT article_id, url, title, position, anchor, target, target_id FROM links
    WHERE article_id IN (SELECT id FROM articles WHERE id > ? ORDER BY id LIMIT ?)
    ORDER BY article_id, position"""
_LAST_OF_BATCH = "SELECT max(id) FROM (SELECT id FROM articles WHERE id > ? ORDER BY id LIMIT ?)"


def iter_links(db: Database) -> Iterator[ArticleLink]:
    """Yield the links inside the texts of all articles, in the order of the articles' numbers, read in batches."""
    last_id: int | None = -1
    while (next_id := db.execute(_LAST_OF_BATCH, [last_id, _BATCH]).fetchone()[0]) is not None:
        yield from (ArticleLink(*row) for row in db.execute(_LINKS, [last_id, _BATCH]).fetchall())
        last_id = next_id


def find_stored_article(db: Database, url_or_id: str) -> Article | None:
    """Find an article by its number or any URL that leads to it; None if the archive has no such article."""
    article_id = find_article(db, url_or_id)
    rows = [] if article_id is None else _read_rows(db, "id = :id", {"id": article_id})
    return _make_article(rows[0]) if rows else None


def find_withdrawn(db: Database, words: str) -> str | None:
    """Find the URL of the only page with these words in its title that a person ruled out as an article; otherwise
    None.
    """
    query = "SELECT url FROM shelved WHERE why = 'withdrawn' AND instr(lower(title), lower(?)) LIMIT 2"
    rows = db.execute(query, [words.strip()]).fetchall()
    return str(rows[0][0]) if len(rows) == 1 else None


def _read_rows(db: Database, where: str, values: Mapping[str, object]) -> list[dict[str, Any]]:
    names = [column.name for column in table_columns(db, "articles")]
    query = f"SELECT {', '.join(map(quoted_name, names))} FROM articles WHERE {where}"
    return [dict(zip(names, row, strict=True)) for row in db.execute(query, dict(values)).fetchall()]


def _make_article(row: Mapping[str, Any]) -> Article:
    values = {name: typed_value(name, value, row["id"]) for name, value in row.items() if name in _ARTICLE_COLUMNS}
    return Article(**values, own_columns={name: row[name] for name in row if name not in _ARTICLE_COLUMNS})


def articles_frame(db: Database, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read the articles, ordered by id, as a DataFrame of the named columns, or of all columns.

    Raises ImportError without pandas, KeyError for an unknown column, DamagedValue for JSON that cannot be decoded.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(f"to_pandas needs pandas: {install_command('pandas')}") from error
    stored_names = [column.name for column in table_columns(db, "articles")]
    if missing_names := [name for name in columns if name not in stored_names]:
        raise KeyError(f"articles has no column {missing_names[0]}; it has {', '.join(stored_names)}")
    names = list(columns) or stored_names
    query = f"SELECT id, {', '.join(map(quoted_name, names))} FROM articles ORDER BY id"
    rows = db.execute(query).fetchall()
    return pd.DataFrame({name: _series(name, [(row[0], row[i]) for row in rows]) for i, name in enumerate(names, 1)})


def _series(name: str, numbered_values: Sequence[tuple[int, object]]) -> pd.Series:
    """Return a column, given as (the article's number, value), with the type that its values have."""
    import pandas as pd

    values = [value for _, value in numbered_values]
    if name in INSTANT_COLUMNS:
        return pd.Series(pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce"))
    if name in DAY_COLUMNS:
        return pd.Series(pd.to_datetime(values, format="%Y-%m-%d", errors="coerce"))
    if name in INTEGER_COLUMNS:
        return pd.Series(values, dtype="Int64" if None in values else "int64")
    if name == SOURCES_COLUMN:
        return pd.Series([stored_object(value, "articles", name, number) for number, value in numbered_values])
    if name in JSON_COLUMNS:
        return pd.Series([list(stored_texts(value, "articles", name, number)) for number, value in numbered_values])
    return pd.Series(values)
