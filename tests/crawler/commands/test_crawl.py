"""`broadsheet crawl`: what it prints, on which stream, and its exit codes."""

import json
import threading

import pytest

from broadsheet.crawler.crawl import processes
from broadsheet.output.archive.archive_lock import ArchiveLock, is_owned
from tests.crawler.scripted_site import Reply, page
from tests.crawler.shell import CONTACT, command, crawl, rows, verb_here

WRONG = [
    ([], "say where to start"),
    (["ftp://a.example/x"], "not an http or https URL: ftp://a.example/x"),
    (["mailto:me@a.example"], "not an http or https URL"),
    (["http://127.0.0.1/"], "--allow-private"),
    (["http://169.254.169.254/", "--allow-private"], "refused"),
    (["a.example", "--include", "("], "not a regular expression: ("),
    (["a.example", "--max-pages", "none"], "--max-pages"),
    (["a.example", "--max-pages", "-1"], "--max-pages"),
    (["a.example", "--max-size", "much"], "max_size must be a size"),
    (["a.example", "--max-time", "soon"], "'soon' is not a time"),
    (["a.example", "--delay", "nan"], "not a number of seconds"),
    (["a.example", "--since", "yesterday"], "since must be a date like"),
    (["a.example", "--language", "english!"], "not a language code"),
    (["a.example", "--header", "no colon"], "write 'Name: value'"),
    (["a.example", "--header", "X: a\r\nY: b"], "not a header"),
    (["a.example", "--header", "User-Agent: me"], "--user-agent"),
    (["a.example", "--cookies", "/nowhere/cookies.txt"], "/nowhere/cookies.txt"),
    (["--urls-file", "/nowhere/urls.txt"], "cannot read the file of URLs /nowhere/urls.txt"),
    (["a.example", "--colour"], "No such option"),
    (["http://a.example/\x1b[2J\u202e", "--max-depth", "\x07"], "--max-depth"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[f"wrong{n}" for n in range(len(WRONG))])
def test_nonsense_is_one_line_and_makes_no_file(tmp_path, monkeypatch, arguments, message):
    monkeypatch.setattr(processes, "start_fork_server", lambda: None)
    code, out, errors = verb_here("crawl", *arguments, "--db", tmp_path / "a.db")
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert errors.startswith("broadsheet: ")
    assert message in errors
    assert not set(errors) & set("\x1b\x07\u202e")
    assert not (tmp_path / "a.db").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [("none/a.db", "does not exist"), ("folder", "is a folder"), ("text.db", "is not a SQLite database")],
)
def test_an_archive_that_cannot_be_is_one_line(tmp_path, path, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no database, but a text of some length")
    code, out, errors = command("crawl", "https://a.example/", "--db", tmp_path / path)
    assert (code, out, errors.count("\n")) == (1, "", 1)
    assert message in errors


@pytest.mark.slow
def test_an_archive_in_use_is_waited_for(serve, db):
    site, lock = serve({"/": page("home")}), ArchiveLock(db)
    lock.acquire()
    code, out, errors = command("crawl", "https://a.example/", "--db", db, "--wait", "0.1")
    assert (code, out) == (75, "")
    assert errors.splitlines() == [
        f"Waiting for another crawl of {db} to finish …",
        f"broadsheet: {db} is in use by another command",
    ]
    threading.Timer(0.5, lock.release).start()
    code, _, errors = crawl(site, db, "--wait", "2m", "--quiet")
    assert code == 0, errors
    assert not is_owned(db)


def test_a_site_is_crawled_and_told(serve, tmp_path):
    routes = {f"/{name}": page(name) for name in ("one", "two")}
    site = serve({"/": page("home", "/one", "/two", "/away"), **routes})
    code, out, errors = crawl(site, tmp_path / "a.db")
    assert (code, errors) == (0, "")
    assert f"articles in {tmp_path / 'a.db'}" in out
    assert "Failed, or gone: 1 page (HTTP 404 Not Found)" in out
    assert f"broadsheet search {tmp_path / 'a.db'}" in out
    code, out, errors = crawl(site, tmp_path / "a.db")
    assert code == 0
    assert errors.startswith("Going on: ")
    assert "Nothing to do" in out


@pytest.mark.slow
def test_options_reach_the_requests_and_the_run(serve, tmp_path):
    site = serve({"/": page("home", "/one", "/no/two"), "/one": page("one"), "/no/two": page("two")})
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tpass\tword\n")
    code, _, errors = crawl(
        site, tmp_path / "a.db", "--exclude", "/no/", "--user-agent", "Reader/1", "--header", "X-Why: because",
        "--cookies", cookies, "--no-sitemaps", "--no-feeds", "--max-time", "2m", "--max-depth", 3,
    )  # fmt: skip
    assert (code, errors) == (0, "")
    assert set(site.paths()) == {"/robots.txt", "/", "/one"}
    headers = site.log[-1].headers
    assert headers["User-Agent"] == f"Reader/1 (+{CONTACT})"
    assert (headers["X-Why"], headers["Cookie"]) == ("because", "pass=word")
    assert "text/html" in headers["Accept"]
    ((options,),) = rows(tmp_path / "a.db", "SELECT options FROM runs")
    assert json.loads(options) | {"max_time": 120.0, "max_depth": 3, "exclude": ["/no/"]} == json.loads(options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply("gone", 410), "failed: HTTP 410 Gone"),
        (Reply(b"%PDF-1.7 ...", headers={"Content-Type": "application/pdf"}), "failed: a file such as a PDF"),
        (Reply("", 301, {"Location": "/missing"}), "failed: HTTP 404 Not Found"),
        (Reply("", 200, {"Content-Type": "text/html"}), "Nothing could be read: the only page is an empty page"),
    ],
    ids=["gone", "pdf", "moved", "empty"],
)
def test_a_start_that_fails_is_one_clear_line(serve, tmp_path, reply, message):
    code, out, errors = crawl(serve({"/": reply}), tmp_path / "a.db")
    assert code == 1
    assert message in errors
    assert errors.count("\n") == 1
    assert "Next:" not in out


def test_a_host_that_does_not_exist(tmp_path):
    code, _, errors = command("crawl", "http://nosuchhost.invalid/", "--db", tmp_path / "a.db")
    assert code == 1
    assert errors == "broadsheet: no such host, or no network: nosuchhost.invalid; no archive was made\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_one_of_two_starts_may_fail(serve, tmp_path):
    good, bad = serve({"/": page("home", "/one"), "/one": page("one")}), serve({})
    code, _, errors = crawl(good, tmp_path / "a.db", f"{bad.url}/")
    assert code == 0
    assert errors.startswith(f"broadsheet: The start URL {bad.url}/ failed: HTTP 404 Not Found (check the address")


@pytest.mark.slow
def test_a_crawl_of_what_was_taken_down_says_so(serve, tmp_path):
    site = serve({"/": page("home", "/one"), "/one": page("one")})
    crawl(site, tmp_path / "a.db")
    assert command("forget", tmp_path / "a.db", f"{site.url}/one", "--yes")[0] == 0
    code, _, errors = command("crawl", f"{site.url}/one", "--db", tmp_path / "a.db", "--allow-private", "--delay", 0)
    assert code == 1
    assert f"{site.url}/one failed: taken down with broadsheet forget" in errors


@pytest.mark.slow
def test_ten_pages_of_an_unknown_site_are_mostly_articles(serve, tmp_path):
    sections, stories = [f"/part{n}x" for n in range(20)], [f"/note{n}x" for n in range(20)]
    links = [f'<a href="{path}">{path[1:]}</a>' for path in sections]
    links += [f'<a href="{path}">The council of {path[1:]} counts its boats again</a>' for path in stories]
    site = serve({
        "/": "<body><nav>" + " ".join(links[:20]) + "</nav><ul><li>" + "<li>".join(links[20:]) + "</ul></body>",
        **{path: "<ul><li>" + "<li>".join(links[20:]) + "</ul>" for path in sections},
        **{path: page(path[1:]) for path in stories},
    })  # fmt: skip
    crawl(site, tmp_path / "a.db", "--max-pages", 10, "--no-sitemaps", "--no-feeds")
    assert rows(tmp_path / "a.db", "SELECT count(*) >= 7 FROM articles") == [(1,)]
