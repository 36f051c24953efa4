"""Input that would take all memory or time: bombs in WARC and WACZ files, names that lead outside, patterns, rules.

Each command is a process with bounds on memory, CPU time and files (`bounded_command.py`). It ends by itself, says what
is wrong in a line, touches nothing outside, and takes in what is sound beside the harm.
"""

import copy
import gzip
import io
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest

from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import environment, rows
from tests.crawler.warcs import answer, record
from tests.crawler.warm import PATIENCE, run
from tests.robustness.hostile_files import CONTROLS, RECORDS, SECRET, gzip_bomb, make_outside
from tests.sampling import sampled

AT = "https://a.example"
ZEROS = 300_000_000
DEFLATED = zipfile.ZIP_DEFLATED
QUICK = ("--allow-private", "--delay", 0, "--no-sitemaps", "--no-feeds", "-q")


class Bounded:
    """Commands under bounds in a folder `given`, beside which is a folder that no command has any business with."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._outside, self._report = folder / "given", folder / "outside", folder / "touched"
        self.folder.mkdir()
        make_outside(self._outside)
        self._before = self._files_outside()

    def __call__(self, *words: object, **variables: str) -> tuple[int, str]:
        """The exit code and what was said on standard error, once nothing of what must not be was found."""
        arguments = [str(self._report), str(self._outside), *map(str, words)]
        module = "tests.robustness.bounded_command"
        if variables:  # which are read when the settings are imported
            done = subprocess.run(
                [sys.executable, "-m", module, *arguments], cwd=self.folder, env=environment() | variables,
                capture_output=True, text=True, timeout=PATIENCE,
            )  # fmt: skip
            code, out, errors = done.returncode, done.stdout, done.stderr
        else:
            code, out, errors = run(module, arguments, environment(), self.folder)
        assert code in (0, 1, 2), f"{code}: {errors[-500:]}"
        assert "Traceback" not in errors + out
        assert SECRET not in errors + out
        assert not self._report.read_text()
        assert self._files_outside() == self._before
        return code, errors

    def _files_outside(self) -> dict[str, bytes]:
        files = (path for path in self.folder.parent.rglob("*") if path.is_file() and self.folder not in path.parents)
        return {str(path): path.read_bytes() for path in files if path != self._report}


@pytest.fixture
def bounded(tmp_path: Path) -> Bounded:
    return Bounded(tmp_path)


# WARC and WACZ files


def sound(name: str) -> bytes:
    return gzip.compress(record(f"{AT}/{name}", answer(page(name, words=150))), mtime=0)


def packed(body: bytes, coding: str) -> bytes:
    return gzip.compress(record(f"{AT}/bomb", answer(body, content_encoding=coding)))


def zipped(*entries: tuple[Any, ...]) -> bytes:
    """A WACZ file with a sound WARC file, and further entries: name, bytes, how they are packed (not)."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        made.writestr("datapackage.json", "{}")
        made.writestr("archive/sound.warc.gz", sound("first"))
        for entry in entries:
            made.writestr(*entry)
    return stream.getvalue()


def overlapping() -> bytes:
    """Three thousand names of the same hundred megabytes of nothing."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("archive/sound.warc.gz", sound("first"), zipfile.ZIP_STORED)
        made.writestr("archive/0.warc", bytes(100_000_000))
        for number in range(1, 3000):
            twin = copy.copy(made.filelist[1])
            twin.filename = f"archive/{number}.warc"
            made.filelist.append(twin)
    return stream.getvalue()


def lying(stated: int) -> bytes:
    """An entry whose sizes are others than its head says."""
    data = zipped(("archive/x.warc", bytes(50_000_000)))
    return data.replace((50_000_000).to_bytes(4, "little"), stated.to_bytes(4, "little"))


def damaged() -> bytes:
    data, chance = bytearray(zipped()), random.Random("damaged")
    for _ in range(30):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def arc(length: str) -> bytes:
    """An ARC file with a record of a length that it has not."""
    head = b"filedesc://x.arc 0.0.0.0 20260101000000 text/plain 20\n1 0 Tests\nURL x\n\n\n"
    return head + f"{AT}/ 192.0.2.1 20260101000000 text/html {length}\n".encode() + answer(page("old"))


def linked() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("archive/link.warc.gz")
    info.external_attr = 0o120777 << 16
    return info


SLIPS = (
    "../outside/slip.warc.gz", "archive/../../outside/slip.warc.gz", "/tmp/broadsheet-slip.warc.gz",
    "archive\\..\\..\\outside\\slip.warc.gz", "C:\\slip.warc.gz", f"archive/{CONTROLS[:4]}.warc.gz",
    "archive/" + "x" * 5000 + ".warc.gz", "archive/./slip.warc.gz", "archive//slip.warc.gz", "archive/sound.warc.gz",
    "/etc/slip.warc", "archive/",
)  # fmt: skip

LENGTHS = (str(1 << 62), "-5", "9" * 5_000, "x", "100000000")
TAKEN: dict[str, Callable[[], bytes]] = {
    "body in gzip": lambda: packed(gzip_bomb(b""), "gzip"),
    "body in brotli": lambda: packed(brotli.compress(bytes(ZEROS), quality=1), "br"),
    "body in gzip in gzip": lambda: packed(gzip.compress(gzip_bomb(b"")), "gzip, gzip"),
    "file in gzip in gzip": lambda: gzip.compress(sound("inner") + gzip_bomb(b"")),
    "record that never ends": lambda: gzip_bomb(record(f"{AT}/bomb", b"", Content_Length=str(1 << 60))[:-4]),
    "zeros in place of a record": lambda: gzip_bomb(b""),
    "wacz in wacz": lambda: zipped(("archive/x.wacz", zipped(("archive/y.warc", bytes(ZEROS), DEFLATED)))),
    "wacz: index": lambda: zipped(("indexes/x.cdx.gz", gzip_bomb(b"")), ("pages/x.jsonl", bytes(ZEROS), DEFLATED)),
    "wacz: record": lambda: zipped(("archive/x.warc.gz", packed(gzip_bomb(b""), "gzip"))),
    "wacz: many": lambda: zipped(*((f"archive/{number}.warc", b"") for number in range(3000))),
    "wacz: nested": lambda: zipped(("datapackage.json", "[" * 200_000)),
    "wacz: damaged": damaged,
    **{f"arc: length {length[:9]}": lambda length=length: arc(length) for length in LENGTHS},
    **{name: lambda name=name: RECORDS[name](random.Random(name)) for name in RECORDS},
    **{f"wacz: name {n}": lambda name=name: zipped((name, sound("slipped"))) for n, name in enumerate(SLIPS)},
}  # fmt: skip
DESTROYED = frozenset(["wacz: damaged"])
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "wacz: deflate": (lambda: zipped(("archive/x.warc", bytes(ZEROS), DEFLATED)), "stores archive/x.warc"),
    "wacz: bzip2": (lambda: zipped(("archive/x.warc", bytes(ZEROS), zipfile.ZIP_BZIP2)), "stores archive/x.warc"),
    "wacz: gzip in deflate": (lambda: zipped(("archive/x.warc.gz", gzip_bomb(b""), DEFLATED)), "stores archive"),
    "wacz: names of the same": (overlapping, "stores archive/0.warc"),
    "wacz: smaller than stated": (lambda: lying(4_000_000_000), "holds no WARC or ARC records"),
    "wacz: larger than stated": (lambda: lying(10), "holds no WARC or ARC records"),
    "wacz: link": (lambda: zipped((linked(), b"../../outside/victim.warc.gz")), "holds no WARC or ARC records"),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", sampled(TAKEN, 4))
def test_a_bomb_or_a_name_that_leads_outside_costs_itself_only(bounded, name):
    kind, data = name.partition(":")[0], TAKEN[name]()
    file = bounded.folder / {"wacz": "x.wacz", "wacz in wacz": "x.wacz", "arc": "x.arc"}.get(kind, "x.warc.gz")
    file.write_bytes(sound("first") + data + sound("last") if file.suffix == ".gz" else data)
    for words in (("import", file.name, "--db", "x.db", "-q"), ("clean", file.name, "-o", "parquet")):
        bounded(*words)
    if name in DESTROYED:
        return
    articles = {url.removeprefix(f"{AT}/") for (url,) in rows(bounded.folder / "x.db", "SELECT url FROM articles")}
    assert articles >= {".wacz": {"first"}, ".arc": set()}.get(file.suffix, {"first", "last"})
    assert bounded("verify", "x.db") == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(REFUSED, 1))
def test_a_file_against_the_format_is_refused_in_a_line(bounded, name):
    make, words = REFUSED[name]
    (bounded.folder / "x.wacz").write_bytes(make())
    code, errors = bounded("import", "x.wacz", "--db", "x.db", "-q")
    assert (code, errors.count("\n"), words in errors) == (1, 1, True), errors
    assert bounded("clean", "x.wacz", "-o", "parquet")[0] in (0, 1)


# Patterns and rules

SLUG = "a" * 60 + "!"
"""What a pattern whose parts overlap tries in as many ways as there are atoms in a town."""
PATTERNS = ("(a|aa)+$", "(a*a*)*b$", r"(\w|\w\w)+$", "(a|a)*(a|aa)*$", "((a+)+)+$", "(.*a.*|aa)*x")
LIST = """[fleet]
folder = 'fleet'
[defaults]
delay = 0
allow-private = true
no-sitemaps = true
no-feeds = true
[sites.town]
urls = ['{}/']
include = ['{}']
"""


@pytest.fixture
def site(bounded: Bounded) -> Iterator[ScriptedSite]:
    """A front page with stories, of which one has a slug for an address."""
    site = ScriptedSite({f"/{name}": page(name) for name in ("mill", "tower", SLUG)})
    site.routes["/"] = page("home", *site.routes)
    yield site
    site.close()


def states(db: Path, site: ScriptedSite) -> dict[str, tuple[str, str]]:
    """State and reason by path."""
    found = rows(db, "SELECT url, state, reason FROM urls WHERE kind = 'page'")
    return {url.removeprefix(site.url): (state, reason) for url, state, reason in found}


@pytest.mark.slow
@pytest.mark.parametrize("pattern", sampled(PATTERNS, 1))
def test_a_pattern_that_never_ends_costs_the_urls_it_is_slow_on(bounded, site, pattern):
    """Given to a crawl, to a list of sites, and to an import."""
    given, folder = f"{pattern}|mill$", bounded.folder
    (folder / "sites.toml").write_text(LIST.format(site.url, given))
    whole = ("crawl", f"{site.url}/", "--db", "whole.db", *QUICK)
    crawl = ("crawl", f"{site.url}/", "--db", "x.db", "--include", given, *QUICK)
    for words in (whole, crawl, ("fleet", "run", "sites.toml", "-q")):
        assert bounded(*words)[0] == 0
    warc = min((folder / "whole.db.warc").glob("*.warc.gz")).relative_to(folder)
    assert bounded("import", warc, "--db", "y.db", "--include", given, "-q")[0] == 0
    for db in ("x.db", "fleet/town.db", "y.db"):
        found = states(folder / db, site)
        assert found["/mill"] == ("done", "article")
        is_meant = re.search(pattern, "/tower") is not None
        assert found.get("/tower", ("skipped", "pattern"))[0] == ("done" if is_meant else "skipped"), db
        assert bounded("verify", db) == (0, "")


RULES = {
    "cubic predicate": "strip: //*[count(//*[count(//*) > 1]) > 1]",
    "axes of axes": "strip: //*/following::*[count(preceding::*[count(following::*) > 1]) > 1]",
    "growing text": "\n".join(["find_string: mill\nreplace_string: mill mill mill mill"] * 40),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sampled(RULES, 1))
def test_a_site_rule_that_never_ends_costs_the_page_it_is_slow_on(bounded, site, name):
    rules, limit = bounded.folder / "rules", {"BROADSHEET_PAGE_SECONDS": "3"}
    rules.mkdir()
    (rules / "127.0.0.1.txt").write_text(f"body: //article\n{RULES[name]}\n")
    long = page("long", extra="<p>Words about the mill by the river.</p>" * 3000)
    site.routes = {"/": page("home", "/long"), "/long": long}
    bounded("crawl", f"{site.url}/", "--db", "x.db", "--site-rules", "rules", *QUICK, **limit)
    is_bounded = name == "growing text"  # what it may grow to
    end = ("done", "article") if is_bounded else ("failed", "worker_timeout")
    assert states(bounded.folder / "x.db", site)["/long"] == end
    assert bounded("verify", "x.db") == (0, "")
    (bounded.folder / "page.html").write_bytes(long.encode())
    at = ("--url", f"{site.url}/long")
    test = ("rules", "test", "rules/127.0.0.1.txt", "page.html")
    for words in (("clean", "page.html", "--site-rules", "rules", *at), (*test, *at)):
        code, errors = bounded(*words, **limit)
        assert (code, "3 s of CPU" in errors) == ((0, False) if is_bounded else (1, True)), errors
