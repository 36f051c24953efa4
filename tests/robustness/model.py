"""Random steps over all verbs that write, and what must hold after each: `python -m tests.robustness.model`.

A town's site changes, is crawled and updated into archives; these are corrected, undone, cleaned again, merged, backed
up and put back, exported, judged in the reading room while an update runs, and articles are taken down. One command in
eight is killed at a durable step, and some lose the disk's last block from a step on (`syscalls.py`). After each step
every archive that it touched is verified, and compared with what is known of it: corrections that a person made hold,
what was taken down is in no file, copies are equal, and to clean or merge again changes nothing.

`--seed N` runs one walk, and prints its steps if it finds something; the same seed takes the same steps. Without it,
walks of `--steps` follow one another for `--seconds`, from the seed `--first` on. Results: `--out FILE`. Ends with 1 if
something was found.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.archive.archive_lock import is_owned
from tests.crawler.scripted_site import Reply, ScriptedSite, Seen, page
from tests.crawler.shell import verb_here
from tests.output.browse.conftest import RoomClient
from tests.robustness.commit_points import FULL
from tests.robustness.syscalls import DURABLE, Action, InjectedCommands, Injection

WORDS = ("river", "mill", "ferry", "tower", "harbour", "quay", "bridge", "market", "chapel", "orchard", "canal", "weir")
STEPS = 60  # of a walk: archives grow with each, and so does what a step takes
_CRAWL = ("--allow-private", "--delay", "0", "--browser", "never", "--no-sitemaps", "--no-feeds", "-q")
_FLEET = """[fleet]
folder = "archives"
parallel = 1
[defaults]
delay = 0
allow-private = true
no-sitemaps = true
no-feeds = true
browser = "never"
[sites.town]
urls = ["{url}/"]
"""
_PORTS = range(12_000, 30_000)  # a walk's follows from its seed: addresses, and so numbers of articles, are the same
_QUIET_SECONDS = 20.0  # for the processes of a killed group to end
_FIELDS = """SELECT url, field, value, coalesce(undone_at, at), undone_at IS NOT NULL FROM corrections
    WHERE block_id IS NULL"""
_SHOWN = "SELECT url, title, authors, published_day, tags, language, text, id, page_type FROM articles ORDER BY url"
_EDGES = """SELECT url, location, 0 FROM urls WHERE location <> ''
    UNION SELECT u.url, p.canonical_url, 0 FROM pages p JOIN urls u ON u.id = p.id WHERE p.canonical_url <> ''
    UNION SELECT u.url, a.url, 1 FROM article_urls u JOIN article_urls a USING (article_id)
    UNION SELECT u.url, a.url, 1 FROM pages p JOIN urls u ON u.id = p.id JOIN articles a ON a.id = p.article_id"""
_LAST_CHANGE = "SELECT change FROM changes WHERE article_id = ? AND change <> 'changed' ORDER BY seq DESC LIMIT 1"
_URLS_OF = """SELECT u.url FROM urls u LEFT JOIN pages p ON p.id = u.id WHERE p.article_id = ?1
    UNION SELECT url FROM article_urls WHERE article_id = ?1"""


@dataclass
class Story:
    """A page of the town's site: its text is told by its name, and changes are told beside it."""

    name: str
    title: str
    notes: list[str]
    head: str = ""
    is_gone: bool = False
    moved_to: str = ""

    @property
    def secret(self) -> str:
        """Words that stand on this story and its copies alone."""
        return f"{self.name}0word7"


class Town:
    """A site whose stories change by chance."""

    def __init__(self, chance: random.Random, port: int = 0) -> None:
        self.site = ScriptedSite(address=("127.0.0.1", port))
        self.stories: dict[str, Story] = {}
        self.paths_of: dict[str, set[str]] = {}  # the URLs that ever showed a story, by its name
        self._chance = chance
        for _ in range(8):
            self._add()

    def change(self) -> str:
        """Change a story, and say what was done to which."""
        kind = self._chance.choice("add note note quotes title gone back copy canonical moved less".split())
        path = self._chance.choice(sorted(self.stories))
        story = self.stories[path]
        if kind in ("add", "copy"):
            path = self._add(story if kind == "copy" else None)
        elif kind == "note":
            story.notes.append(f"Correction {self._chance.randrange(10**6)}: an “earlier” version gave another figure.")
        elif kind == "quotes":  # which is no edit
            story.notes = [note.translate({ord("“"): '"', ord("”"): '"'}) for note in story.notes]
        elif kind == "title":
            story.title = f"A later story of {story.name} {self._chance.randrange(1000)}"
        elif kind == "gone":
            story.is_gone = True
        elif kind == "back":
            story.is_gone, story.moved_to = False, ""
        elif kind == "canonical":
            story.head = f'<link rel="canonical" href="{self.site.url}{self._chance.choice(sorted(self.stories))}">'
        elif kind == "moved":
            story.moved_to = self._other(path)
        else:
            story.notes = story.notes[:1]
        self.serve()
        return f"{kind} {path}"

    def _other(self, path: str) -> str:
        standing = [other for other, story in sorted(self.stories.items()) if other != path and not story.moved_to]
        return self._chance.choice(standing) if standing else ""

    def _add(self, like: Story | None = None) -> str:
        number = len(self.stories)
        name = like.name if like else f"{WORDS[number % len(WORDS)]}{'x' * (number // len(WORDS))}"
        path = f"/{name}-{number}"
        title, notes = (like.title, list(like.notes)) if like else (f"The story of {name}", [])
        self.stories[path] = Story(name, title, notes)
        self.paths_of.setdefault(name, set()).add(self.site.url + path)
        self.serve()
        return path

    def serve(self, wait: Mapping[str, threading.Event] | None = None) -> None:
        """Serve what there is now; the answer of a path in `wait` comes once its event is set."""
        routes: dict[str, Any] = {"/": page("town", *self.stories)}
        for path, story in self.stories.items():
            answer: Reply | str = self._html(story)
            if story.moved_to:
                answer = Reply(status=301, headers={"Location": story.moved_to})
            if story.is_gone:
                answer = Reply("gone", 410)
            event = (wait or {}).get(path)
            routes[path] = _late(answer, event) if event else answer
        self.site.routes = routes

    def _html(self, story: Story) -> str:
        notes = "".join(f"<p>{note}</p>" for note in story.notes)
        promo = "<p>Donate now to keep the harbour news free for all its readers in the town</p>"
        return page(story.name, head=story.head, extra=notes + promo).replace(f"The story of {story.name}", story.title)


def _late(answer: Reply | str, event: threading.Event) -> Callable[[Seen], Reply | str]:
    def route(_: Seen) -> Reply | str:
        event.wait(20)
        return answer

    return route


@dataclass
class Known:
    """What is known of an archive: corrections of fields by URL and field, as (value, when, is undone); takedowns;
    the articles after the last step, as numbers and URLs.
    """

    fields: dict[tuple[str, str], tuple[str, str, int]] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    articles: set[tuple[int, str]] = field(default_factory=set)


class Finding(Exception):  # noqa: N818 - what the walk looks for
    """Something that must not be."""


class Walk:
    """Steps drawn by a seed, in an empty work folder."""

    def __init__(self, seed: int, commands: InjectedCommands) -> None:
        self.chance = random.Random(seed)
        self.town = Town(self.chance, _PORTS[seed % len(_PORTS)])
        self.told: list[str] = []
        self._commands = commands
        self._known: dict[str, Known] = {}
        self._touched: set[str] = set()
        shutil.rmtree(commands.work, ignore_errors=True)
        commands.work.mkdir()
        (commands.work / "sites.toml").write_text(_FLEET.format(url=self.town.site.url))

    def run(self, steps: int, until: float) -> int:
        """Take steps; return how many. Finding for what must not be."""
        try:
            for name in ("a.db", "b.db"):
                self._crawl(name)
            for number in range(1, steps + 1):
                if time.monotonic() > until:
                    return number
                [step] = self.chance.choices(list(_STEPS), list(_STEPS.values()))
                self.told.append(f"-- {number} {step.__name__.strip('_')}")
                step(self)
                for name in sorted(self._touched):
                    self._check(name)
                self._touched.clear()
            return steps
        finally:
            self.town.site.close()

    # -- commands

    def _run(self, *words: str, may_fail: bool = False, codes: tuple[int, ...] = (0,)) -> int:
        """Run a command, sometimes cut off at a step; return its exit code, -9 where it was cut off."""
        injection = self._injection() if may_fail else None
        cut = f"   [{injection.action.name} {injection.number}]" if injection else ""
        self.told.append(f"$ {' '.join(words)}{cut}")
        self._touched |= self._known.keys() & set(words)
        if may_fail or words[0] in ("crawl", "update", "reclean", "merge", "fleet"):
            ended = self._commands.run(words, injection)
            code, out, errors = ended.code, ended.out, ended.errors
        else:
            code, out, errors = verb_here(*(self._path(word) for word in words))
        self.told.append(f"  {code} {' | '.join((out + errors).splitlines())[:300]}")
        if "Traceback" in errors or "hung for" in errors:
            raise Finding(f"{words}: {errors[-1500:]}")
        if injection and code:
            for name in self._known:
                _wait_for(lambda name=name: not is_owned(self._commands.work / name))
            return -9
        if code not in codes:
            raise Finding(f"{words} ended with {code}: {(out + errors)[-600:]}")
        return code

    def _injection(self) -> Injection | None:
        drawn, number = self.chance.random(), self.chance.randint(1, 40)
        if drawn < 0.03:
            return Injection(Action.FAIL_ON, number, FULL, errno.ENOSPC)
        if drawn < 0.15:
            return Injection(self.chance.choice((Action.KILL_BEFORE, Action.KILL_AFTER)), number, DURABLE)
        return None

    def _path(self, word: str) -> str:
        is_here = word in self._known or word in ("copy.db", "out")
        return str(self._commands.work / word) if is_here else word

    def _rows(self, name: str, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(open_database(self._commands.work / name, read_only=True)) as db:
            return db.execute(query, values).fetchall()

    def _any(self) -> str:
        return self.chance.choice(sorted(self._known))

    def _article(self, name: str) -> tuple[int, str] | None:
        found = self._rows(name, "SELECT id, url FROM articles ORDER BY url")
        return self.chance.choice(found) if found else None

    # -- steps

    def _change_site(self) -> None:
        for _ in range(self.chance.randint(1, 3)):
            self.told.append(self.town.change())

    def _crawl(self, name: str = "a.db") -> None:
        may_fail = name in self._known
        self._known.setdefault(name, Known())
        self._run("crawl", f"{self.town.site.url}/", "--db", name, *_CRAWL, may_fail=may_fail, codes=(0, 1))

    def _update(self) -> None:
        name = self._any()
        article = self._article(name)
        chosen = self.chance.choice(["--all", "", article[1] if article else "--all"])
        self._run("update", name, *filter(None, [chosen]), *_CRAWL, may_fail=True, codes=(0, 1))

    def _correct(self) -> None:
        name = self._any()
        if not (article := self._article(name)):
            return
        number = self.chance.randrange(100)
        words = self.chance.choice([
            ("--title", f"Corrected {number}"), ("--author", f"Person {number}"), ("--author", ""),
            ("--published", f"2020-01-{1 + number % 28:02}"), ("--tag", "weir", "--tag", f"t{number}"),
            ("--language", "de"), ("--not-article",), ("--not-article",),
        ])  # fmt: skip
        if self._run("correct", name, article[1], *words, may_fail=True):
            self._run("correct", name, article[1], *words)
        self._learn(name)

    def _bring_back(self) -> None:
        name = self._any()
        out = [
            url
            for (url, what), (value, _, undone) in self._known[name].fields.items()
            if what == "kind" and value == "none" and not undone and url not in self._known[name].forgotten
        ]
        if out:
            self._run("correct", name, self.chance.choice(sorted(out)), "--article")
            self._learn(name)

    def _undo(self) -> None:
        name = self._any()
        if made := self._rows(name, "SELECT id FROM corrections WHERE undone_at IS NULL ORDER BY id"):
            self._run("correct", name, "--undo", str(self.chance.choice(made)[0]))
            self._learn(name)

    def _rule(self) -> None:
        name = self._any()
        if not (article := self._article(name)):
            return
        blocks = self._rows(name, "SELECT position, kept FROM blocks WHERE url = ? ORDER BY position", article[1])
        position, is_kept = self.chance.choice(blocks)
        scope = self.chance.choice([(), (), ("--host", "127.0.0.1"), ("--everywhere",)])
        self._run("remove" if is_kept else "restore", name, article[1], str(position), *scope, codes=(0, 1))

    def _reclean(self) -> None:
        name = self._any()
        before = self._rows(name, _SHOWN)
        if self._run("reclean", name, "--all", "-q", may_fail=True) != 0:
            return
        self._same(name, before, "cleaned again")
        if self.chance.random() < 0.5:
            self._run("reclean", name, "--undo", codes=(0, 1))
            self._same(name, before, "put back")

    def _merge(self) -> None:
        source, target = self._any(), self.chance.choice([self._any(), "m.db"])
        if source == target:
            return
        into = self._known.setdefault(target, Known())
        edges = self._edges(source) + (self._edges(target) if (self._commands.work / target).exists() else [])
        if self._run("merge", target, source, "-q", may_fail=True):
            self._run("merge", target, source, "-q")
        forgotten = into.forgotten | self._known[source].forgotten
        self._take_over_takedowns(target, forgotten, self._addresses(forgotten, edges))
        for key, state in self._known[source].fields.items():
            mine = into.fields.get(key)
            if mine is None or mine[1] < state[1]:
                into.fields[key] = state
            elif mine[1] == state[1] and mine != state:  # in one second: either may hold
                into.fields.pop(key)
        self._learn(target, only_new=True)
        if self.chance.random() < 0.4:
            before = self._rows(target, _SHOWN)
            self._run("merge", target, source, "-q")
            self._same(target, before, "merged twice")

    def _back_up(self) -> None:
        name = self._any()
        self._remove("copy.db")
        if self._run("backup", name, "copy.db", may_fail=True):
            self._remove("copy.db")
            self._run("backup", name, "copy.db")
        if self._rows("copy.db", _SHOWN) != self._rows(name, _SHOWN):
            raise Finding(f"the copy of {name} is another")
        if self.chance.random() < 0.4:
            self._remove(name)
            self._run("backup", "--restore", "copy.db", name, "-q")
        self._remove("copy.db")

    def _remove(self, name: str) -> None:
        for file in self._commands.work.glob(f"{name}*"):
            shutil.rmtree(file) if file.is_dir() else file.unlink()

    def _forget(self) -> None:
        name = self._any()
        article = self._article(name)
        if not article or len(self._rows(name, "SELECT id FROM articles")) < 4:
            return
        urls = {article[1], *(url for (url,) in self._rows(name, _URLS_OF, article[0]))}
        reached = self._addresses(urls, self._edges(name), is_followed=True)
        if self._run("forget", name, article[1], "--yes", may_fail=True):
            self._run("forget", name, article[1], "--yes")
        self._take_over_takedowns(name, urls, reached)
        self._learn(name)

    def _export(self) -> None:
        name = self._any()
        shutil.rmtree(self._commands.work / "out", ignore_errors=True)
        form = self.chance.choice(["markdown", "html", "tei", "parquet"])
        if self._run("export", name, "--format", form, "-o", "out", may_fail=True) == 0:
            files = list((self._commands.work / "out").iterdir())
            if not files:
                raise Finding(f"an export of {name} is empty")

    def _import_own(self) -> None:
        name = self._any()
        self._run("import", "--own", "--db", name, "-q", may_fail=True, codes=(0, 1))

    def _judge_in_room(self, name: str = "") -> None:
        """Press "not an article", or correct a title, in the reading room."""
        name = name or self._any()
        if article := self._article(name):
            client = RoomClient(self._commands.work / name)
            given = self.chance.choice([{"kind": "none"}, {"title": f"In the room {self.chance.randrange(100)}"}])
            answer = client.post(f"{Path(name).stem}/corrections", article=article[0], **given)
            self.told.append(f"room: {given} {article[1]}: {answer.status_code}")
            if answer.status_code != 303:
                raise Finding(f"the room answered {answer.status_code}: {answer.text[-300:]}")
            self._touched.add(name)
            self._learn(name)

    def _judge_during_update(self) -> None:
        """Use the room while the last page of an update is still on its way."""
        name = self._any()
        event, path = threading.Event(), self.chance.choice(sorted(self.town.stories))
        self.town.serve({path: event})
        before, failed = len(self.town.site.log), list[Finding]()

        def update() -> None:
            try:
                self._run("update", name, "--all", *_CRAWL, codes=(0, 1))
            except Finding as finding:
                failed.append(finding)

        running = threading.Thread(target=update)
        running.start()
        _wait_for(lambda: not running.is_alive() or len(self.town.site.log) - before >= len(self.town.stories))
        try:
            for _ in range(self.chance.randint(1, 3)):
                self._judge_in_room(name)
        finally:
            event.set()
            running.join()
            self.town.serve()
        for finding in failed:
            raise finding
        self._learn(name)

    def _run_fleet(self) -> None:
        """Take a turn of a fleet whose archive stands beside the list."""
        self._known.setdefault("archives/town.db", Known())
        self._touched.add("archives/town.db")
        if self._run("fleet", "run", "sites.toml", "--all", "-q", may_fail=True, codes=(0, 1)):
            self._run("fleet", "run", "sites.toml", "--all", "-q", codes=(0, 1))

    def _run_stored_fleet(self) -> None:
        """Take a turn of a fleet over a store, on one of two disks."""
        words = ("fleet", "run", "sites.toml", "--all", "-q", "--store", "store", "--work",
                 self.chance.choice(("one", "two")), "--take-over", "1s")  # fmt: skip
        if self._run(*words, may_fail=True, codes=(0, 1)):
            time.sleep(1.1)
            self._run(*words, codes=(0, 1))
        self._run_verify_store()

    def _run_verify_store(self) -> None:
        ended = self._commands.run(("fleet", "verify", "sites.toml", "--store", "store"))
        if ended.code:
            raise Finding(f"the store: {(ended.out + ended.errors)[-600:]}")

    # -- what must hold

    def _edges(self, name: str) -> list[tuple[str, str, bool]]:
        """Return what leads to what in an archive, and if both are addresses of one article."""
        return self._rows(name, _EDGES)

    def _addresses(self, urls: set[str], edges: list[tuple[str, str, bool]], *, is_followed: bool = False) -> set[str]:
        """Return all that leads to some URLs, and where these lead if that is followed."""
        reached = set(urls)
        for _ in edges:
            more = {start for start, end, _ in edges if end in reached}
            more |= {end for start, end, is_same in edges if start in reached and (is_same or is_followed)}
            if more <= reached:
                break
            reached |= more
        return reached

    def _take_over_takedowns(self, name: str, least: set[str], most: set[str]) -> None:
        """Learn what was taken down: all of `least`, and further addresses that the archives knew."""
        patterns = {pattern for (pattern,) in self._rows(name, "SELECT pattern FROM takedowns")}
        if beyond := patterns - most - self._known[name].forgotten:
            raise Finding(f"{name}: {sorted(beyond)} were taken down with {sorted(least)}, to which they do not lead")
        self._known[name].forgotten |= least | patterns

    def _learn(self, name: str, *, only_new: bool = False) -> None:
        """Take over the corrections of fields that an archive has now."""
        known = self._known[name]
        for url, what, value, when, undone in self._rows(name, _FIELDS):
            if not only_new or (url, what) not in known.fields:
                known.fields[url, what] = value, when, undone
        known.fields = {key: state for key, state in known.fields.items() if key[0] not in known.forgotten}

    def _same(self, name: str, before: list[tuple[Any, ...]], what: str) -> None:
        after = self._rows(name, _SHOWN)
        if before != after:
            other = [pair for pair in zip(before, after, strict=False) if pair[0] != pair[1]][:1]
            raise Finding(f"{name}, {what}, differs: {len(before)} and {len(after)} articles, {other}")

    def _check(self, name: str) -> None:
        if not (self._commands.work / name).exists():
            return
        code, out, errors = verb_here("verify", self._path(name))
        if code:
            raise Finding(f"verify {name}: {(out + errors)[-800:]}")
        code, out, errors = verb_here("report", self._path(name), "--json")
        shown = {row[0]: row[1:6] for row in self._rows(name, _SHOWN)}
        if code or json.loads(out)["articles"] != len(shown):
            raise Finding(f"report {name}: {code}, {len(shown)} articles, {(out[:200] + errors)[-400:]}")
        for text in (*self._wrong_fields(name, shown), *self._not_forgotten(name, shown), *self._vanished(name)):
            raise Finding(f"{name}: {text}")

    def _wrong_fields(self, name: str, shown: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
        """Yield corrections that are not stored, or do not hold."""
        stored = {(url, what): (value, when, undone) for url, what, value, when, undone in self._rows(name, _FIELDS)}
        for key, (value, when, undone) in self._known[name].fields.items():
            url, what = key
            if url in self._known[name].forgotten:
                continue
            if key not in stored or (stored[key][0], stored[key][2]) != (value, undone):
                yield f"the correction {key} is {stored.get(key)}, not {(value, when, undone)}"
            elif what == "kind" and value == "none" and not undone and url in shown:
                yield f"{url} is an article, and no person says so"
            elif what in _PLACES and not undone and url in shown and (shown[url][_PLACES[what]] or "") != value:
                yield f"{what} of {url} is {shown[url][_PLACES[what]]!r}, not {value!r}"

    def _vanished(self, name: str) -> Iterator[str]:
        """Yield articles that went since the last step, of which `changes` does not say so."""
        known, articles = self._known[name], set(self._rows(name, "SELECT id, url FROM articles"))
        for number, url in known.articles - articles:
            if (last := self._rows(name, _LAST_CHANGE, number)) != [("removed",)]:
                yield f"the article {url} is gone, and the last that `changes` says is {last}"
        known.articles = articles

    def _not_forgotten(self, name: str, shown: Mapping[str, object]) -> Iterator[str]:
        """Yield what is left of articles that were taken down."""
        forgotten = self._known[name].forgotten
        yield from (f"{url} was taken down, and is an article" for url in forgotten if url in shown)
        states = self._rows(name, "SELECT url, state, reason FROM urls")
        yield from (f"{url} is {state} forgotten, and is an article" for url, state, reason in states
                    if url in shown and reason == "forgotten")  # fmt: skip
        yield from (f"{url} was taken down, and is {state} {reason}" for url, state, reason in states
                    if url in forgotten and (state, reason) != ("skipped", "forgotten"))  # fmt: skip
        gone = {story.secret for story in self.town.stories.values() if self.town.paths_of[story.name] <= forgotten}
        for file in sorted(self._commands.work.rglob("*")) if gone else ():
            if ".tail-" in file.name:  # bytes of an interrupted write stay, and `forget` names them
                continue
            if file.is_file() and str(file.relative_to(self._commands.work)).startswith(f"{name}"):
                data = _unpacked(file.read_bytes()) if ".gz" in file.name else file.read_bytes()
                yield from (f"{file.name} has {secret}" for secret in gone if secret.encode() in data)


_PLACES = {"title": 0, "authors": 1, "published": 2, "tags": 3, "language": 4}
_STEPS: Mapping[Callable[[Walk], None], int] = {
    Walk._change_site: 24, Walk._update: 14, Walk._correct: 12, Walk._bring_back: 4, Walk._undo: 6, Walk._rule: 10,
    Walk._reclean: 6, Walk._merge: 9, Walk._back_up: 5, Walk._forget: 4, Walk._export: 3, Walk._crawl: 3,
    Walk._import_own: 2, Walk._judge_in_room: 5, Walk._judge_during_update: 3, Walk._run_fleet: 1,
    Walk._run_stored_fleet: 1,
}  # fmt: skip
"""The steps, and how often each is taken."""


def _wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + _QUIET_SECONDS
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)


def _unpacked(data: bytes) -> bytes:
    """Return what all members of a file hold, also beside bytes that are none."""
    parts = []
    while data:
        reader = zlib.decompressobj(31)
        try:
            parts.append(reader.decompress(data))
            data = reader.unused_data
        except zlib.error:
            data = data[start:] if (start := data.find(b"\x1f\x8b", 1)) > 0 else b""
    return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Walked:
    """A walk: its seed, how many steps it took, what it found (or nothing), and all that was done."""

    seed: int
    steps: int
    finding: str
    told: tuple[str, ...]


def walk(seed: int, steps: int, folder: Path, until: float = float("inf")) -> Walked:
    """Take a walk in a folder, to the first finding."""
    work = folder / "work"
    with InjectedCommands(folder, work) as commands:
        one = Walk(seed, commands)
        try:
            return Walked(seed, one.run(steps, until), "", tuple(one.told))
        except Finding as finding:
            if kept := os.environ.get("MODEL_KEEP"):
                shutil.copytree(work, Path(kept) / str(seed), dirs_exist_ok=True)
            taken = sum(line.startswith("-- ") for line in one.told)
            return Walked(seed, taken, " ".join(str(finding).split()), tuple(one.told))


def _walks(options: argparse.Namespace) -> Iterator[Walked]:
    """Yield one walk, or as many as the seconds allow."""
    until = time.monotonic() + options.seconds
    seeds = [options.seed] if options.seed is not None else range(options.first, 10**9)
    memory = Path("/dev/shm")
    for seed in seeds:
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            yield walk(seed, options.steps, Path(folder), until)
        if time.monotonic() > until:
            return


def main() -> None:
    """Walk, say what was found as it comes up, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one walk, whose steps are printed if it finds something")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    taken, faults = 0, []
    for number, one in enumerate(_walks(options), 1):
        taken += one.steps
        if one.finding:
            faults.append(f"seed {one.seed}, step {one.steps}: {one.finding}"[:800])
            print(*(one.told if options.seed is not None else ()), faults[-1], sep="\n", flush=True)
        if options.out:
            options.out.write_text(json.dumps({"steps": taken, "walks": number, "faults": faults}, indent=1) + "\n")
    print(f"{taken:,} steps in {number} walks, {len(faults)} findings")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
