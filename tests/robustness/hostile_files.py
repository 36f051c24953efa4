"""Databases and WARC folders that are meant to harm, drawn by number: always the same for the same sample and number.

A `HostilePlace` is a folder `given` with a copy of a crawled archive, and beside it a folder `outside` with files that
no verb has any business with. Each of the `HARMS` does one thing to what is given: SQL that runs by itself, something
else in the place of a table, stored paths that lead outside, special files, numbers and texts that are too large,
members that unpack to a thousand times their size. A trial has one to three of them.
"""

import gzip
import json
import os
import random
import socket
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from broadsheet.output.archive.migrations import SCHEMA_VERSION
from tests.robustness.sample import NAME

SECRET = "The-secret-that-stands-outside-7f3a"
PWNED = "pwned"
"""A table whose rows say that foreign SQL ran."""

CONTROLS = "\x1b[2J\x07\u202e\x9b31m\n\r\x00"
_OWN_TABLES = ("urls", "pages", "articles", "captures", "runs", "meta", "changes", "_block_texts", "_page_blocks")
_OWN_VIEWS = (
    "removed",
    "articles_overview",
    "blocks",
    "edits",
    "article_urls",
    "article_clusters",
    "_articles_search",
)
_ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
_BOMB_BYTES = 300_000_000


@dataclass(frozen=True, slots=True)
class HostilePlace:
    """A trial's folders: `given` is what a verb is told to use, `outside` is not."""

    given: Path
    outside: Path

    @property
    def db(self) -> Path:
        return self.given / NAME

    @property
    def warc_folder(self) -> Path:
        return self.given / f"{NAME}.warc"

    @property
    def warc(self) -> Path:
        """The file of the raw responses."""
        return min(self.warc_folder.glob("*.warc.gz"))


Harm = Callable[[HostilePlace, random.Random], str]


def make_outside(folder: Path) -> None:
    """Make what no verb may read or write: a text, a database, a WARC file, all with the secret."""
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    with closing(sqlite3.connect(folder / "victim.db")) as connection, connection:
        connection.execute("CREATE TABLE kept (words TEXT)")
        connection.execute("INSERT INTO kept VALUES (?)", [SECRET])
    page = f"<title>{SECRET}</title><h1>{SECRET}</h1>" + f"<p>{SECRET} was told to nobody, and nobody asked.</p>" * 40
    (folder / "victim.warc.gz").write_bytes(
        gzip.compress(warc_record("https://victim.example/", page.encode()), mtime=0)
    )


def harm(place: HostilePlace, number: int) -> tuple[str, ...]:
    """Do what belongs to a number to what is given; return the names of the harms with what was drawn."""
    chance = random.Random(f"hostile/{number}")
    names = list(HARMS)
    first = names[number % len(names)]
    drawn = [first, *chance.sample(names, chance.randrange(3))]
    done = []
    for name in dict.fromkeys(drawn):
        with suppress(sqlite3.Error, FileExistsError, FileNotFoundError, ValueError):  # one harm may rule out another
            done.append(f"{name}: {HARMS[name](place, chance)!r:.80}")
    return tuple(done)


# Databases


@contextmanager
def _editing(place: HostilePlace, *, keeps_triggers: bool = True) -> Iterator[sqlite3.Connection]:
    """A connection that checks nothing and runs no trigger, with `writable_schema`."""
    with closing(sqlite3.connect(place.db)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("PRAGMA writable_schema = ON")
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers if keeps_triggers else ():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(f"CREATE TABLE IF NOT EXISTS {PWNED} (words TEXT)")
        yield connection
        for _, sql in triggers if keeps_triggers else ():
            with suppress(sqlite3.Error):
                connection.execute(sql)
        connection.commit()


def _trigger(place: HostilePlace, chance: random.Random) -> str:
    table, event = chance.choice(_OWN_TABLES), chance.choice(("INSERT", "UPDATE", "DELETE"))
    when = chance.choice(("BEFORE", "AFTER"))
    name = chance.choice(("own", "urls_counted_insert", f'x"{CONTROLS}"'.replace('"', '""').replace("\x00", "")))
    with _editing(place) as connection:
        connection.execute(
            f"CREATE TRIGGER \"{name}\" {when} {event} ON {table} BEGIN INSERT INTO {PWNED} VALUES ('{table}'); END"
        )
    return f"{when} {event} ON {table}"


def _trigger_of_a_reference(place: HostilePlace, chance: random.Random) -> str:
    """A user's table that hangs on one of ours, with a trigger that our deletions would run."""
    with _editing(place) as connection:
        connection.execute("CREATE TABLE mine (id INTEGER PRIMARY KEY, a REFERENCES articles (id) ON DELETE CASCADE)")
        connection.execute("INSERT INTO mine (a) SELECT id FROM articles")
        connection.execute(f"CREATE TRIGGER t AFTER DELETE ON mine BEGIN INSERT INTO {PWNED} VALUES ('mine'); END")
    return "mine"


def _replaced_view(place: HostilePlace, chance: random.Random) -> str:
    view = chance.choice(_OWN_VIEWS)
    body = chance.choice(
        (
            _ENDLESS,
            f"SELECT * FROM {view}",
            "SELECT randomblob(900000000) AS text",
            "SELECT load_extension('x') AS id",
            "SELECT 1 AS id, printf('%.*c', 900000000, 'x') AS url",
        )
    )
    with _editing(place) as connection:
        connection.execute(f"DROP VIEW {view}")
        connection.execute(f"CREATE VIEW {view} AS {body}")
    return f"{view} AS {body}"


def _replaced_table(place: HostilePlace, chance: random.Random) -> str:
    table = chance.choice(_OWN_TABLES)
    statement = chance.choice(
        (
            "CREATE VIEW {0} AS " + _ENDLESS,
            "CREATE VIEW {0} AS SELECT * FROM kept_{0}",
            "CREATE VIRTUAL TABLE {0} USING fts5(a, b)",
            "CREATE VIRTUAL TABLE {0} USING rtree(id, a, b)",
            "CREATE TABLE {0} (x)",
            "CREATE TABLE {0} (id INTEGER PRIMARY KEY, url, CHECK (length(randomblob(900000000))))",
        )
    ).format(table)
    with _editing(place) as connection:
        connection.execute("PRAGMA legacy_alter_table = ON")
        connection.execute(f"ALTER TABLE {table} RENAME TO kept_{table}")
        connection.execute(statement)
    return statement


def _generated_column(place: HostilePlace, chance: random.Random) -> str:
    table = chance.choice(_OWN_TABLES)
    value = chance.choice(
        ("length(zeroblob(900000000))", "hex(randomblob(400000000))", "1 / 0", "abs(-9223372036854775808)")
    )
    with _editing(place) as connection:
        connection.execute(f"ALTER TABLE {table} ADD COLUMN bomb GENERATED ALWAYS AS ({value}) VIRTUAL")
    return f"{table} {value}"


def _expression_index(place: HostilePlace, chance: random.Random) -> str:
    table = chance.choice(_OWN_TABLES)
    with _editing(place) as connection:
        connection.execute(f"CREATE INDEX bomb ON {table} (length(hex(1)))")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'hex(1)', 'hex(zeroblob(900000000))') WHERE name = 'bomb'"
        )
    return table


def _foreign_names(place: HostilePlace, chance: random.Random) -> str:
    name = chance.choice(
        (CONTROLS.replace("\x00", ""), "a\"b';--", "x" * 100_000, "../../outside/secret.txt", "[a](javascript:1)")
    )
    quoted = '"' + name.replace('"', '""') + '"'
    with _editing(place) as connection:
        connection.execute(f"CREATE TABLE {quoted} ({quoted} TEXT)")
        connection.execute(
            f"ALTER TABLE {chance.choice(('articles', 'urls', 'captures'))} ADD COLUMN {quoted} TEXT DEFAULT 1"
        )
    return name[:20]


def _broken_schema(place: HostilePlace, chance: random.Random) -> str:
    change = chance.choice(
        (
            "UPDATE sqlite_master SET rootpage = 1 WHERE name = 'urls'",
            "UPDATE sqlite_master SET rootpage = 2147483647 WHERE name = 'pages'",
            "UPDATE sqlite_master SET rootpage = -5 WHERE name = 'articles'",
            "UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'urls') "
            "WHERE name = 'captures'",
            "UPDATE sqlite_master SET sql = x'ff00ff' WHERE name = 'runs'",
            "UPDATE sqlite_master SET name = x'ff00ff' WHERE name = 'runs'",
            "UPDATE sqlite_master SET sql = 'CREATE TABLE urls (' || replace(hex(zeroblob(300000)), '0', 'a,') || 'b)' "
            "WHERE name = 'urls'",
            "INSERT INTO sqlite_master VALUES ('table', 'ghost', 'ghost', 0, "
            "'CREATE VIRTUAL TABLE ghost USING absent(x)')",
            "INSERT INTO sqlite_master VALUES ('table', 'files', 'files', 0, "
            "'CREATE VIRTUAL TABLE files USING fileio(x)')",
        )
    )
    with _editing(place, keeps_triggers=False) as connection:
        connection.execute(change)
    return change


def _huge_schema(place: HostilePlace, chance: random.Random) -> str:
    count = chance.choice((3_000, 10_000))
    with _editing(place) as connection:
        for number in range(count):
            connection.execute(f"CREATE TABLE foreign_{number} (a, b REFERENCES articles (id), c TEXT DEFAULT 'x')")
        connection.execute(f"CREATE TABLE wide ({', '.join(f'c{number}' for number in range(1_900))})")
    return f"{count} tables"


def _other_program(place: HostilePlace, chance: random.Random) -> str:
    """The file of another program, whose tables happen to have our names; or one that says that it is ours."""
    with closing(sqlite3.connect(place.db)) as connection:
        facts = connection.execute("SELECT key, value FROM meta").fetchall()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    shape = chance.choice(
        ("CREATE TABLE {0} (x)", "CREATE VIRTUAL TABLE {0} USING fts5(a, b)", "CREATE VIEW {0} AS " + _ENDLESS,
         "CREATE TABLE {0} (id TEXT PRIMARY KEY, url BLOB, text REAL) WITHOUT ROWID", "CREATE VIEW {0} AS SELECT 1")
    )  # fmt: skip
    says_so = chance.random() < 0.7
    place.db.unlink()
    with closing(sqlite3.connect(place.db)) as connection, connection:
        for name in names:
            if name not in ("meta", PWNED) and not name.startswith(("sqlite_", "articles_fts")):
                connection.execute(shape.format(name))
        if says_so:
            connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", facts)
            connection.execute(f"PRAGMA user_version = {version}")
    return f"{shape} {says_so}"


def _statistics(place: HostilePlace, chance: random.Random) -> str:
    """Statistics that lead the planner astray, and a column whose collation nobody has."""
    with _editing(place) as connection:
        connection.execute("ANALYZE")
        connection.execute("UPDATE sqlite_stat1 SET stat = ?", [chance.choice(("1 1", "9" * 300, "x", "0 0 0 0"))])
        if chance.random() < 0.5:
            connection.execute(
                "UPDATE sqlite_master SET sql = replace(sql, 'title TEXT', 'title TEXT COLLATE absent') "
                "WHERE name = 'articles'"
            )
    return "sqlite_stat1"


def _facts(place: HostilePlace, chance: random.Random) -> str:
    key = chance.choice(("schema_version", "schema_draft", "settled", "warc_folder_id", "identity"))
    value: object = chance.choice(("../../outside", CONTROLS, b"\xff", "9" * 400, "-1", "", "[" * 50_000))
    with _editing(place) as connection:
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [key, value])
        if chance.random() < 0.2:
            connection.execute(f"PRAGMA user_version = {chance.choice((-1, 0, 2147483647))}")
    return key


_PATHS = (
    "../outside/victim.warc.gz",
    "{outside}/victim.warc.gz",
    "/dev/zero",
    "/proc/self/environ",
    ".warc/../../outside/victim.warc.gz",
    ".warc/link.warc.gz",
    ".warc/fifo.warc.gz",
    ".warc/socket.warc.gz",
    ".warc/loop.warc.gz",
    ".warc",
    ".warc/..",
    f"{NAME}.warc/link.warc.gz",
    NAME,
    "",
    ".",
    "/",
    f".warc/{CONTROLS}",
    "x" * 5_000,
    ".merged.warc/../../outside/new.warc.gz",
)


def _paths(place: HostilePlace, chance: random.Random) -> str:
    """Rows that name files outside, or special ones inside, as holders of raw responses."""
    path = chance.choice(_PATHS).format(outside=place.outside)
    _special_files(place, chance)
    with _editing(place) as connection:
        if chance.random() < 0.5:
            connection.execute("UPDATE captures SET warc_file = ?, warc_offset = 0, warc_length = 2000", [path])
        if chance.random() < 0.7:
            length = chance.choice((0, 10, 1 << 40))
            connection.execute(
                "INSERT OR REPLACE INTO _warc_files (name, length, begun_at) VALUES (?, ?, '2026-01-01T00:00:00Z')",
                [path, length],
            )
        if chance.random() < 0.3:
            connection.execute("UPDATE _imports SET file = ?", [path])
        if chance.random() < 0.5:
            connection.execute(
                "INSERT OR REPLACE INTO _warc_erasures SELECT ?, "
                + ", ".join(f'"{name}"' for name in _columns(connection, "_warc_erasures")[1:])
                + " FROM _warc_erasures",
                [path],
            )
    return path


def _offsets(place: HostilePlace, chance: random.Random) -> str:
    column = chance.choice(("warc_offset", "warc_length", "payload_length", "http_status"))
    value: object = chance.choice(((1 << 62), -(1 << 62), 1 << 33, -1, 1e300, "x", b"\xff", 0.5))
    with _editing(place) as connection:
        connection.execute(f"UPDATE captures SET {column} = ?", [value])
    return f"{column} {value!r}"


def _values(place: HostilePlace, chance: random.Random) -> str:
    """A value that a column does not take, in every row of it."""
    with _editing(place) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        table = chance.choice([name for name in tables if not name.startswith(("sqlite_", "articles_fts"))])
        column = chance.choice(_columns(connection, table))
        value: Any = chance.choice(
            (
                b"\x00\xff",
                CONTROLS,
                1 << 62,
                -(1 << 62),
                1e300,
                "x" * 3_000_000,
                "[" * 100_000,
                '{"a":' * 50_000,
                "9" * 5_000,
                "\ud800".encode("utf-8", "surrogatepass"),
                "9999-99-99T99:99:99+99:99",
                "=cmd|' /C calc'!A0",
            )
        )
        connection.execute(f'UPDATE OR IGNORE "{table}" SET "{column}" = ?', [value])
    return f"{table}.{column} = {value!r:.30}"


def _unpacked_bomb(place: HostilePlace, chance: random.Random) -> str:
    column = chance.choice(("_page_layout.layout", "_page_layout.chances", "_sketches.sketch", "_scans.scan"))
    table, name = column.split(".")
    with _editing(place) as connection:
        connection.execute(f"UPDATE {table} SET {name} = ?", [_zlib_bomb()])
    return column


def _addresses(place: HostilePlace, chance: random.Random) -> str:
    """Articles, and URLs that wait, with addresses, hosts and titles that are paths, programs or endless."""
    text = chance.choice(
        (
            "../../outside/x",
            "/etc/cron.d/x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            CONTROLS,
            "a" * 200_000,
            "http://127.0.0.1:9/latest",
            "http://[::1]/x",
            "https://a.example/" + "../" * 2_000,
        )
    )
    with _editing(place) as connection:
        for table, column in (
            ("articles", "title"),
            ("articles", "host"),
            ("articles", "section"),
            ("articles", "language"),
        ):
            if chance.random() < 0.5:
                connection.execute(f"UPDATE {table} SET {column} = ?", [text])
        if chance.random() < 0.5:
            connection.execute("UPDATE articles SET url = ? || id, canonical_url = ?", [text, text])
        connection.execute(
            "UPDATE urls SET state = 'queued', reason = '', url = ? || id WHERE kind = 'page' AND id % 2", [text]
        )
    return text[:30]


def _circles(place: HostilePlace, chance: random.Random) -> str:
    with _editing(place) as connection:
        connection.execute("UPDATE captures SET refers_to = id")
        connection.execute(
            "UPDATE captures SET refers_to = (SELECT max(id) FROM captures) WHERE id = (SELECT min(id) FROM captures)"
        )
        connection.execute("UPDATE urls SET location = url, found_on = url, http_status = 301")
        connection.execute("UPDATE OR IGNORE revisions SET number = 1, capture_id = NULL")
    return "refers_to, location"


def _file_format(place: HostilePlace, chance: random.Random) -> str:
    kind = chance.choice(("utf-16", "sparse", "head", "journal", "wal", "page size"))
    if kind == "utf-16":
        with closing(sqlite3.connect(place.db)) as old, closing(sqlite3.connect(f"{place.db}.new")) as new:
            new.execute("PRAGMA encoding = 'UTF-16'")
            new.executescript("\n".join(old.iterdump()))
            new.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        os.replace(f"{place.db}.new", place.db)
    elif kind == "sparse":
        os.truncate(place.db, 1 << 36)
    elif kind == "journal":
        head = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"\xff" * 20 + bytes(484)
        name = str(place.outside / "victim.db").encode()
        ending = (
            name + len(name).to_bytes(4, "big") + sum(name).to_bytes(4, "big") + b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
        )
        Path(f"{place.db}-journal").write_bytes(head + ending)
    elif kind == "wal":
        Path(f"{place.db}-wal").symlink_to(place.outside / "victim.db")
    else:
        offset, size = (16, 2) if kind == "page size" else (chance.randrange(16, 100), 4)
        with place.db.open("r+b") as stream:
            stream.seek(offset)
            stream.write(chance.randbytes(size))
    return kind


def _companions(place: HostilePlace, chance: random.Random) -> str:
    """Links, pipes and folders where a lock, or the list of files elsewhere would be."""
    ending, kind = (
        chance.choice((".lock", ".away", "-shm", ".warc")),
        chance.choice(("link", "fifo", "folder", "bytes")),
    )
    path = Path(f"{place.db}{ending}")
    if ending == ".warc":
        path.rename(place.given / "moved")
    if kind == "link":
        path.symlink_to(place.outside if ending == ".warc" else place.outside / "secret.txt")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        line = {
            "key": "../../outside/victim.warc.gz",
            "name": "../outside/victim.warc.gz",
            "length": 1 << 62,
            "at": CONTROLS,
        }
        path.write_text(
            "\n".join((json.dumps(line), json.dumps([line]), "[" * 100_000, CONTROLS, json.dumps({"files": [line]})))
        )
    return f"{ending} {kind}"


# WARC folders


def _special_files(place: HostilePlace, chance: random.Random) -> str:
    folder = place.warc_folder
    with suppress(OSError):
        (folder / "link.warc.gz").symlink_to(place.outside / "victim.warc.gz")
    with suppress(OSError):
        (folder / "loop.warc.gz").symlink_to("loop.warc.gz")
    with suppress(OSError):
        (folder / "zero.warc.gz").symlink_to("/dev/zero")
    with suppress(OSError):
        os.mkfifo(folder / "fifo.warc.gz")
    with suppress(OSError):
        (folder / "folder.warc.gz").mkdir()
    with suppress(OSError), closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(folder / "socket.warc.gz"))
    with suppress(OSError):
        (folder / (CONTROLS.replace("\x00", "").replace("/", "") + ".warc.gz")).write_bytes(b"x")
    return "special files"


def _replaced_warc(place: HostilePlace, chance: random.Random) -> str:
    """A link, a pipe, a socket or a folder in place of the file of the raw responses."""
    warc, kind = place.warc, chance.choice(("link", "device", "fifo", "folder", "loop"))
    warc.rename(place.given / "moved.warc.gz")
    if kind == "fifo":
        os.mkfifo(warc)
    elif kind == "folder":
        warc.mkdir()
    else:
        warc.symlink_to({"link": place.outside / "victim.warc.gz", "device": Path("/dev/zero"), "loop": warc}[kind])
    return kind


def _folder_journal(place: HostilePlace, chance: random.Random) -> str:
    name = chance.choice(
        ("../../outside/victim.warc.gz", "/etc/passwd", "", CONTROLS, "x" * 300, place.warc.name, "..")
    )
    length = chance.choice((1 << 62, -1, 0, 1e300, "9" * 5_000, None, [1]))
    kind = chance.choice(("journal", "identity", "nested", "link"))
    if kind == "journal":
        with (place.warc_folder / "committed.jsonl").open("a") as stream:
            stream.write(json.dumps({"name": name, "length": length}) + "\n" + json.dumps([name, length]) + "\n")
    elif kind == "identity":
        identity = {"id": name, "name": name, "database": chance.choice(("../outside/victim.db", NAME, CONTROLS, 3))}
        (place.warc_folder / "folder.json").write_text(json.dumps(identity))
    elif kind == "nested":
        (place.warc_folder / chance.choice(("committed.jsonl", "folder.json"))).write_text("[" * 200_000)
    else:
        path = place.warc_folder / chance.choice(("committed.jsonl", "folder.json", "folder.lock"))
        path.unlink(missing_ok=True)
        path.symlink_to(place.outside / "secret.txt")
    return f"{kind} {name!r:.20}"


def warc_record(
    url: str, body: bytes, head: bytes = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", **fields: str
) -> bytes:
    """A WARC record of a response; `fields` are headers that it has besides, or instead of the usual ones."""
    block = head + b"\r\n" + body
    named = {
        "WARC-Type": "response",
        "WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000001>",
        "WARC-Date": "2026-01-01T00:00:00Z",
        "WARC-Target-URI": url,
        "Content-Type": "application/http; msgtype=response",
        "Content-Length": str(len(block)),
    }
    named |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    return f"WARC/1.0\r\n{lines}\r\n".encode("utf-8", "surrogatepass") + block + b"\r\n\r\n"


_PAGE = b"<title>The mill</title><h1>The mill is sold</h1>" + b"".join(
    b"<p>The mill by river number %d was sold on day %d, and nobody in village %d asked what it was worth.</p>"
    % (n, n, n)
    for n in range(30)
)
_AT = "https://a.example/"
_NO_USE = b"X-Header: of no use at all to anybody\r\n"
_ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">%s<!ENTITY e SYSTEM "file:///etc/passwd">]>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url>
<loc>https://a.example/&k;&e;</loc></url></urlset>""" % b"".join(
    b'<!ENTITY %c "%s">' % (letter, b"&%c;" % (letter - 1) * 10) for letter in b"bcdefghijk"
)
_ADDRESSES = (
    "https://a.example/\x1b[2J\x07", "file:///etc/passwd", "https://../../outside/x",
    "https://a.example/" + "a/" * 100_000,
    "https://" + "a." * 5_000 + "example/", "https://[::1/", "http://a.example:99999999/", "https://a.example/\x00",
)  # fmt: skip
_LENGTHS = (str(1 << 62), "-1", "x", "1e9", "9" * 5_000, "0x10")
_DATES = ("9" * 5_000, "0000-00-00T00:00:00Z", "-1", "99999-01-01", CONTROLS[:4])


def _member(body: bytes = _PAGE, url: str = _AT, headers: str = "text/html", **fields: str) -> bytes:
    """A packed record; `headers` are the type of its answer and further lines."""
    return gzip.compress(warc_record(url, body, f"HTTP/1.1 200 OK\r\nContent-Type: {headers}\r\n".encode(), **fields))


def _revisit(number: int) -> bytes:
    """One of two that refer to each other."""
    fields = {"WARC_Refers_To_Target_URI": f"{_AT}{1 - number}", "WARC_Refers_To_Date": "2026-01-01T00:00:00Z"}
    return _member(b"", f"{_AT}{number}", WARC_Type="revisit", **fields)


def _segment(number: int) -> bytes:
    fields = {"WARC_Segment_Number": str(number), "WARC_Segment_Origin_ID": "<urn:uuid:1>"}
    kind = "response" if number == 1 else "continuation"
    return _member(WARC_Type=kind, WARC_Segment_Total_Length=str(1 << 62), **fields)


RECORDS: dict[str, Callable[[random.Random], bytes]] = {
    "bomb": lambda _: gzip_bomb(warc_record(_AT, b"")[:-4].replace(b"Length: 44", b"Length: 300000044")),
    "bomb without a head": lambda _: gzip_bomb(b""),
    "many headers": lambda _: _packed_many_headers(b"WARC/1.0\r\n", _NO_USE),
    "endless header": lambda _: _packed_many_headers(b"WARC/1.0\r\nWARC-Type: ", b"response" * 10),
    "many HTTP headers": lambda _: _packed_many_headers(
        warc_record(_AT, b"", Content_Length=f"{_BOMB_BYTES}")[:-6], _NO_USE
    ),
    "length": lambda chance: _member(Content_Length=chance.choice(_LENGTHS)),
    "address": lambda chance: _member(url=chance.choice(_ADDRESSES)),
    "date": lambda chance: _member(WARC_Date=chance.choice(_DATES)),
    "encodings": lambda _: _member(_encoded(10), headers="text/html\r\nContent-Encoding: " + ", ".join(["gzip"] * 10)),
    "packed bomb": lambda _: _member(gzip_bomb(_PAGE), headers="text/html\r\nContent-Encoding: gzip"),
    "chunks": lambda _: _member(b"f" * 17 + b"\r\n" + _PAGE, headers="text/html\r\nTransfer-Encoding: chunked"),
    "status": lambda _: gzip.compress(warc_record(_AT, _PAGE, b"HTTP/1.1 " + b"9" * 5_000 + b" \x1b[2J\r\n")),
    "circle of revisits": lambda _: _revisit(0) + _revisit(1),
    "segments": lambda _: b"".join(map(_segment, (1, 1 << 62, 2, -1, 1))),
    "nested markup": lambda _: _member(b"<div>" * 200_000 + _PAGE),
    "sitemap of entities": lambda _: _member(_ENTITIES, f"{_AT}sitemap.xml", "application/xml"),
    "robots": lambda _: _member(
        b"User-agent: *\nDisallow: /" + b"*a" * 20_000 + b"$\nCrawl-delay: 1e999\n" * 2_000,
        f"{_AT}robots.txt", "text/plain",
    ),
    "members of nothing": lambda _: gzip.compress(b"", mtime=0) * 20_000,
    "chance": lambda chance: chance.randbytes(100_000),
}  # fmt: skip
"""Packed records of WARC files, by what is wrong with them."""


def _foreign_record_inside(place: HostilePlace, chance: random.Random) -> str:
    """One of them in the archive's own folder, where its rows lead."""
    name = chance.choice(tuple(RECORDS))
    data, warc = RECORDS[name](chance), place.warc
    size = warc.stat().st_size
    with warc.open("ab") as stream:
        stream.write(data)
    with _editing(place) as connection:
        connection.execute("UPDATE captures SET warc_offset = ?, warc_length = ? WHERE id % 2", [size, len(data)])
        connection.execute("UPDATE _warc_files SET length = ?", [size + len(data)])
    return name


@cache
def _zlib_bomb() -> bytes:
    return zlib.compress(bytes(_BOMB_BYTES), 1)


@cache
def gzip_bomb(head: bytes) -> bytes:
    """A member of gzip that unpacks to a thousand times its size."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(head) + b"".join(packer.compress(bytes(10_000_000)) for _ in range(30)) + packer.flush()


@cache
def _packed_many_headers(head: bytes, line: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    lines = line * (1_000_000 // len(line))
    return packer.compress(head) + b"".join(packer.compress(lines) for _ in range(200)) + packer.flush()


def _encoded(times: int) -> bytes:
    data = _PAGE
    for _ in range(times):
        data = gzip.compress(data)
    return data


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]


HARMS: dict[str, Harm] = {
    "trigger": _trigger,
    "trigger of a reference": _trigger_of_a_reference,
    "replaced view": _replaced_view,
    "replaced table": _replaced_table,
    "generated column": _generated_column,
    "expression index": _expression_index,
    "foreign names": _foreign_names,
    "broken schema": _broken_schema,
    "huge schema": _huge_schema,
    "another program's file": _other_program,
    "statistics": _statistics,
    "facts": _facts,
    "paths": _paths,
    "offsets": _offsets,
    "values": _values,
    "unpacked bomb": _unpacked_bomb,
    "addresses": _addresses,
    "circles": _circles,
    "file format": _file_format,
    "companions": _companions,
    "special files": _special_files,
    "replaced WARC file": _replaced_warc,
    "folder's journal": _folder_journal,
    "foreign record inside": _foreign_record_inside,
}
"""By name: what is done to a copy of a crawled archive."""
