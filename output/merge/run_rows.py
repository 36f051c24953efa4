"""The runs of a source and what was measured in them, as rows of the target."""

from __future__ import annotations

from collections.abc import Iterator

from sqlite_utils import Database

from broadsheet.output.db.ids import content_id
from broadsheet.output.merge.source_archive import SCHEMA_NAME

_COLUMNS = "started_at, finished_at, command, options, versions, outcome, reason, counts"
_RUNS = f"SELECT id, {_COLUMNS} FROM {SCHEMA_NAME}.runs ORDER BY started_at, id"
_STORED_RUN = f"SELECT {_COLUMNS} FROM main.runs WHERE id = ?"
_PUT_RUN = f"""INSERT INTO runs (id, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET finished_at = coalesce(excluded.finished_at, finished_at),
        outcome = coalesce(excluded.outcome, outcome), reason = coalesce(excluded.reason, reason),
        counts = coalesce(excluded.counts, counts)"""
_MEASURES = (
    f"""INSERT OR IGNORE INTO yields (run_id, host, part, pages, articles, barren, alike, words_low, words_median,
            removed_share, cleaner_version)
        SELECT r.id, y.host, y.part, y.pages, y.articles, y.barren, y.alike, y.words_low, y.words_median,
            y.removed_share, y.cleaner_version
        FROM {SCHEMA_NAME}.yields y JOIN temp.merge_runs r ON r.source_id = y.run_id""",
    f"""INSERT OR IGNORE INTO rule_rates (run_id, host, reason_id, pages)
        SELECT r.id, y.host, n.id, y.pages FROM {SCHEMA_NAME}.rule_rates y
            JOIN temp.merge_runs r ON r.source_id = y.run_id JOIN {SCHEMA_NAME}.reasons o ON o.id = y.reason_id
            JOIN main.reasons n ON n.reason = o.reason AND n.rule = o.rule""",
    f"""INSERT OR IGNORE INTO alarms (run_id, at, host, part, what, message)
        SELECT r.id, a.at, a.host, a.part, a.what, a.message FROM {SCHEMA_NAME}.alarms a
            JOIN temp.merge_runs r ON r.source_id = a.run_id""",
)


def merge_runs(target: Database) -> None:
    """Take over the source's runs with their yields, rates and alarms; reasons have to be there already.

    A run has the same number here as there. Two machines that once gave one number to two runs, as earlier versions
    did for the same command in the same second, get a number made of all that the later one says.
    """
    rows = list(_renumbered_runs(target))
    target.execute("DROP TABLE IF EXISTS temp.merge_runs")
    target.execute("CREATE TEMP TABLE merge_runs (source_id INTEGER PRIMARY KEY, id INTEGER NOT NULL)")
    target.conn.executemany("INSERT INTO merge_runs (source_id, id) VALUES (?, ?)", [row[:2] for row in rows])
    target.conn.executemany(_PUT_RUN, [row[1:] for row in rows])
    for statement in _MEASURES:
        target.execute(statement)


def _renumbered_runs(target: Database) -> Iterator[tuple[object, ...]]:
    """The source's runs: their number there, their number here, and the other columns."""
    for run_id, *values in target.execute(_RUNS).fetchall():
        stored = target.execute(_STORED_RUN, [run_id]).fetchone()
        is_other_run = stored is not None and not _is_same_run(stored, values)
        yield run_id, content_id(*map(str, (run_id, *values))) if is_other_run else run_id, *values


def _is_same_run(stored: tuple[object, ...], values: list[object]) -> bool:
    """Whether two rows are of one run, which one of the archives may hold unfinished."""
    pairs = list(zip(stored, values, strict=True))
    return all(first == second for first, second in pairs if first is not None and second is not None)
