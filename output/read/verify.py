"""Verification of an archive: each check tests one invariant of the file and names what breaks it.

Rows and values are read one at a time, so memory does not grow with the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from sqlite_utils import Database

from ..archive.archive_errors import DamagedValue
from ..archive.archive_file import TORN_COPY, database_file, is_torn_copy
from ..archive.row_sample import WHOLE, RowSample
from ..raw.picture_files import picture_faults
from ..raw.warc_reader import raw_faults
from .agreement_checks import (
    articles_and_pages,
    copied_values,
    dates,
    hosts,
    ledgers,
    needed_rows,
    removed_counts,
    row_numbers,
    url_counts,
    url_reasons,
)
from .content_checks import (
    article_digests,
    article_texts,
    block_texts,
    page_digests,
    standfirsts,
    stored_values,
    text_link_rows,
)
from .file_checks import (
    Finding,
    column_values,
    foreign_keys,
    full_text,
    integrity,
    row_finding,
    schema_objects,
    schema_version,
)

_MAX_PROBLEMS = 20  # of one check

Check = Callable[..., Iterator[Finding]]
"""A check of a database; those of `_SAMPLED_CHECKS` take a `RowSample` too."""


class ArchiveProblem(NamedTuple):
    """A broken invariant: the check that found it, and a one-line description.

    `location` names the value or row, as `pages/evidence row 12`; empty if there is none.
    """

    check: str
    detail: str
    location: str = ""


def raw_responses(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check the digests of every record, and that each capture finds its own record: URL, time and payload."""
    yield from map(Finding, raw_faults(db, database_file(db), sample))


def pictures(db: Database, sample: RowSample = WHOLE) -> Iterator[Finding]:
    """Check that each picture's record holds the file that its row describes."""
    for url_id, fault in picture_faults(db, database_file(db), sample):
        yield row_finding("_pictures", url_id, f"has no file: {fault}")


CHECKS: tuple[Check, ...] = (
    integrity,
    schema_version,
    schema_objects,
    stored_values,
    column_values,
    foreign_keys,
    needed_rows,
    row_numbers,
    hosts,
    dates,
    copied_values,
    url_reasons,
    url_counts,
    full_text,
    articles_and_pages,
    ledgers,
    removed_counts,
    block_texts,
    page_digests,
    article_texts,
    article_digests,
    standfirsts,
    text_link_rows,
    raw_responses,
    pictures,
)
_NAMING_CHECKS: tuple[Check, ...] = (stored_values, column_values)  # these name a value or a row

_SAMPLED_CHECKS: tuple[Check, ...] = (
    stored_values,
    block_texts,
    page_digests,
    article_texts,
    article_digests,
    standfirsts,
    text_link_rows,
    raw_responses,
    pictures,
)
"""The checks that read what pages hold, row by row: most of the time."""

RAW_CHECKS: tuple[Check, ...] = (raw_responses, pictures)
"""The checks that read WARC files."""

_SOURCE_CHECKS: tuple[Check, ...] = (
    schema_objects,
    *_NAMING_CHECKS,
    foreign_keys,
    needed_rows,
    row_numbers,
    hosts,
    block_texts,
)
"""The checks of rows that a merge takes over: about half a millisecond a page."""


def verify(db: Database, sample: RowSample = WHOLE, left_out: Collection[Check] = ()) -> list[ArchiveProblem]:
    """Run every check; the list is empty if the archive is intact. A read-only connection is enough.

    A sample limits the checks of texts, packed values, raw responses and pictures; other checks are always complete.
    `left_out` are checks to skip, for example if the WARC files are elsewhere.

    A file too damaged to be read gives a problem, not an exception.
    """
    with _any_text(db):
        problems = [
            problem
            for check in CHECKS
            if check not in left_out
            for problem in islice(_problems(check, db, sample), _MAX_PROBLEMS)
        ]
    is_damaged = any(problem.check == integrity.__name__ for problem in problems)
    if is_damaged and is_torn_copy(database_file(db), is_damaged=True):
        return [ArchiveProblem("whole_copy", TORN_COPY), *problems]
    return problems


def first_problem(db: Database) -> ArchiveProblem | None:
    """Return one problem of the file, if possible one with a location; None if it is intact. Raw responses are not
    checked.
    """
    rest = (check for check in CHECKS if check not in (*_NAMING_CHECKS, *RAW_CHECKS))
    with _any_text(db):
        return next((problem for check in (*_NAMING_CHECKS, *rest) for problem in _problems(check, db)), None)


def first_source_problem(db: Database) -> ArchiveProblem | None:
    """Return a problem that keeps an archive's rows from being copied into another file; None if there is none."""
    with _any_text(db):
        return next((problem for check in _SOURCE_CHECKS for problem in _problems(check, db)), None)


def _problems(check: Check, db: Database, sample: RowSample = WHOLE) -> Iterator[ArchiveProblem]:
    """Run a check and yield the problems that it finds, among them damage that stopped the check itself."""
    try:
        for finding in check(db, sample) if check in _SAMPLED_CHECKS else check(db):
            yield ArchiveProblem(check.__name__, finding.detail, finding.location)
    except DamagedValue as error:
        yield ArchiveProblem(check.__name__, f"{error.location} cannot be read", error.location)
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything; verify reports it and continues
        yield ArchiveProblem(check.__name__, f"cannot be checked: {type(error).__name__}: {error}")


@contextmanager
def _any_text(db: Database) -> Iterator[None]:
    """Read bytes that are not UTF-8 as surrogates inside the context, so that a check can name their row."""
    text_factory = db.conn.text_factory
    db.conn.text_factory = _lenient_text
    try:
        yield
    finally:
        db.conn.text_factory = text_factory


def _lenient_text(encoded: bytes) -> str:
    return encoded.decode("utf-8", "surrogateescape")
