"""The raw records of an archive, and what the format's own tools say of them."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from fastwarc import ArchiveIterator

from broadsheet.output.raw.warc_reader import WarcRecord
from tests.crawler.shell import rows as rows

TOOLS = Path(sys.executable).parent


def files(db: Path) -> list[Path]:
    return sorted(db.parent.glob(f"{db.name}.warc/*.warc.gz"))


def records(db: Path) -> Iterator[WarcRecord]:
    """All records of an archive's WARC files, in order."""
    for file in files(db):
        with file.open("rb") as stream:
            for each in ArchiveIterator(stream, parse_http=False):
                fields = {name.lower(): value for name, value in each.headers.items()}
                yield WarcRecord(str(each.record_type), fields, each.reader.read())


def by_url(db: Path) -> dict[str, dict[str, list[WarcRecord]]]:
    """Records by URL and type."""
    found: dict[str, dict[str, list[WarcRecord]]] = defaultdict(lambda: defaultdict(list))
    for record in records(db):
        found[record.url][record.kind].append(record)
    return found


# warcio 1.8 breaks on a record in brotli where today's brotli is installed, and passes it over where it is not.
_WARCIO = [sys.executable, "-c", "import sys; sys.modules['brotli'] = None; from warcio.cli import main; main()"]


def tool(*command: str) -> tuple[int, str]:
    """Exit code and output of a tool."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def checked(db: Path) -> None:
    """`warcio check` and `fastwarc check` find nothing wrong."""
    assert files(db)
    for file in files(db):
        for command in (_WARCIO, [str(TOOLS / "fastwarc")]):
            code, said = tool(*command, "check", str(file))
            assert code == 0, (command, said)
