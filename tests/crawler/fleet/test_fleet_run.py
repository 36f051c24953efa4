"""`broadsheet fleet run` over sites on loopback, with kills of crawls and of the runner itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import fleet_folder as disk
from broadsheet.output.archive.archive_lock import is_owned
from tests.crawler.crawls import QUICK
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import environment, rows, start
from tests.crawler.warm import PATIENCE

Serve = Callable[..., ScriptedSite]
PAGES = 8


def sites_of(serve: Serve, count: int) -> list[ScriptedSite]:
    names = [f"/p{number}" for number in range(PAGES)]
    return [serve({"/": page("home", *names), **{name: page(name.strip("/")) for name in names}}) for _ in range(count)]


def write_list(folder: Path, sites: list[ScriptedSite], head: str = "") -> Path:
    tables = [f'[sites.s{number}]\nurls = ["{site.url}/"]\n' for number, site in enumerate(sites)]
    file = folder / "sites.toml"
    file.write_text(f"{head}\n[defaults]\nallow-private = true\ndelay = 0\n" + "".join(tables), "utf-8")
    return file


def run_fleet(*arguments: object) -> tuple[int, str, str]:
    process = start("fleet", "run", *arguments)
    out, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out, errors


def crawls_of(runner: subprocess.Popen[str]) -> list[int]:
    """The processes that a runner has started."""
    with suppress(OSError):
        text = "".join(file.read_text() for file in Path(f"/proc/{runner.pid}/task").glob("*/children"))
        return [int(word) for word in text.split()]
    return []


def test_a_list_with_a_mistake_does_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from broadsheet.crawler.cli import run

    file = tmp_path / "sites.toml"
    file.write_text('[sites.a]\nurls = ["https://a.example/"]\nmax_pages = 3\n')
    assert run(["fleet", "run", str(file)]) == 2
    assert f"{file}, line 3: there is no option max_pages" in capsys.readouterr().err
    file.write_text('[sites.a]\nurls = ["https://a.example/"]\n[sites.b]\nurls = ["https://b.example/"]\ngroups = []\n')
    for arguments in (["--site", "c"], ["--group", "g"], ["--shard", "3/2"], ["--shard", "x"]):
        assert run(["fleet", "run", str(file), *arguments]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert run(["fleet", "run", str(file), "--dry-run"]) == 0
    assert capsys.readouterr().out == "a  crawl  due now\nb  crawl  due now\n"
    assert [path.name for path in tmp_path.iterdir()] == ["sites.toml"]


def test_a_network_file_system_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from broadsheet.crawler.cli import run

    (tmp_path / "mounts").write_text(f"server:/x {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(disk, "_MOUNTS", tmp_path / "mounts")
    (tmp_path / "sites.toml").write_text('[sites.a]\nurls = ["https://a.example/"]\n')
    assert run(["fleet", "run", str(tmp_path / "sites.toml")]) == 1
    assert "network file system (NFS)" in capsys.readouterr().err
    assert not (tmp_path / "archives").exists()


@pytest.mark.slow
def test_sites_are_crawled_then_nothing_is_due_then_they_are_updated(serve: Serve, tmp_path: Path) -> None:
    sites = sites_of(serve, 2)
    sites[1].routes.clear()
    file = write_list(tmp_path, sites)
    code, out, errors = run_fleet(file)
    assert code == 1, errors
    assert [line.split()[0] for line in out.splitlines()[:3]] == ["site", "s1", "s0"]
    assert out.splitlines()[-1].startswith(f"2 sites: 1 done, 1 failed; {PAGES} new, 0 changed")
    assert rows(tmp_path / "archives/s0.db", "SELECT count(*) FROM articles") == [(PAGES,)]
    assert list((tmp_path / "archives/s0.db.warc").glob("*.warc.gz"))
    asked = sites[0].paths()
    assert run_fleet(file)[0] == 0
    assert sites[0].paths() == asked
    code, out, errors = run_fleet(file, "--all", "--site", "s0")
    assert code == 0, errors
    assert "Looking again" in (tmp_path / "archives/.fleet/s0.log").read_text()


@pytest.mark.slow
def test_a_quiet_run_says_in_a_line_which_site_failed(tmp_path: Path) -> None:
    file = tmp_path / "sites.toml"
    file.write_text('[sites.away]\nurls = ["http://127.0.0.1:1/"]\nallow-private = true\ndelay = 0\n', "utf-8")
    code, out, errors = run_fleet(file, "-q")
    assert (code, out, errors.count("\n")) == (1, "", 1)
    assert errors.startswith("broadsheet: away: ")


@pytest.mark.slow
def test_a_stop_ends_all_crawls_and_the_same_command_goes_on(serve: Serve, tmp_path: Path) -> None:
    sites = sites_of(serve, 2)
    file = write_list(tmp_path, sites, "[fleet]\nparallel = 2\n")
    file.write_text(file.read_text().replace("delay = 0", "delay = 20"))
    runner = start("fleet", "run", file)
    _until(lambda: all("/" in site.paths() for site in sites))
    second = run_fleet(file)
    assert second[0] == 75
    assert "another fleet run is at work" in second[2]
    runner.send_signal(signal.SIGINT)
    out, _ = runner.communicate(timeout=PATIENCE)
    assert runner.returncode == 130
    assert "2 stopped" in out
    assert not any(is_owned(tmp_path / f"archives/s{number}.db") for number in range(2))
    file.write_text(file.read_text().replace("delay = 20", "delay = 0"))
    assert run_fleet(file)[0] == 0
    assert_whole(tmp_path, sites)


@pytest.mark.slow
def test_kills_of_crawls_and_of_the_runner_cost_nothing(serve: Serve, tmp_path: Path) -> None:
    """Whoever is killed, the same command goes on, at once too, while the crawls of a killed runner are still
    stopping: every site is whole in the end, and no page is stored twice."""
    sites, chance = sites_of(serve, 3), random.Random(18)
    file = write_list(tmp_path, sites, "[fleet]\nparallel = 3\n")
    file.write_text(file.read_text().replace("delay = 0", "delay = 0.1"))
    for victim in ("runner", "crawl", "runner"):
        kill_one(start("fleet", "run", file, start_new_session=True), victim, sites, chance)
    code, out, errors = run_fleet(file)
    assert code == 0, out + errors
    assert_whole(tmp_path, sites)


@pytest.mark.slow
def test_forty_sites_on_four_addresses_get_two_requests_each_at_once(tmp_path: Path) -> None:
    """Ten sites a crawl, four crawls side by side, each of them at all four addresses; the servers count."""
    with counting_servers(40, addresses=4) as servers:
        urls = [f"http://{server.server_address[0]}:{server.server_port}/" for server in servers]
        tables = [f"[sites.s{part}]\nurls = {urls[part::4][:5] + urls[part + 1 :: 4][5:]}\n" for part in range(3)]
        tables.append(f"[sites.s3]\nurls = {urls[3::4][:5] + urls[0::4][5:]}\n")
        options = "allow-private = true\ndelay = 0\nno-sitemaps = true\nno-feeds = true\n"
        file = tmp_path / "sites.toml"
        file.write_text(f"[fleet]\nparallel = 4\nper-address = 2\n[defaults]\n{options}" + "".join(tables))
        code, out, errors = run_fleet(file)
    assert code == 0, out + errors + logs(tmp_path)
    requests = CountedRequest.counts
    assert {address: requests.most[address] for address in requests.most} == {f"127.0.0.{n}": 2 for n in range(2, 6)}
    assert sum(requests.paths.values()) >= 40 * 4


class RequestCounts:
    """How many requests are under way at each address, the most that there were at once, and what was asked for."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.paths: Counter[str] = Counter()

    def begin(self, address: str, path: str) -> None:
        with self.lock:
            self.now[address] += 1
            self.paths[path] += 1
            self.most[address] = max(self.most[address], self.now[address])

    def end(self, address: str) -> None:
        with self.lock:
            self.now[address] -= 1


class CountedRequest(BaseHTTPRequestHandler):
    """Answers after a moment, and counts itself from its request to just before its answer's last bytes."""

    counts = RequestCounts()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = str(self.connection.getsockname()[0])
        self.counts.begin(address, self.path)
        links = ["/a", "/b"] if self.path == "/" else []
        is_page = self.path in ("/", "/a", "/b")
        body = page(self.path.strip("/") or "home", *links).encode() if is_page else b""
        time.sleep(0.1)
        self.send_response(200 if is_page else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.counts.end(address)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        return


class CountingServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def counting_servers(count: int, addresses: int) -> Iterator[list[CountingServer]]:
    """So many sites, on as many addresses from 127.0.0.2 on, which count the requests that are under way."""
    servers = [CountingServer((f"127.0.0.{2 + number % addresses}", 0), CountedRequest) for number in range(count)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield servers
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def kill_one(runner: subprocess.Popen[str], victim: str, sites: list[ScriptedSite], chance: random.Random) -> None:
    """Kill a crawl of a runner, or the runner, after some more requests; the runner ends either way."""
    goal = sum(len(site.paths()) for site in sites) + chance.randint(1, 12)
    _until(lambda: runner.poll() is not None or sum(len(site.paths()) for site in sites) >= goal)
    crawls = crawls_of(runner)
    if victim == "crawl" and crawls:
        os.kill(chance.choice(crawls), signal.SIGKILL)
        runner.send_signal(signal.SIGTERM)
    else:
        runner.kill()
    runner.communicate(timeout=PATIENCE)


def logs(folder: Path) -> str:
    """What the crawls of a fleet printed last, and their records, for a test that fails."""
    return "\n".join(f"{file.name}: {file.read_text()}" for file in sorted((folder / "archives/.fleet").glob("*.*")))


def assert_whole(folder: Path, sites: list[ScriptedSite]) -> None:
    """Each archive has each page of its site once, and no other site's."""
    for number, site in enumerate(sites):
        archive = folder / f"archives/s{number}.db"
        urls = Counter(url for (url,) in rows(archive, "SELECT url FROM articles"))
        assert urls == Counter(f"{site.url}/p{page_number}" for page_number in range(PAGES)), logs(folder)
        assert rows(archive, "PRAGMA integrity_check") == [("ok",)]


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def quick_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUICK.items():
        if name != "BROADSHEET_DELAY":
            monkeypatch.setenv(name, value)
    assert environment()["BROADSHEET_WORKERS"] == "1"
