"""Damage to an archive, drawn by number: always the same for the same archive, seed and number."""

import os
import random
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BAD_JSON = ("[", '{"a":', "[1]", '"x"', "{}", "[]", "null", "[" * 20_000, '["\\ud800"]')
WRONG_VALUES = (b"\x00\xff", "x", "", 1 << 62, -1, 1e300, None)
_TABLES = """SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '*sqlite_*'
    AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"""
_WEIGHTS = {"articles": 5, "pages": 4, "_page_blocks": 3, "_page_layout": 3, "captures": 4, "urls": 3, "revisions": 3,
            "_block_texts": 3, "_shelf": 2}  # fmt: skip
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Mutation:
    """What was damaged: the kind of damage, and where. Table and column are empty where a file was."""

    kind: str
    location: str
    table: str = ""
    column: str = ""


def mutate(db: Path, number: int, seed: int = 14) -> Mutation:
    """Damage a copy of an archive in one place."""
    chance = random.Random(f"{seed}/{number}")
    damage = chance.choices((_damage_value, _delete_row, _damage_file), (12, 2, 2))[0]
    return damage(db, chance)


def _damage_value(db: Path, chance: random.Random) -> Mutation:
    """Change one value of one row; a value that SQLite will not take is drawn again."""
    with closing(_connect(db)) as connection:
        for _ in range(_TRIES):
            table, key = _draw_row(connection, chance)
            column = chance.choice(_columns(connection, table))
            (value,) = connection.execute(f'SELECT "{column}" FROM {table} WHERE {key[0]}', key[1]).fetchone()
            kind, change = chance.choice(tuple(_CHANGES.items()))
            damaged_value = change(value, chance)
            if damaged_value == value and type(damaged_value) is type(value):
                continue
            try:
                _write(connection, f'UPDATE {table} SET "{column}" = {{}} WHERE {key[0]}', damaged_value, key[1])
            except (sqlite3.IntegrityError, OverflowError):
                connection.rollback()
                continue
            return Mutation(kind, f"{table}/{column} {key[1]} = {damaged_value!r:.60}", table, column)
    raise RuntimeError("nothing could be damaged")


def _delete_row(db: Path, chance: random.Random) -> Mutation:
    with closing(_connect(db)) as connection:
        table, key = _draw_row(connection, chance)
        with connection:
            connection.execute(f"DELETE FROM {table} WHERE {key[0]}", key[1])
            _restore_triggers(connection)
    return Mutation("deleted row", f"{table} {key[1]}", table)


def _damage_file(db: Path, chance: random.Random) -> Mutation:
    """Flip bits in the database or its WARC file, or cut it off."""
    warcs = sorted(db.with_name(f"{db.name}.warc").glob("*.warc.gz"))
    file = chance.choice((db, db, *warcs))
    size = file.stat().st_size
    place = chance.randrange(size)
    if chance.random() < 0.3:
        os.truncate(file, place)
        return Mutation("cut file", f"{file.name} at {place} of {size}")
    with file.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0] ^ (1 << chance.randrange(8))
        stream.seek(place)
        stream.write(bytes((byte,)))
    return Mutation("flipped bit of file", f"{file.name} at {place} of {size}")


def _connect(db: Path) -> sqlite3.Connection:
    """A connection that stores what it is told: no triggers, no foreign keys, no CHECK."""
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.executescript(
        "CREATE TEMP TABLE kept_triggers AS SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'"
    )
    for (name,) in connection.execute("SELECT name FROM kept_triggers").fetchall():
        connection.execute(f"DROP TRIGGER main.{name}")
    return connection


def _restore_triggers(connection: sqlite3.Connection) -> None:
    for (sql,) in connection.execute("SELECT sql FROM kept_triggers").fetchall():
        connection.execute(sql)


def _draw_row(connection: sqlite3.Connection, chance: random.Random) -> tuple[str, tuple[str, list[Any]]]:
    """A table, and SQL and values that select one row of it."""
    tables = {name: sql for name, sql in connection.execute(_TABLES) if _has_rows(connection, name)}
    (table,) = chance.choices(tuple(tables), [_WEIGHTS.get(name, 1) for name in tables])
    keys = _key(connection, table, "WITHOUT ROWID" in tables[table])
    count = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    query = f"SELECT {', '.join(keys)} FROM {table} ORDER BY {', '.join(keys)} LIMIT 1 OFFSET ?"
    values = list(connection.execute(query, [chance.randrange(count)]).fetchone())
    return table, (" AND ".join(f"{name} IS ?" for name in keys), values)


def _has_rows(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None


def _key(connection: sqlite3.Connection, table: str, is_without_rowid: bool) -> list[str]:
    if not is_without_rowid:
        return ["rowid"]
    rows = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return [f'"{name}"' for _, name, _, _, _, place in sorted(rows, key=lambda row: row[5]) if place]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]


def _write(connection: sqlite3.Connection, statement: str, value: object, key: list[Any]) -> None:
    """Bytes that were text are stored as text, whether they are UTF-8 or not."""
    marker = "CAST(? AS TEXT)" if isinstance(value, bytearray) else "?"
    with connection:
        connection.execute(statement.format(marker), [value, *key])
        _restore_triggers(connection)


def _flipped(value: Any, chance: random.Random) -> Any:
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(16))
    if isinstance(value, float):
        (bits,) = struct.unpack("<q", struct.pack("<d", value))
        return struct.unpack("<d", struct.pack("<q", bits ^ (1 << chance.randrange(40, 63))))[0]
    if not value:
        return value
    data = bytearray(value.encode() if isinstance(value, str) else value)
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data if isinstance(value, str) else bytes(data)


def _cut(value: Any, chance: random.Random) -> Any:
    if isinstance(value, int | float):
        return value // 10
    return value[: chance.randrange(len(value))] if value else value


def _bad_json(value: Any, chance: random.Random) -> Any:
    return chance.choice(BAD_JSON) if isinstance(value, str) and value[:1] in "[{" and value else value


def _wrong(value: Any, chance: random.Random) -> Any:
    return chance.choice(WRONG_VALUES)


_CHANGES: dict[str, Callable[[Any, random.Random], Any]] = {
    "flipped bit": _flipped, "cut value": _cut, "bad JSON": _bad_json, "wrong value": _wrong,
}  # fmt: skip
