"""What a person gives to get in (headers, cookies, a user name in a URL) is sent, and stands in no file afterwards."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crawler import raws
from tests.crawler.crawls import Crawl, Serve
from tests.crawler.scripted_site import Reply, ScriptedSite, page, stories
from tests.crawler.shell import command, crawl, rows

BEARER, SUBSCRIBER, COOKIE = "b3arer-0f-the-crawl", "subscr1ber-number", "c00kie-of-the-member"
SECRETS = (BEARER, SUBSCRIBER, COOKIE)
HEADERS = ("--header", f"Authorization: Bearer {BEARER}", "--header", f"X-Reader: {SUBSCRIBER}")
FORMATS = ("jsonl", "csv", "wacz")


@pytest.fixture
def members_site(serve: Serve) -> ScriptedSite:
    """A site with a robots.txt that moved, a redirect, a retry and articles."""
    site = serve({"/": page("start", "/river", "/moved", "/mill", "/broken"), **stories("river", "mill")})
    site.routes["/robots.txt"] = Reply("", 302, {"Location": "/rules.txt"})
    site.routes["/rules.txt"] = Reply("User-agent: *\n", headers={"Content-Type": "text/plain"})
    site.routes["/moved"] = Reply("", 301, {"Location": "/mill"})
    site.routes["/broken"] = Reply("half", length=4000)
    return site


@pytest.fixture
def cookie_file(tmp_path: Path) -> Path:
    file = tmp_path / "given" / "cookies.txt"
    file.parent.mkdir()
    file.write_text(f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tmember\t{COOKIE}\n")
    return file


@pytest.fixture
def db(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept" / "a.db"


def unpacked(data: bytes) -> Iterator[bytes]:
    """Some bytes as they are, and unpacked as far as they are packed."""
    yield data
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    while data.startswith(b"\x1f\x8b"):
        member = zlib.decompressobj(31)
        yield member.decompress(data)
        data = member.unused_data


def all_bytes(folder: Path) -> dict[str, bytes]:
    """All that the files in a folder hold, by name; ZIP files by member."""
    contents = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name in [name for name in contents if name.endswith(".wacz")]:
        with zipfile.ZipFile(folder / name) as packed:
            contents |= {f"{name}/{member}": packed.read(member) for member in packed.namelist()}
    return {name: b"\n".join(unpacked(data)) for name, data in contents.items()}


def assert_without(folder: Path, *secrets: str) -> None:
    for name, data in all_bytes(folder).items():
        assert [secret for secret in secrets if secret.encode() in data] == [], name


@pytest.mark.slow
def test_what_gets_in_is_sent_and_stored_nowhere(members_site, cookie_file, db, monkeypatch):
    monkeypatch.setenv("BROADSHEET_RETRY_WAIT", "1.1")  # two answers of one second are one record
    words = ("crawl", f"{members_site.url}/", "--db", db, "--allow-private", "--delay", 0, *HEADERS, "-vv")
    own_process = {"cwd": db.parent}  # which reads the variable
    code, out, errors = command(*words, "--cookies", cookie_file, **own_process)
    assert code == 0, errors
    for request in members_site.log:
        sent = [request.headers[name] for name in ("Authorization", "X-Reader", "Cookie")]
        assert sent == [f"Bearer {BEARER}", SUBSCRIBER, f"member={COOKIE}"]
    requests = [record for record in raws.records(db) if record.kind == "request"]
    assert len(requests) == len(members_site.log)
    for request in requests:
        assert request.fields["broadsheet-redacted"] == "authorization, cookie, x-reader"
        lines = request.block.decode().split("\r\n")
        assert {"Authorization: [redacted]", "Cookie: [redacted]", "X-Reader: [redacted]"} <= set(lines)
        assert any(line.startswith("User-Agent: Broadsheet/") for line in lines), "the rest is as it was sent"
    raws.checked(db)
    assert command("verify", db)[::2] == (0, "")
    for name in FORMATS:
        assert command("export", db, "--format", name, "-o", db.parent / f"out.{name}")[0] == 0
    assert command("export", db, "--format", "markdown", "-o", db.parent / "out")[0] == 0
    assert len(all_bytes(db.parent)) > 12
    assert_without(db.parent, *SECRETS)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (db, Path(f"{db}.warc"))}
    assert modes == {db.name: 0o600, f"{db.name}.warc": 0o700}
    assert [secret for secret in SECRETS if secret in out + errors] == []
    assert rows(db, "SELECT count(*) FROM articles WHERE text LIKE 'River paragraph%'") == [(1,)]


@pytest.mark.slow
def test_headers_go_to_the_hosts_of_the_start_urls_alone(serve, db):
    """They once went to whatever host a site named: where its sitemaps are, where its robots.txt or page moved to."""
    other = serve({"/": page("other", "/mill"), **stories("mill"), "/map.xml": "<urlset></urlset>"})
    site = serve({"/": page("start", "/river"), **stories("river"), "/moved": Reply("", 301, {"Location": other.url})})
    site.routes["/robots.txt"] = Reply(f"User-agent: *\nSitemap: {other.url}/map.xml")
    options = ("--port", other.port, f"{site.url}/moved", *HEADERS)
    code, _, errors = crawl(site, db, *options)
    assert code == 0, errors
    assert {seen.headers["X-Reader"] for seen in site.log} == {SUBSCRIBER}
    assert {"/mill", "/map.xml"} <= {*other.paths()}
    assert {seen.headers["X-Reader"] for seen in other.log} == {None}
    assert errors.count(f"are not sent to 127.0.0.1:{other.port}") == 1
    assert_without(db.parent, *SECRETS)
    other.log.clear()
    assert crawl(site, db.with_name("b.db"), *options, "--header-host", f"127.0.0.1:{other.port}")[0] == 0
    assert {seen.headers["X-Reader"] for seen in other.log} == {SUBSCRIBER}


@pytest.mark.slow
def test_headers_of_the_environment_are_no_way_around(members_site, db, monkeypatch):
    monkeypatch.setenv("BROADSHEET_HEADERS", f"Authorization: Bearer {BEARER}\nX-Reader: {SUBSCRIBER}")
    arguments = ("crawl", f"{members_site.url}/", "--db", db, "--allow-private", "--delay", 0, "-vv")
    code, out, errors = command(*arguments, cwd=db.parent)  # a process of its own, which reads the environment
    assert code == 0
    assert {seen.headers["X-Reader"] for seen in members_site.log} == {SUBSCRIBER}
    assert_without(db.parent, *SECRETS)
    assert [secret for secret in SECRETS if secret in out + errors] == []
    monkeypatch.setenv("BROADSHEET_HEADERS", BEARER)
    code, out, errors = command(*arguments[:-1], cwd=db.parent)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert BEARER not in errors


@pytest.mark.slow
def test_without_them_requests_are_as_they_were_sent_and_only_a_wacz_may_keep_any(members_site, db):
    assert crawl(members_site, db)[0] == 0
    requests = [record for record in raws.records(db) if record.kind == "request"]
    assert requests
    assert all(b"[redacted]" not in request.block for request in requests)
    assert all("broadsheet-redacted" not in request.fields for request in requests)
    code, out, errors = command("export", db, "--format", "csv", "--keep-credentials")
    assert (code, out, errors.count("\n")) == (2, "", 1)


@pytest.mark.slow
def test_settings_of_scrapy_are_no_way_around(members_site, db, tmp_path):
    log = db.parent / "crawl.log"
    headers = f'{{"X-Reader": "{SUBSCRIBER}", "Authorization": "Bearer {BEARER}"}}'
    crawling = Crawl(db.parent)
    result = crawling(f"{members_site.url}/", DEFAULT_REQUEST_HEADERS=headers, LOG_LEVEL="DEBUG", LOG_FILE=log)
    assert result.code == 0
    assert members_site.log[-1].headers["X-Reader"] == SUBSCRIBER
    assert log.stat().st_size > 1000
    assert_without(db.parent, *SECRETS)


@pytest.mark.slow
@pytest.mark.parametrize(
    "url", ["http://reader:pa55word@127.0.0.1/", "http://reader:pa55word/1@127.0.0.1/", "reader:pa55word@127.0.0.1/x"]
)
def test_a_user_name_in_a_url_is_refused_and_not_shown(tmp_path, db, url):
    (tmp_path / "urls.txt").write_text(url)
    for arguments in ([url], ["--urls-file", tmp_path / "urls.txt"]):
        code, out, errors = command("crawl", *arguments, "--db", db, "--allow-private")
        assert (code, out, errors.count("\n")) == (2, "", 1)
        assert "--header" in errors
        assert "127.0.0.1" in errors
        assert "pa55word" not in errors
    log = db.parent / "crawl.log"
    assert Crawl(db.parent)(url, LOG_LEVEL="DEBUG", LOG_FILE=log).code != 0 or "ERROR" in log.read_text()
    assert_without(db.parent, "pa55word")


@pytest.mark.parametrize("header", [f"Authorization Bearer {BEARER}", f"Cookie: a={BEARER}", BEARER])
def test_a_header_that_is_refused_is_not_shown(members_site, db, header):
    code, out, errors = crawl(members_site, db, "--header", header)
    assert (code, errors.count("\n")) == (2, 1)
    assert BEARER not in out + errors


@pytest.mark.slow
def test_an_option_keeps_them_of_which_verify_warns_and_a_wacz_is_without(members_site, cookie_file, db, monkeypatch):
    monkeypatch.setenv("BROADSHEET_RETRY_WAIT", "1.1")  # two answers of one second are one record
    words = ("crawl", f"{members_site.url}/", "--db", db, "--allow-private", "--delay", 0, *HEADERS)
    assert command(*words, "--cookies", cookie_file, "--keep-credentials", cwd=db.parent)[0] == 0
    requests = [record for record in raws.records(db) if record.kind == "request"]
    assert all(secret.encode() in request.block for secret in SECRETS for request in requests)
    assert not any("broadsheet-redacted" in request.fields for request in requests)
    code, out, errors = command("verify", db)
    assert (code, out) == (0, "in order: 2 articles\n")
    request_count = len(members_site.log)
    assert f"(authorization in {request_count}, cookie in {request_count})" in errors
    assert errors.count("\n") == 1
    wacz, whole_wacz = db.parent / "exports" / "out.wacz", db.parent / "exports" / "whole.wacz"
    wacz.parent.mkdir()
    assert command("export", db, "--format", "wacz", "-o", wacz)[0] == 0
    assert_without(wacz.parent, BEARER, COOKIE)
    assert command("export", db, "--format", "wacz", "-o", whole_wacz, "--keep-credentials")[0] == 0
    assert any(BEARER.encode() in data for data in all_bytes(wacz.parent).values())


def test_a_broken_file_of_cookies_is_a_line_without_its_values(members_site, tmp_path):
    broken = tmp_path / "cookies.txt"
    broken.write_text(f"# Netscape HTTP Cookie File\n127.0.0.1 {COOKIE}\n")
    code, out, errors = crawl(members_site, tmp_path / "a.db", "--cookies", broken)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert "cookies.txt" in errors
    assert COOKIE not in errors
    assert not (tmp_path / "a.db").exists()


@pytest.mark.slow
def test_a_token_in_a_start_url_is_said_to_be_stored_once_and_only_where_there_is_one(serve, db):
    site = serve({"/?page=2": page("start", "/river"), "/?api_key=k1": page("start"), **stories("river")})
    notes = []
    for query in ("?page=2", "?api_key=k1"):
        _, _, errors = command("crawl", f"{site.url}/{query}", "--db", db, "--allow-private", "--delay", 0)
        notes += [line for line in errors.splitlines() if "looks like a credential" in line]
    assert [note.partition(" looks")[0] for note in notes] == ["Note: api_key in a start URL"]
