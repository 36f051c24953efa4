"""Verbs with small inputs: what they find, the command, and what to compare after it."""

import lzma
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from broadsheet.output.write.applied_rulings import carry_out_ruling
from broadsheet.output.write.archive_writer import opened_beside_owner
from broadsheet.output.write.person_verdicts import Ruling
from tests.crawler.scripted_site import Reply, Route, ScriptedSite, page
from tests.crawler.warcs import answer, record, write
from tests.robustness.syscalls import PROGRAM, InjectedCommands

ARCHIVE = "news.db"
NAMES = ("river", "mill", "ferry", "tower", "harbour", "quay")
NEXT_SECOND = 1.1  # equal answers within a second are one capture, also of two archives
_QUICK = ("--allow-private", "--delay", "0", "-q")
_FIRST_VERSION = Path(__file__).parents[1] / "output/archive/versions/1.db.xz"
_PROMO = "<p>Donate now to keep the harbour news free for all its readers in the town</p>"
_RULES = """body: //article
strip: //article/p[2]
"""


class Workshop:
    """A work folder, the site that is crawled in it, and commands."""

    def __init__(self, commands: InjectedCommands, site: ScriptedSite) -> None:
        self.commands = commands
        self.site = site
        self.work = commands.work

    def run(self, *words: str) -> None:
        """Run a command that has to succeed."""
        ended = self.commands.run(words)
        if ended.code:
            raise RuntimeError(f"{' '.join(words)}: {ended.code} {ended.errors}")

    def rows(self, query: str, archive: str = ARCHIVE) -> list[tuple[str, ...]]:
        """Read rows of an archive."""
        with closing(sqlite3.connect(self.work / archive)) as db:
            return db.execute(query).fetchall()


Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A verb's trial: `prepare` makes what it finds and returns its words; `serve` changes the site for it.

    `may_differ` are tables, or columns as `urls.attempts`, in which a run that was cut off may leave something else
    than one that was not, with the reason; so may rows of a URL with a path, as `/robots.txt`. `codes` are exit codes
    of the same command once it has nothing to do. `begins_anew`: once it was finished, the same command does it all
    again. At most `most` kills, and half as many faults, are tried by default; no faults without `has_faults`, where a
    failure is a result, and the same command waits before it tries again.
    """

    name: str
    prepare: Callable[[Workshop], Words]
    serve: Callable[[Workshop], None] = lambda shop: None
    archives: tuple[str, ...] = (ARCHIVE,)
    may_differ: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[int, ...] = (0,)
    begins_anew: bool = False
    module: str = PROGRAM
    most: int | None = None
    has_faults: bool = True


def _routes(shop: Workshop, names: Sequence[str]) -> dict[str, Route]:
    """A front page, stories of which one is a copy and one is moved, a page that is missing."""
    links = (*(f"/{name}" for name in names), "/copy", "/moved", "/missing")
    routes: dict[str, Route] = {f"/{name}": page(name, extra=_PROMO) for name in names}
    routes["/"] = page("home", *links)
    canonical = f'<link rel="canonical" href="{shop.site.url}/{names[0]}">'  # else the first to come is the article
    routes[f"/{names[0]}"] = routes["/copy"] = page(names[0], head=canonical, extra=_PROMO)
    routes["/moved"] = Reply(status=301, headers={"Location": f"/{names[1]}"})
    return routes


def _serve_first(shop: Workshop) -> None:
    shop.site.routes = _routes(shop, NAMES)


def _serve_later(shop: Workshop) -> None:
    """A story corrected, one retitled, one withdrawn, one new."""
    routes = _routes(shop, (*NAMES, "bridge"))
    routes["/mill"] = page("mill", extra="<p>Correction: an earlier version gave another figure for the mill.</p>")
    routes["/ferry"] = str(routes["/ferry"]).replace("The story of ferry", "A later story of ferry")
    routes["/tower"] = Reply("gone", 410)
    shop.site.routes = routes


def _crawl(shop: Workshop, *options: str, archive: str = ARCHIVE) -> None:
    shop.run("crawl", f"{shop.site.url}/", "--db", archive, *_QUICK, *options)


def _crawled(shop: Workshop) -> None:
    _serve_first(shop)
    _crawl(shop)


def _prepare_crawl(shop: Workshop) -> Words:
    return ("crawl", f"{shop.site.url}/", "--db", ARCHIVE, *_QUICK)


def _prepare_crawl_on(shop: Workshop) -> Words:
    _serve_first(shop)
    _crawl(shop, "--max-pages", "3")
    return ("crawl", "--db", ARCHIVE, *_QUICK)


def _prepare_update(shop: Workshop) -> Words:
    _crawled(shop)
    return ("update", ARCHIVE, "--all", *_QUICK)


def _records(host: str, names: Sequence[str], day: int = 1) -> list[bytes]:
    at = f"2024-03-0{day}T10:00:00Z"
    pages = {"": page("home", *(f"/{name}" for name in names))} | {name: page(name, extra=_PROMO) for name in names}
    moved = record(f"https://{host}/old", answer("", "301 Moved", location=f"/{names[0]}"), at)
    robots = record(f"https://{host}/robots.txt", answer("User-agent: *\nAllow: /", content_type="text/plain"), at)
    return [robots, *(record(f"https://{host}/{path}", answer(body), at) for path, body in pages.items()), moved]


def _prepare_import(shop: Workshop) -> Words:
    write(shop.work / "pages.warc.gz", _records("a.example", NAMES))
    return ("import", "pages.warc.gz", "--db", ARCHIVE, "-q")


def _write_rules(shop: Workshop, host: str) -> None:
    folder = shop.work / "rules"
    folder.mkdir(exist_ok=True)
    (folder / f"{host}.txt").write_text(_RULES)


def _prepare_reclean(shop: Workshop) -> Words:
    _crawled(shop)
    _write_rules(shop, "127.0.0.1")
    return ("reclean", ARCHIVE, "--all", "--site-rules", "rules", "-q")


def _prepare_undo(shop: Workshop) -> Words:
    shop.run(*_prepare_reclean(shop))
    return ("reclean", ARCHIVE, "--undo")


def _block(shop: Workshop, *, kept: bool) -> str:
    order = f"SELECT block_id FROM blocks WHERE kept = {int(kept)} AND length(text) > 40 ORDER BY url, position LIMIT 1"
    return str(shop.rows(order)[0][0])


def _prepare_remove(shop: Workshop) -> Words:
    _crawled(shop)
    return ("remove", ARCHIVE, _block(shop, kept=True))


def _prepare_restore(shop: Workshop) -> Words:
    _crawled(shop)
    return ("restore", ARCHIVE, _block(shop, kept=False))


def _prepare_correct(shop: Workshop) -> Words:
    _crawled(shop)
    return ("correct", ARCHIVE, f"{shop.site.url}/mill", "--title", "The mill", "--author", "A", "--tag", "water")


def _prepare_upgrade(shop: Workshop) -> Words:
    """An archive of the first version, which the first command that writes brings up to date, after a copy."""
    (shop.work / ARCHIVE).write_bytes(lzma.decompress(_FIRST_VERSION.read_bytes()))
    with closing(sqlite3.connect(shop.work / ARCHIVE)) as db, db:  # whose WARC files are not kept
        db.executescript("DELETE FROM _warc_files; UPDATE captures SET warc_file = NULL, refers_to = NULL")
    [(url,)] = shop.rows("SELECT min(url) FROM articles")
    return ("correct", ARCHIVE, url, "--title", "The mill")


def _prepare_ruling_undo(shop: Workshop) -> Words:
    words = _prepare_remove(shop)
    shop.run(*words)
    return (*words, "--undo")


def _prepare_waiting(shop: Workshop) -> Words:
    """Rulings made in the reading room while another process owned the archive, applied by whoever opens it next."""
    _crawled(shop)
    for kept in (True, False):
        ruling = Ruling(int(_block(shop, kept=kept)), not kept, None, None, "2024-03-01T10:00:00Z", "by hand")
        with opened_beside_owner(shop.work / ARCHIVE) as db:
            carry_out_ruling(db, ruling, applies=False)
    return ("crawl", "--db", ARCHIVE, *_QUICK)


def _prepare_forget(shop: Workshop) -> Words:
    """The article whose payload another page's capture refers to, so that this is written again."""
    _crawled(shop)
    return ("forget", ARCHIVE, f"{shop.site.url}/river", "--yes")


def _prepare_own_import(shop: Workshop) -> Words:
    """An older copy of the database, put back beside the newer WARC folder."""
    _serve_first(shop)
    _crawl(shop, "--max-pages", "3")
    shutil.copy(shop.work / ARCHIVE, shop.work / "older")
    _crawl(shop)
    os.replace(shop.work / "older", shop.work / ARCHIVE)
    return ("import", "--own", "--db", ARCHIVE, "-q")


def _two_archives(shop: Workshop) -> None:
    for number, host in enumerate(("a.example", "b.example")):
        write(shop.work / f"{host}.warc.gz", _records(host, NAMES[number * 2 : number * 2 + 4], number + 1))
    _crawled(shop)
    shop.run("import", "b.example.warc.gz", "--db", "other.db", "-q")
    _serve_later(shop)
    _crawl(shop, archive="later.db")


def _prepare_merge(shop: Workshop) -> Words:
    _two_archives(shop)
    return ("merge", "all.db", ARCHIVE, "other.db", "later.db", "-q")


def _prepare_merge_takedown(shop: Workshop) -> Words:
    """A takedown that comes with a merged archive, into one that has the article and its response."""
    _crawled(shop)
    time.sleep(NEXT_SECOND)
    _crawl(shop, archive="other.db")
    shop.run("forget", "other.db", f"{shop.site.url}/river", "--yes")
    return ("merge", ARCHIVE, "other.db", "-q")


_FLEET = """[fleet]
folder = "fleet"
parallel = 1
[defaults]
delay = 0
allow-private = true
no-sitemaps = true
no-feeds = true
[sites.town]
urls = ["{url}/"]
"""


def _prepare_fleet(shop: Workshop) -> Words:
    (shop.work / "sites.toml").write_text(_FLEET.format(url=shop.site.url))
    return ("fleet", "run", "sites.toml", "-q")


def _prepare_store(shop: Workshop) -> Words:
    (shop.work / "store").mkdir()
    return (*_prepare_fleet(shop), "--store", "store")


_RUNS = "a run that was killed has a row too, and what a run measured is of its own pages"
_CUT_OFF = MappingProxyType({"runs": _RUNS, "_yields": _RUNS})
_CRAWLED = _CUT_OFF | {"/robots.txt": "each run asks for it"}

_STORED = _CRAWLED | {"_warc_files": "a file that was brought to the store is complete, so another one begins"}
_CRAWL_KILLS = 80  # a night; a trial takes two to four seconds
_BOUNDS: dict[str, Any] = {
    "most": 24,
    "has_faults": False,
}  # each crawl is an interpreter of its own: ten seconds a trial

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("crawl", _prepare_crawl, _serve_first, may_differ=_CRAWLED, most=_CRAWL_KILLS),
        Scenario("crawl on", _prepare_crawl_on, _serve_first, may_differ=_CRAWLED, most=_CRAWL_KILLS),
        Scenario("update", _prepare_update, _serve_later, may_differ=_CRAWLED, begins_anew=True, most=_CRAWL_KILLS),
        Scenario("import", _prepare_import, may_differ=_CUT_OFF),
        Scenario("reclean", _prepare_reclean, may_differ=_CUT_OFF),
        Scenario("undo", _prepare_undo, may_differ=_CUT_OFF, codes=(0, 1)),
        Scenario("remove", _prepare_remove),
        Scenario("restore", _prepare_restore),
        Scenario("correct", _prepare_correct),
        Scenario("correct a first version", _prepare_upgrade),
        Scenario("ruling undo", _prepare_ruling_undo, codes=(0, 1)),
        Scenario("waiting rulings", _prepare_waiting, _serve_first, may_differ=_CRAWLED),
        Scenario("forget", _prepare_forget),
        Scenario("import --own", _prepare_own_import, may_differ=_CUT_OFF),
        Scenario("merge", _prepare_merge, archives=("all.db",)),
        Scenario("merge takedown", _prepare_merge_takedown),
        Scenario("fleet", _prepare_fleet, _serve_first, ("fleet/town.db",), _CRAWLED, **_BOUNDS),
        Scenario("fleet store", _prepare_store, _serve_first, (), _STORED, **_BOUNDS),
    )
}
"""By name, in the order in which they run."""
