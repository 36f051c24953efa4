"""Two that write at the same moment, and a clock that is set back and forth: nothing is lost or doubled."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import pytest

from tests.crawler.fleet.troubled_fleet import skewed
from tests.crawler.scripted_site import Reply, ScriptedSite, page
from tests.crawler.shell import command, environment, rows, start

pytestmark = pytest.mark.slow
NAMES = ("river", "mill", "ferry", "tower", "harbour", "quay")
PROMO = "<p>Donate now to keep the harbour news free for all its readers in the town</p>"
QUICK = ("--allow-private", "--delay", "0", "-q")
ROUNDS = 3


@pytest.fixture
def site() -> Iterator[ScriptedSite]:
    site = ScriptedSite({f"/{name}": page(name, extra=PROMO) for name in NAMES})
    site.routes["/"] = page("home", *(f"/{name}" for name in NAMES))
    yield site
    site.close()


@pytest.fixture
def db(site: ScriptedSite, tmp_path: Path) -> Path:
    run("crawl", f"{site.url}/", "--db", tmp_path / "x.db", *QUICK)
    return tmp_path / "x.db"


def run(*words: object) -> str:
    code, out, errors = command(*words)
    assert (code, errors) == (0, ""), (words, errors)
    return out


class NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


class Reader:
    """A person at a reading room: forms carry its token and origin."""

    def __init__(self, url: str) -> None:
        self._url, parts = url, urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._opener = build_opener(NoRedirect())

    def token(self, article: int) -> str:
        with urlopen(f"{self._url}article/{article}", timeout=60) as answer:
            return re.findall(r'name="token" value="([^"]+)"', answer.read().decode())[0]

    def post(self, form: str, token: str, **fields: object) -> tuple[int, str]:
        """The status of the answer, and where it leads."""
        data = urlencode({"token": token, **fields}).encode()
        try:
            with self._opener.open(Request(self._url + form, data, {"Origin": self._origin}), timeout=120) as answer:
                return answer.status, ""
        except HTTPError as error:
            return error.code, error.headers.get("Location", "")


@contextmanager
def opened_room(db: Path) -> Iterator[Reader]:
    process = start("browse", db, "--port", 0)
    try:
        assert process.stdout is not None
        found = re.search(r"http://[\w.:]+/\S*", process.stdout.readline())
        assert found
        yield Reader(found[0])
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=60)
    assert errors == ""


@pytest.mark.parametrize("rooms", [1, 2])
def test_what_two_readers_send_at_the_same_moment_is_all_there(db, rooms):
    """Through one room, and through two rooms over the same file."""
    articles = [number for (number,) in rows(db, "SELECT id FROM articles ORDER BY url")]
    long = "SELECT article_id, max(block_id) FROM blocks WHERE kept = 1 AND length(text) > 99 GROUP BY article_id"
    blocks = dict(rows(db, long))
    moment = threading.Barrier(2)
    with ExitStack() as stack:
        readers = [stack.enter_context(opened_room(db)) for _ in range(rooms)]
        one, other = readers[0], readers[-1]
        tokens = {reader: reader.token(articles[0]) for reader in readers}

        def write(reader: Reader, who: str) -> list[tuple[int, str]]:
            answers = []
            for turn in range(ROUNDS):
                for number, article in enumerate(articles):
                    moment.wait(60)
                    fields = {"article": article, "title": f"{who} {turn} of {number}"}
                    answers.append(reader.post("corrections", tokens[reader], **fields))
                    moment.wait(60)
                    if who == "one":
                        fields = {"article": article, "block": blocks[article], "keep": turn % 2, "scope": "article"}
                        answers.append(reader.post("rulings", tokens[reader], **fields))
                    else:
                        fields = {"article": article, "tags": f"{turn}\n{number}"}
                        answers.append(reader.post("corrections", tokens[reader], **fields))
            return answers

        with ThreadPoolExecutor(2) as pool:
            futures = [pool.submit(write, one, "one"), pool.submit(write, other, "other")]
            answers = [answer for future in futures for answer in future.result()]
    assert {status for status, _ in answers} == {303}, answers
    assert not [place for _, place in answers if "error" in place]
    last = ROUNDS - 1
    if rooms > 1:  # what came while the other room wrote waits for whoever opens the archive next
        run("reclean", db, "-q")
    for _ in range(2):  # as they were left, and once all is cleaned anew
        run("verify", db)
        titles = [title for (title,) in rows(db, "SELECT title FROM articles ORDER BY url")]
        assert all(title in (f"one {last} of {n}", f"other {last} of {n}") for n, title in enumerate(titles)), titles
        tags = [tags for (tags,) in rows(db, "SELECT tags FROM articles ORDER BY url")]
        assert tags == [f'["{last}", "{n}"]' for n in range(len(articles))]
        kept = set(rows(db, f"SELECT kept FROM blocks WHERE block_id IN ({','.join(map(str, blocks.values()))})"))
        assert kept == {(last % 2,)}
        assert rows(db, "SELECT count(*) FROM rulings") == [(len(articles),)]
        run("reclean", db, "--all", "-q")


def test_what_is_written_in_the_room_during_a_crawl_is_there_at_its_end(site, db):
    asked = threading.Event()

    def slowly(seen: object) -> Reply:
        asked.set()
        return Reply(page("bridge"), wait=6)

    site.routes["/"] = page("home", "/bridge", *(f"/{name}" for name in NAMES))
    site.routes["/bridge"] = slowly
    articles = [number for (number,) in rows(db, "SELECT id FROM articles ORDER BY url")]
    with opened_room(db) as reader:
        token = reader.token(articles[0])
        process = start("update", db, "--all", *QUICK)
        assert asked.wait(60)
        answers = [
            reader.post("corrections", token, article=article, title=f"Told {number}")
            for number, article in enumerate(articles)
        ]
        _, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "")
    assert {status for status, _ in answers} == {303}
    assert any("waiting" in place for _, place in answers), "the crawl was over before"
    run("verify", db)
    titles = {title for (title,) in rows(db, "SELECT title FROM articles")}
    assert titles >= {f"Told {number}" for number in range(len(articles))}
    assert rows(db, "SELECT count(*) FROM articles") == [(len(NAMES) + 1,)]


def test_of_two_merges_into_one_file_at_once_one_is_refused(db, tmp_path):
    processes = [start("merge", tmp_path / "all.db", db) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert codes in ([0, 75], [0, 0])  # where one was over before the other began
    assert all(len(text.splitlines()) == bool(text) for text in errors)
    run("verify", tmp_path / "all.db")
    articles = "SELECT url, text FROM articles ORDER BY url"
    assert rows(tmp_path / "all.db", articles) == rows(db, articles)


# A clock


CLOCKS = {
    "back": (0, -72, -240),
    "forth": (0, 72, 24 * 400),
    "back and forth": (0, -72, 240, -24 * 400, 24),
    "before the first page of the web": (0, -24 * 365 * 50, 0),
    "in a century": (0, 24 * 365 * 80, 0),
}


@pytest.mark.skipif(shutil.which("faketime") is None, reason="needs faketime (apt-get install faketime)")
@pytest.mark.parametrize(
    "name", [name if name == "back and forth" else pytest.param(name, marks=pytest.mark.nightly) for name in CLOCKS]
)
def test_a_clock_that_is_set_back_and_forth_loses_and_doubles_nothing(site, tmp_path, name):
    db, sequences = tmp_path / "x.db", []
    for turn, hours in enumerate(CLOCKS[name]):
        clock = skewed(hours)
        site.routes["/mill"] = page(
            "mill", extra=f"<p>The mill was sold for the {turn}. time, and nobody knew why.</p>"
        )
        site.routes[f"/bridge{turn}"] = page(f"bridge{turn}")
        site.routes["/"] = page("home", *(path for path in site.routes if path != "/"))
        if turn:
            set_to(clock, "update", db, "--all", *QUICK)
        else:
            set_to(clock, "crawl", f"{site.url}/", "--db", db, *QUICK)
        ((article,),) = rows(db, "SELECT id FROM articles WHERE url LIKE '%/ferry'")
        set_to(clock, "correct", db, article, "--title", f"Told {turn}")
        set_to(clock, "reclean", db, "--all", "-q")
        set_to(clock, "verify", db)
        run("verify", db)
        found = dict(rows(db, "SELECT url, text FROM articles"))
        assert {url.removeprefix(site.url) for url in found} == set(site.routes) - {"/"}
        assert f"sold for the {turn}. time" in found[f"{site.url}/mill"]
        assert rows(db, "SELECT title FROM articles WHERE url LIKE '%/ferry'") == [(f"Told {turn}",)]
        assert rows(db, "SELECT count(*) FROM articles WHERE first_seen > last_seen") == [(0,)]
        assert rows(db, "SELECT count(*) FROM revisions WHERE article_id = (SELECT id FROM articles WHERE url LIKE "
                    "'%/mill')") == [(turn + 1,)]  # fmt: skip
        sequences.append(rows(db, "SELECT max(seq) FROM changes")[0][0])
    assert sequences == sorted(set(sequences)), "each look is new to whoever asks what is new since"
    copy = tmp_path / "copy.db"
    run("merge", copy, db, "-q")
    articles = "SELECT url, text FROM articles ORDER BY url"
    assert rows(copy, articles) == rows(db, articles)


def set_to(clock: dict[str, str], *words: object) -> None:
    """Run a command by another clock."""
    done = subprocess.run(
        [sys.executable, "-m", "broadsheet.crawler.cli", *map(str, words)],
        env=environment() | clock, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), (words, done.stderr)
