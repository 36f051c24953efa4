"""Which runs an archive has seen: what was asked, with which options and versions, when, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import uuid4

from sqlite_utils import Database

from broadsheet.output.db.ids import content_id
from broadsheet.output.db.text import as_json, storable_text
from broadsheet.output.db.transaction import write_transaction
from broadsheet.output.raw.credentials import without_userinfo


class RunRecorder:
    """Keeps table `runs`, for the one owner of an archive. `clock` gives UTC ISO 8601 times."""

    def __init__(self, db: Database, clock: Callable[[], str]) -> None:
        self._db = db
        self._clock = clock

    def start(self, command: str, options: Mapping[str, object], versions: Mapping[str, str]) -> int:
        """Note that a run begins, and return its id. A run that was cut off before is noted as `killed`.

        User names and passwords in URLs are left out, be it a start URL or a proxy's.
        """
        started_at = self._clock()
        with write_transaction(self._db):
            self._db.execute("UPDATE runs SET outcome = 'killed' WHERE outcome IS NULL")
            run_id = self._free_id(started_at, command)
            self._db.execute(
                "INSERT INTO runs (id, started_at, command, options, versions) VALUES (?, ?, ?, ?, ?)",
                [
                    run_id,
                    started_at,
                    storable_text(without_userinfo(command)),
                    as_json(_without_credentials(dict(options))),
                    as_json(dict(versions)),
                ],
            )
        return run_id

    def finish(self, run_id: int, outcome: str, reason: str, counts: Mapping[str, int]) -> None:
        """Note how a run ended."""
        self._db.execute(
            "UPDATE runs SET finished_at = ?, outcome = ?, reason = ?, counts = ? WHERE id = ?",
            [self._clock(), outcome, storable_text(reason), as_json(dict(counts)), run_id],
        )

    def _free_id(self, started_at: str, command: str) -> int:
        """An id above those of the runs that began in the same second: time and id together give their order.

        It is drawn, so that two machines that run one command in the same second do not give one number to two runs.
        """
        used_ids = {run_id for (run_id,) in self._db.execute("SELECT id FROM runs")}
        query = "SELECT coalesce(max(id), 0) FROM runs WHERE started_at = ?"
        (last_id,) = self._db.execute(query, [started_at]).fetchone()
        run_id = max(content_id(started_at, command, uuid4().hex), int(last_id) + 1)
        while run_id in used_ids:
            run_id += 1
        return run_id


def _without_credentials(value: object) -> object:
    """A JSON-like value without user names in the URLs of its texts."""
    if isinstance(value, str):
        return without_userinfo(value)
    if isinstance(value, Mapping):
        return {name: _without_credentials(member) for name, member in value.items()}
    return [_without_credentials(member) for member in value] if isinstance(value, list | tuple) else value
