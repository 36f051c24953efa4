"""Reader of an archive for Python programs: `broadsheet.open` and what it returns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sqlite_utils import Database

from broadsheet.output.archive.archive_errors import ArchiveError, DamagedValue, NotAnArchive, NotReachable
from broadsheet.output.archive.archive_file import database_file, open_database
from broadsheet.output.archive.article_filter import ArticleBounds, primary_tag, read_day
from broadsheet.output.archive.article_storage import latest_seq
from broadsheet.output.archive.stored_values import utc_text
from broadsheet.output.read.edit_history import (
    ALL_KINDS,
    EDIT_KINDS,
    ListedChange,
    ListedEdit,
    TextVersion,
    find_revised_article,
    list_changes,
    list_edits,
    versions_of,
)
from broadsheet.output.read.page_lookup import StoredBlock, StoredPage, find_page, find_record
from broadsheet.output.read.plain_words import count_text
from broadsheet.output.read.search import SearchHit, search
from broadsheet.output.read.stored_articles import (
    Article,
    ArticleLink,
    find_stored_article,
    iter_links,
    iter_stored_articles,
)

if TYPE_CHECKING:
    import pandas as pd

    from broadsheet.output.read.alike_articles import AlikePair


@dataclass(frozen=True, slots=True)
class RawResponse:
    """Response as received: status, headers with lower-case names, and the decoded body as bytes.

    `fetched_at` is in UTC. `truncated` says why the body is incomplete (`length`, `time`, `disconnect`, `unspecified`);
    None if it is complete.
    """

    url: str
    fetched_at: datetime
    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    truncated: str | None = None


def open(path: str | PathLike[str]) -> ArchiveReader:
    """Open the archive at a path for reading.

    A crawl may write to the file meanwhile: each call sees what was stored when it was made. Raises ArchiveError, with
    one line, if the file is no archive or cannot be read.

        with broadsheet.open("news.db") as archive:
            print(len(archive))
    """
    return ArchiveReader(open_database(Path(path), read_only=True))


class ArticleIterator(Iterator[Article]):
    """Iterator over an archive's articles. Jupyter shows the first ones without consuming them."""

    def __init__(self, read: Callable[[], Iterator[Article]]) -> None:
        self._read = read
        self._articles = read()

    def __next__(self) -> Article:
        return next(self._articles)

    def _repr_html_(self) -> str:
        """Return them as Jupyter shows them."""
        return _table(islice(self._read(), _SHOWN_ARTICLES), "The first articles")


class ArchiveReader:
    """Archive that is open for reading; `broadsheet.open` makes it. Close it, or use it in a `with` statement.

    A page or article is named by any URL that leads to it, by its number, or by a title that no other has. A reader may
    be passed between threads, but only one may use it at a time. Every method raises ArchiveError if the file is
    damaged.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.path = database_file(db)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<broadsheet archive {str(self.path)!r}>"

    def _repr_html_(self) -> str:
        """Return it as Jupyter shows it: how many articles of which time, and the latest ones."""
        with self._reading():
            count, hosts, first, last = self._db.execute(_EXTENT).fetchone()
            newest = [find_stored_article(self._db, str(number)) for (number,) in self._db.execute(_NEWEST).fetchall()]
        days = f", {first} to {last}" if first else ""
        caption = f"{self.path.name}: {count_text(count, 'article')} of {count_text(hosts, 'host')}{days}"
        return _table(filter(None, newest), caption)

    def __len__(self) -> int:
        """Count the articles."""
        with self._reading():
            return int(self._db.execute("SELECT count(*) FROM articles").fetchone()[0])

    def __iter__(self) -> Iterator[Article]:
        return self.articles()

    def close(self) -> None:
        """Close the file. Calling it again does nothing."""
        self._db.close()

    def articles(
        self,
        *,
        host: str = "",
        language: str = "",
        section: str = "",
        since: date | str | None = None,
        until: date | str | None = None,
        one_per_cluster: bool = False,
    ) -> ArticleIterator:
        """Yield the articles in the order of their numbers, a hundred in memory at a time.

        The bounds mean what they mean in `broadsheet search` and `export`. `host` is a host and all below it, at any
        port unless it names one; `language` a code such as `en`; `section` what the pages state, whatever its case.
        `since` and `until` are days of publication, both included: a date, or text such as `2024-01-31` or `2024-01`;
        an article without a day is then left out. With `one_per_cluster`, of articles that say the same only the
        earliest. ValueError for a text that is not a date. What a crawl stores meanwhile may come or not;
        `changes` has it.
        """
        languages = (primary_tag(language),) if language else ()
        bounds = ArticleBounds(host, _day(since), _day(until), languages, section)
        return ArticleIterator(lambda: self._iter_articles(bounds, one_per_cluster=one_per_cluster))

    def article(self, url_or_id: str | int) -> Article | None:
        """Return the article with this URL or number; None if the archive has none."""
        with self._reading():
            return find_stored_article(self._db, str(url_or_id))

    def search(self, query: str, limit: int = 20) -> list[SearchHit]:
        """Search the articles: return the best hits first, at most `limit`, each with URL, title, day and a snippet of
        one line.

        Words are joined by AND, "a phrase" stands in double quotes, begin* is the beginning of a word. No query raises
        an error; one without a word has no hits. `archive.search('mill "burned down"')` finds articles with both.
        """
        with self._reading():
            return list(search(self._db, query, limit))

    def explain(self, url_or_id: str | int) -> StoredPage | None:
        """Explain a page: return its verdict with evidence, and for an article each visible block with verdict, reason
        and rule.

        None if the archive has no page with this URL or number.
        """
        with self._reading():
            return find_page(self._db, str(url_or_id))

    def removed(self, url_or_id: str | int) -> tuple[StoredBlock, ...]:
        """Return the blocks that were removed from an article's page, in order, each with reason and rule.

        Raises LookupError if the archive has no page with this URL or number.
        """
        return tuple(block for block in self.blocks(url_or_id) if not block.is_kept)

    def blocks(self, url_or_id: str | int) -> tuple[StoredBlock, ...]:
        """Return every visible block of an article's page, kept or removed, in order, each with reason and rule.

        Raises LookupError if the archive has no page with this URL or number.
        """
        page = self.explain(url_or_id)
        if page is None:
            raise LookupError(f"{self.path} has no page of {url_or_id}")
        return page.blocks

    def versions(self, url_or_id: str | int) -> tuple[TextVersion, ...]:
        """Return each text that an article had, the earliest first, with the day of its capture.

        Raises LookupError if the archive has no article with this URL or number.
        """
        with self._reading():
            article = find_revised_article(self._db, str(url_or_id))
            if article is not None:
                return versions_of(self._db, article.id)
        raise LookupError(f"{self.path} has no article of {url_or_id}")

    def links(self) -> Iterator[ArticleLink]:
        """Yield the links inside the articles' texts, each with its words and the article that it leads to."""
        with self._reading():
            yield from iter_links(self._db)

    def alike(self) -> list[AlikePair]:
        """Compare all articles, and return the similar pairs: near-duplicates, versions, copies, parts.

        Reads every text, which takes some seconds for ten thousand articles.
        """
        from broadsheet.output.read.alike_articles import find_alike  # brings numpy

        with self._reading():
            return find_alike(self._db)

    def changes(self, since: int | date | str = 0) -> Iterator[ListedChange]:
        """Yield the rows of the table `changes`, the earliest first: which articles came, changed or went.

        `since` is the number of the last change that you saw (keep its `seq`, or `latest_change`), or else a time, a
        day or text such as `2026-01-31T12:00`, in UTC if it has no zone. Raises ValueError for text that is not a time.
        """
        return self._iter_changes(*_since(since))

    def edits(self, since: int | date | str = 0, *, kinds: Collection[str] = EDIT_KINDS) -> Iterator[ListedEdit]:
        """Yield the edits that publications made to their articles, the earliest first: corrections, headlines,
        withdrawals …

        `since` is as for `changes`. `kinds` selects kinds of edits; `new` articles, and texts of another `cleaner`, are
        listed only if named. Raises ValueError for text that is not a time, or for an unknown kind.
        """
        if unknown_kinds := sorted({*kinds} - {*ALL_KINDS}):
            raise ValueError(f"{unknown_kinds[0]!r} is not a kind of edit: they are {', '.join(ALL_KINDS)}")
        return self._iter_edits(*_since(since), kinds)

    @property
    def latest_change(self) -> int:
        """Return the number of the latest change, 0 if there is none; pass it to `changes` to list only later ones."""
        with self._reading():
            return latest_seq(self._db)

    def raw(self, url_or_id: str | int) -> RawResponse | None:
        """Return the stored response that a URL's page was read from; for a sitemap, robots.txt or error the latest
        one.

        None if no raw response is stored. Raises ArchiveError if the WARC file is missing or damaged.
        """
        from broadsheet.crawler.replay.recorded_response import ReplayError, read_full_response

        with self._reading():
            record = find_record(self._db, str(url_or_id))
            if record is None:
                return None
            try:
                response = read_full_response(record.location, record.body, self.path)
            except ReplayError as error:
                raise NotReachable(f"the raw response of {record.url} cannot be read: {error}") from error
            fetched_at = datetime.fromisoformat(record.fetched_at)
            return RawResponse(
                record.url, fetched_at, response.status, response.headers, response.body, response.truncation or None
            )

    def to_pandas(self, columns: Sequence[str] = ()) -> pd.DataFrame:
        """Return the articles as a pandas DataFrame, a row each: all columns of the table `articles`, or those named.

        Times are datetimes in UTC, days are datetimes without a zone, lists are lists, `metadata_sources` is a dict,
        and an unknown value is missing. Name the columns of a large archive: without `text` and `markdown` a row is
        small. Raises ImportError without pandas, KeyError for a column that does not exist.
        """
        from broadsheet.output.read.stored_articles import articles_frame

        with self._reading():
            return articles_frame(self._db, columns)

    def _iter_articles(self, bounds: ArticleBounds, *, one_per_cluster: bool) -> Iterator[Article]:
        with self._reading():
            yield from iter_stored_articles(self._db, bounds, one_per_cluster=one_per_cluster)

    def _iter_changes(self, after_seq: int, since: str) -> Iterator[ListedChange]:
        with self._reading():
            yield from list_changes(self._db, after_seq=after_seq, since=since)

    def _iter_edits(self, after_seq: int, since: str, kinds: Collection[str]) -> Iterator[ListedEdit]:
        with self._reading():
            yield from list_edits(self._db, after_seq=after_seq, since=since, kinds=kinds)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Within it, what SQLite cannot read, or damage makes of a value, is an ArchiveError of one line."""
        try:
            yield
        except DamagedValue as error:
            raise DamagedValue(error.location, str(self.path)) from error
        except sqlite3.Error as error:
            raise NotAnArchive(f"{self.path} cannot be read: {error}") from error
        except (ArchiveError, ImportError):
            raise
        except Exception as error:  # whatever damage makes of a value
            from broadsheet.output.read.verify import first_problem

            if problem := first_problem(self._db):
                raise NotAnArchive(f"{self.path} is damaged ({problem.detail}); run broadsheet verify") from error
            raise


_SHOWN_ARTICLES = 10  # in a notebook
_EXTENT = "SELECT count(*), count(DISTINCT host), min(published_day), max(published_day) FROM articles"
_NEWEST = f"SELECT id FROM articles ORDER BY published_day DESC, id LIMIT {_SHOWN_ARTICLES}"


def _table(articles: Iterable[Article], caption: str) -> str:
    from broadsheet.output.read.notebook_html import article_table

    rows = ((article.published_day, article.title, article.url, article.word_count) for article in articles)
    return article_table(rows, caption)


def _since(since: int | date | str) -> tuple[int, str]:
    """Return the number after which, and the time in UTC from which changes are asked for."""
    return (since, "") if isinstance(since, int) else (0, _utc_text(since))


def _day(day: date | str | None) -> str:
    """Return a day as the archive writes it; a datetime gives its own day."""
    if isinstance(day, datetime):
        return day.date().isoformat()
    return day.isoformat() if isinstance(day, date) else read_day(day) if day else ""


def _utc_text(moment: date | str) -> str:
    """Return a time as the archive writes it, in UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    try:
        return utc_text(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)
    except OverflowError:
        raise ValueError(f"{moment.isoformat()} is not a time in UTC") from None
