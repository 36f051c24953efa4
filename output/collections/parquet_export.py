"""Archives as a folder of Parquet files: `articles`, `removed` and `urls`, each article and URL once.

Where several archives hold the same article or URL, that one counts which saw it last; of equal times the one that is
named last. What was taken down in one of them is in no file, whichever archive still holds it.

A table's folder is whole or absent: it is written beside the others under another name, and takes its place at the end.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlite_utils import Database

from ..archive.article_filter import ALL_ARTICLES, USAGE_COLUMN, USAGE_OF_ARTICLE, ArticleBounds, article_scope
from ..read.article_rows import chosen_articles
from ..read.export_target import OwnFiles, TargetRefused, whole_folder
from ..write.takedowns import WILDCARD
from .parquet_files import Row, parquet_tables, write_parts

# At the head of each row stands what it is about, and the addresses that a takedown may name.
_QUERIES = {
    "articles": "SELECT a.id, a.url, a.canonical_url, {columns} FROM articles a WHERE {chosen} ORDER BY a.id",
    "removed": """SELECT a.id, a.url, a.canonical_url, {columns}
        FROM articles a CROSS JOIN main.removed r ON r.article_id = a.id WHERE {chosen} ORDER BY a.id, r.position""",
    "urls": "SELECT u.url, u.url, NULL, {columns} FROM main.urls u WHERE {chosen} ORDER BY u.id",
}
_CHOSEN_URLS = "u.id IN (SELECT p.id FROM main.pages p JOIN articles a ON a.id = p.article_id WHERE {})"
_SCRATCH = ".writing-"
_HIDING_COLUMNS = ("found_on", "location")  # which may name what was taken down


def export_parquet(
    archives: Sequence[Database], folder: Path, bounds: ArticleBounds = ALL_ARTICLES, *, one_per_cluster: bool = False
) -> Mapping[str, int]:
    """Write the articles within the bounds, what was removed from them, and their URLs; without bounds, all URLs.

    Returns the number of rows of each table. TargetRefused if the folder holds other files under a table's name,
    DamagedValue if a stored value is damaged.
    """
    for name in _QUERIES:
        if any(not path.match("part-*.parquet") for path in (folder / name).glob("*")):
            raise TargetRefused(f"{folder / name} holds other files")
    chosen = "true"
    is_whole = bounds == ALL_ARTICLES and not one_per_cluster
    with ExitStack() as stack:
        root = stack.enter_context(whole_folder([OwnFiles.of(db) for db in archives], folder))
        for db in archives:
            db.execute("BEGIN")  # all tables as they stand at one moment
            stack.callback(db.conn.rollback)
            stack.enter_context(article_scope(db, bounds))
            chosen = chosen_articles(db, one_per_cluster=one_per_cluster)
        is_hidden = _takedowns(archives)
        for left_by_a_kill in root.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left_by_a_kill, ignore_errors=True)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=root)))
        conditions = dict.fromkeys(_QUERIES, chosen) | ({"urls": "true" if is_whole else _CHOSEN_URLS.format(chosen)})
        counts = {
            name: write_parts(parquet_tables()[name], _rows(archives, name, condition, is_hidden), scratch / name)
            for name, condition in conditions.items()
        }
        for name in _QUERIES:
            if (root / name).exists():
                (root / name).rename(scratch / f"old-{name}")
            (scratch / name).rename(root / name)
    return counts


def _takedowns(archives: Sequence[Database]) -> Callable[[object], bool]:
    """Return a function that says whether a URL was taken down in one of the archives."""
    patterns = {pattern for db in archives for (pattern,) in db.execute("SELECT pattern FROM main.takedowns")}
    wild = [re.escape(text).replace(re.escape(WILDCARD), ".*") for text in sorted(patterns) if WILDCARD in text]
    matches = re.compile("|".join(wild) or r"(?!)", re.DOTALL).fullmatch
    return lambda url: isinstance(url, str) and (url in patterns or bool(matches(url)))


def _rows(
    archives: Sequence[Database], name: str, condition: str, is_hidden: Callable[[object], bool]
) -> Iterator[Row]:
    names = parquet_tables()[name].column_names
    columns = ", ".join(f"{name[0]}.{column}" for column in names)
    columns = columns.replace(f"a.{USAGE_COLUMN}", USAGE_OF_ARTICLE.format("a"))
    query = _QUERIES[name].format(columns=columns, chosen=condition)
    hiding = [names.index(column) for column in _HIDING_COLUMNS if column in names]
    owners = _owners(archives, name)
    for index, db in enumerate(archives):
        for row in db.execute(query):
            key, url, canonical_url, *values = row
            if owners.get(key, index) != index or is_hidden(url) or is_hidden(canonical_url):
                continue
            for place in hiding:
                values[place] = None if is_hidden(values[place]) else values[place]
            yield tuple(values)


def _owners(archives: Sequence[Database], name: str) -> Mapping[object, int]:
    """Return, for each article or URL, the index of the archive whose row is exported; empty for a single archive."""
    if len(archives) < 2:
        return {}
    table, key, seen = ("urls", "url", "fetched_at") if name == "urls" else ("articles", "id", "last_seen")
    latest: dict[object, tuple[str, int]] = {}
    for index, db in enumerate(archives):
        for value, seen_at in db.execute(f"SELECT {key}, coalesce({seen}, '') FROM {table}"):
            latest[value] = max(latest.get(value, ("", -1)), (str(seen_at), index))
    return {value: index for value, (_, index) in latest.items()}
