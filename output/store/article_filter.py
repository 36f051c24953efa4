"""Which articles of an archive a person asks for: the same bounds for a search and for an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlite_utils import Database

from output.db.table_columns import quoted_name, table_columns


@dataclass(frozen=True, slots=True)
class ArticleBounds:
    """Bounds on articles; empty ones leave everything in.

    `host` is a host, or a domain whose subdomains count too. `since` and `until` are ISO days, both included, compared
    with the day that the publisher states; an article without one is left out where either is given. `languages` are
    primary tags. `section` is compared whatever its case.
    """

    host: str = ""
    since: str = ""
    until: str = ""
    languages: tuple[str, ...] = ()
    section: str = ""

    @property
    def condition(self) -> str:
        """A condition on the columns of `articles`, with the names of `values` as parameters."""
        languages = ", ".join(f":language_{number}" for number in range(len(self.languages)))
        parts = {
            "(host = :host OR substr(host, -length(:host) - 1) = '.' || :host)": self.host,
            "published_day >= :since": self.since,
            "substr(published_day, 1, length(:until)) <= :until": self.until,
            f"language IN ({languages})": languages,
            "lower(section) = lower(:section)": self.section,
        }
        return " AND ".join(part for part, value in parts.items() if value) or "true"

    @property
    def values(self) -> Mapping[str, str]:
        """The parameters of `condition`; more than it uses do no harm."""
        languages = {f"language_{number}": tag for number, tag in enumerate(self.languages)}
        return {"host": self.host, "since": self.since, "until": self.until, "section": self.section, **languages}


@contextmanager
def article_scope(db: Database, article_filter: ArticleBounds) -> Iterator[None]:
    """While the context is open, table `articles` holds for this connection only what the filter leaves in.

    A temporary view stands before the table, so that whatever reads articles need not know of it.
    """
    if article_filter == ALL_ARTICLES:
        yield
        return
    query = f"SELECT id FROM main.articles WHERE {article_filter.condition}"
    db.execute(f"CREATE TEMP TABLE chosen_articles AS {query}", dict(article_filter.values))
    try:
        columns = ", ".join(quoted_name(column.name) for column in table_columns(db, "articles"))
        chosen = "SELECT id FROM temp.chosen_articles"
        db.execute(f"CREATE TEMP VIEW articles AS SELECT {columns} FROM main.articles WHERE id IN ({chosen})")
        yield
    finally:
        db.execute("DROP VIEW IF EXISTS temp.articles")
        db.execute("DROP TABLE temp.chosen_articles")


ALL_ARTICLES = ArticleBounds()
