"""The table `articles` as a pandas DataFrame. pandas is imported here and nowhere else, when this is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlite_utils import Database

from broadsheet.output.db.stored_values import stored_object, stored_texts
from broadsheet.output.db.table_columns import quoted_name, table_columns
from broadsheet.output.store.metadata_columns import JSON_COLUMNS, SOURCES_COLUMN

if TYPE_CHECKING:
    import pandas as pd

_INSTANTS = ("published", "modified", "first_seen", "last_seen")
_DAYS = ("published_day", "modified_day")
_INTEGERS = ("id", "word_count", "page_id", "capture_id")


def articles_frame(db: Database, columns: Sequence[str] = ()) -> pd.DataFrame:
    """A row an article, in the order of their numbers, of the columns that are named; of all where none is.

    ImportError without pandas, KeyError for a column that is not there, DamagedValue for JSON that is none.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError("to_pandas needs pandas: pip install pandas") from error
    names = _checked_names(db, columns)
    query = f"SELECT id, {', '.join(map(quoted_name, names))} FROM articles ORDER BY id"
    rows = db.execute(query).fetchall()
    return pd.DataFrame({name: _series(name, [(row[0], row[i]) for row in rows]) for i, name in enumerate(names, 1)})


def _checked_names(db: Database, columns: Sequence[str]) -> list[str]:
    stored_names = [column.name for column in table_columns(db, "articles")]
    if missing_names := [name for name in columns if name not in stored_names]:
        raise KeyError(f"articles has no column {missing_names[0]}; it has {', '.join(stored_names)}")
    return list(columns) or stored_names


def _series(name: str, numbered_values: Sequence[tuple[int, object]]) -> pd.Series:
    """A column, given as (the article's number, value), with the type that its values have."""
    import pandas as pd

    values = [value for _, value in numbered_values]
    if name in _INSTANTS:
        return pd.Series(pd.to_datetime(values, utc=True, format="ISO8601", errors="coerce"))
    if name in _DAYS:
        return pd.Series(pd.to_datetime(values, format="%Y-%m-%d", errors="coerce"))
    if name in _INTEGERS:
        return pd.Series(values, dtype="Int64" if None in values else "int64")
    if name == SOURCES_COLUMN:
        return pd.Series([stored_object(value, "articles", name, number) for number, value in numbered_values])
    if name in JSON_COLUMNS:
        return pd.Series([list(stored_texts(value, "articles", name, number)) for number, value in numbered_values])
    return pd.Series(values)
