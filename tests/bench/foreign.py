"""Import the archives of other crawlers, and account for every record with an answer against what warcio reads.

    python -m tests.bench.foreign [FOLDER] [--out FILE]

FOLDER holds WARC, ARC and WACZ files, in folders of their own or not; without it, some odd ones are made. Each file is
imported into an archive of its own, and every response, revisit and resource that warcio finds in it must have its
capture, a row of its URL that says why not, or no URL of a page. Ends with 1 if one has none of these, if an import
fails, or if its own counts do not add up. `--out` writes the figures as JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from typing import Any

from sqlite_utils import Database
from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed

from broadsheet.crawler.replay.record_order import canonical_record_url
from tests.bench.figures import write_figures
from tests.bench.load.site import ROOT
from tests.crawler.scripted_site import page
from tests.crawler.warcs import answer, arc_file_head, arc_record, record, wacz, write

ANSWER_KINDS = ("response", "revisit", "resource")
_ENDINGS = (".warc", ".warc.gz", ".arc", ".arc.gz", ".wacz")
_SKIPS = ("no_url", "damaged", "other_host", "known", "older")


@dataclass
class FileAccount:
    """What became of a file's records: by fate, what warcio could not go on from, and the import's exit code."""

    name: str
    fates: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    warcio_stopped: str = ""
    exit_code: int = 0
    errors: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def is_balanced(self) -> bool:
        """Whether each answer that the import indexed has an outcome or a counted skip."""
        answers = sum(self.counts.get(f"record/{kind}", 0) for kind in (*ANSWER_KINDS, "broken"))
        skips = sum(self.counts.get(f"record/{kind}", 0) for kind in _SKIPS)
        return answers == skips + sum(n for name, n in self.counts.items() if not name.startswith("record/"))

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost, and the import did not fail; 1 says that there was no article."""
        return not self.missing and self.is_balanced and self.exit_code in (0, 1) and "Traceback" not in self.errors


def account_of(file: pathlib.Path, folder: pathlib.Path) -> FileAccount:
    """Import a file into a new archive in a folder, and look up what became of each record that warcio finds."""
    account, db = FileAccount(file.name), folder / "archive.db"
    db.unlink(missing_ok=True)
    command = [sys.executable, "-m", "broadsheet.crawler.cli", "import", str(file), "--db", str(db)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    account.exit_code, account.errors = done.returncode, done.stderr
    with closing(Database(str(db))) as archive:
        runs = archive.execute("SELECT counts FROM runs").fetchall()
        account.counts = json.loads(runs[0][0]) if runs else {}
        try:
            for url, offset in warcio_answers(file):
                fate = fate_of(archive, url, offset)
                account.fates[fate] += 1
                if fate == "missing":
                    account.missing.append(f"{url} at {offset}")
        except (ArchiveLoadFailed, OSError, ValueError, EOFError) as error:
            account.warcio_stopped = " ".join(str(error).split())[:200] or type(error).__name__
    return account


def warcio_answers(file: pathlib.Path) -> Iterator[tuple[str, int]]:
    """(URL, offset in the file) of each record with an answer that warcio finds."""
    for stream, base in segments(file):
        records = ArchiveIterator(stream, arc2warc=True, no_record_parse=True)
        for found in records:
            kind, url = found.rec_type, found.rec_headers.get_header("WARC-Target-URI") or ""
            records.read_to_end(found)  # else the offset is not known
            if kind in ANSWER_KINDS:
                yield url, base + records.get_record_offset()


def segments(file: pathlib.Path) -> Iterator[tuple[BufferedReader | BytesIO, int]]:
    """The streams of records in a file, and where each begins in it."""
    if file.suffix != ".wacz":
        with file.open("rb") as stream:
            yield stream, 0
        return
    with zipfile.ZipFile(file) as archive, file.open("rb") as stream:
        for member in archive.infolist():
            if member.filename.endswith((".warc", ".warc.gz")):
                stream.seek(member.header_offset + 26)
                lengths = stream.read(4)
                extra = sum(int.from_bytes(lengths[at : at + 2], "little") for at in (0, 2))
                yield BytesIO(archive.read(member)), member.header_offset + 30 + extra


def fate_of(archive: Database, url: str, offset: int) -> str:
    """What became of a record: its capture, a row of its URL, no URL of a page, or `missing`."""
    name = canonical_record_url(url.strip("<>"))
    if name is None:
        return "no_url"
    if archive.execute("SELECT 1 FROM captures WHERE url = ? AND warc_offset = ?", [name, offset]).fetchone():
        return "captured"
    if row := archive.execute("SELECT state, reason FROM urls WHERE url = ?", [name]).fetchone():
        return f"row:{row[0]}/{row[1]}"
    return "missing"


def odd_archives(folder: pathlib.Path) -> None:
    """Some files with what other crawlers' files have: odd dates and lengths, ARC, broken records."""
    names = [f"https://a.example/{number}" for number in range(40)]
    dates = ("2016", "2016-01-19", "", "2008-10-294T10:20:30Z", "2024-03-01T10:20:30Z")
    pages = [answer(page(f"page{number}", words=120)) for number in range(40)]
    warc = [record(url, block, dates[at % 5]) for at, (url, block) in enumerate(zip(names, pages, strict=True))]
    warc[39] = record(names[39], pages[39], Content_Length="9")
    write(folder / "plain.warc", warc, packed=False)
    write(folder / "packed.warc.gz", warc)
    wacz(folder / "site.wacz", folder / "packed.warc.gz")
    (folder / "broken.warc.gz").write_bytes(b"".join(map(gzip.compress, warc[:20])) + b"junk" + gzip.compress(warc[30]))
    arc = [arc_file_head(), *(arc_record(url, block) for url, block in zip(names, pages, strict=True))]
    write(folder / "old.arc.gz", arc)
    write(folder / "old.arc", arc, packed=False)


def figures(account: FileAccount) -> dict[str, Any]:
    """An account as it is written down."""
    return {
        "records_by_warcio": account.fates.total(),
        "fates": dict(sorted(account.fates.items())),
        "missing": account.missing[:20],
        "warcio_stopped": account.warcio_stopped,
        "import": account.counts,
        "exit_code": account.exit_code,
        "sound": account.is_sound,
    }


def main() -> int:
    """Run, print a line a file, and say whether all is accounted for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    accounts = []
    with tempfile.TemporaryDirectory() as made, tempfile.TemporaryDirectory() as work:
        if not args.folder:
            odd_archives(pathlib.Path(made))
        files = sorted(path for path in (args.folder or pathlib.Path(made)).rglob("*") if path.is_file())
        for file in files:
            if file.name.endswith(_ENDINGS):
                account = account_of(file.resolve(), pathlib.Path(work))
                accounts.append(account)
                fates = ", ".join(f"{fate} {number}" for fate, number in sorted(account.fates.items()))
                stopped = f"; warcio stopped: {account.warcio_stopped}" if account.warcio_stopped else ""
                errors = "" if account.is_sound else f"; NOT SOUND: {account.missing[:3]} {account.errors[-300:]}"
                print(f"{file.name}: {account.fates.total()} by warcio: {fates}{stopped}{errors}", flush=True)
    if args.out:
        write_figures(args.out, {account.name: figures(account) for account in accounts})
    unsound = [account.name for account in accounts if not account.is_sound]
    print(f"{len(accounts)} files, {sum(a.fates.total() for a in accounts)} records; not sound: {unsound or 'none'}")
    return int(bool(unsound) or not accounts)


if __name__ == "__main__":
    sys.exit(main())
