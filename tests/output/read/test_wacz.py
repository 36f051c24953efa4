"""The raw responses as a WACZ file: what is in it, and what the format's own tools make of it.

Its index looks URLs up by the keys of pywb, which are those of the Internet Archive's package `surt`.
"""

import gzip
import hashlib
import json
import os
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from broadsheet.crawler.demo.server import DemoServer
from broadsheet.output.raw.warc_reader import parse_record
from broadsheet.output.read.wacz import MissingWarcError, export_wacz, surt
from tests.browser import browser  # noqa: F401
from tests.crawler import raws
from tests.crawler.crawls import Crawl
from tests.crawler.shell import command
from tests.output.cleaned_pages import page_rows
from tests.output.conftest import Maker
from tests.output.read.replay_page import replay_server, viewer_address
from tests.output.wires import archive_with_warcs, fetched, warcs
from tests.tools import ToolsMissingError, programs

_KEYS_OF_PACKAGE = """import json, sys, surt
def key(url):
    try:
        return surt.surt(url)
    except ValueError:  # a port that is no number
        return None
print(json.dumps([key(url) for url in json.load(sys.stdin)]))"""
_ID = "0123456789ABCDEF0123456789abcdef"
_HOSTS = (
    "a.example", "www.a.example", "WWW3.A.example", "www.example", "a.example:80", "a.example:443", "a.example:8080",
    "me:secret@a.example", "xn--mnchen-3ya.example", "münchen.example", "127.0.0.1", "a.example.", "me@a.example:81",
    "[2001:db8::1]", "[2001:db8::1]:8080", "www-x.a.example", "a_b.example", "3232235777", "a.example:0",
)  # fmt: skip
_PIECES = (
    "a", "B", "/", "//", ".", "..", "/../", "/./", "%2F", "%2f", "%25", "%2525", "%7E", "%3A%2F%2F", "%C3%A4", "ä",
    "%e4", "%", "%zz", "?", "&", "=", "#", ";", "jsessionid=", _ID, "sid=", f"&sid={_ID}", f"?PHPSESSID={_ID}",
    "cfid=1&cftoken=2", "(S(0123456789abcdefghijklmn))", "/(0123456789abcdefghijklmn)/", "/x.aspx", "+", " ", "@", ":",
    "%00", "%0A", "%26", "%3D", "%3F", "%23", "~", "'", "(", ",", "*", "!", "$", "[", "|", "\\", "{", '"', "<", "漢",
    "%E6%BC%A2", "&amp;", "ASPSESSIONIDABCDEFGH=ABCDEFGHIJKLMNOPQRSTUVWX", "x=1&", "&&",
)  # fmt: skip


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://a.test/", "test,a)/"), ("https://www.A.test", "test,a)/"), ("https://www2.a.test/A/B/", "test,a)/a/b"),
        ("http://127.0.0.1:8080/x", "1,0,0,127:8080)/x"), ("https://a.test:443/?b=2&a=1", "test,a)/?a=1&b=2"),
        ("http://a.test:443/", "test,a:443)/"), ("http://a.test/p?Q=Z&a&a=", "test,a)/p?a&a=&q=z"),
        ("http://wwwide.a.test/%C3%84", "test,a,wwwide)/%c3%84"), ("http://a.test/%7Eme//a///b", "test,a)/~me/a/b"),
        ("http://a.test/to/https%3A%2F%2Fb.test%2F", "test,a)/to/https:/b.test"),
        ("http://a.test/?u=https%3A%2F%2Fb.test%2F%3Fx%26y", "test,a)/?u=https://b.test/?x&y"),
        (f"http://a.test/x?sid={_ID}&b=1", "test,a)/x?b=1"), ("https:///a.test/x", "test,a)/x"),
        ("http://a.test/(S(0123456789abcdefghijklmn))/x.aspx", "test,a)/x.aspx"),
        ("http://a.test:80/", "test,a)/"), ("https://a.test:80/", "test,a:80)/"), ("https://a.test:443", "test,a)/"),
        ("http://a.test:/", "test,a)/"), ("http://a.test:0/", "test,a)/"), ("http://u:p@a.test/", "test,a)/"),
        ("http://www2.a.test/", "test,a)/"), ("http://wwwa.test/", "test,wwwa)/"), ("http://..a..test./", "test,a)/"),
        ("http://2130706433/", "1,0,0,127)/"), ("http://4294967295/", "255,255,255,255)/"),
        ("http://4294967296/", "4294967296)/"), ("HTTP:///A.Test/B", "test,a)/b"),
        ("http://m\u00fcller.test/", "test,xn--mller-kva)/"),
        ("http://a.test/a/./b/../c//d/", "test,a)/a/c/d"), ("http://a.test/../a", "test,a)/../a"),
        ("http://a.test/%2541", "test,a)/a"), ("http://a.test/a b\u00e9", "test,a)/a%20b%c3%a9"),
        ("http://a.test/?", "test,a)/"), ("http://a.test/?b&a=2&a=1&A=0", "test,a)/?a=0&a=1&a=2&b"),
        (f"http://a.test/?x=1&jsessionid={'a' * 32}&y=2", "test,a)/?x=1&y=2"),
        (f"http://a.test/?x=1&jsessionid={'a' * 31}", f"test,a)/?jsessionid={'a' * 31}&x=1"),
        ("http://a.test/#x", "test,a)/"), ("ftp://a.test/", "ftp://a.test/"), ("http:/a.test/", "http:/a.test/"),
        (" http://a.t\nest/\t", "test,a)/"),
    ],
)  # fmt: skip
def test_a_key_leaves_out_what_tells_no_pages_apart(url, key):
    assert surt(url) == key


def odd_urls(number: int) -> Iterator[str]:
    """URLs put together from what makes trouble, always the same."""
    chance = random.Random(14)
    for _ in range(number):
        path = "".join(chance.choices(_PIECES, k=chance.randrange(9)))
        yield f"{chance.choice(('http', 'https'))}://{chance.choice(_HOSTS)}/{path}"


@pytest.mark.slow
def test_odd_urls_have_the_keys_that_the_package_gives_them(tools):
    """The package runs in an environment of its own, beside pywb, which depends on it."""
    urls = sorted(set(odd_urls(4000)))
    command = [tools / "python", "-I", "-c", _KEYS_OF_PACKAGE]
    process = subprocess.run(command, input=json.dumps(urls), capture_output=True, text=True, check=True)
    keys = json.loads(process.stdout)
    assert len(keys) == len(urls) > 3500
    assert keys.count(None) < len(keys) / 100
    compared = [(url, key, surt(url)) for url, key in zip(urls, keys, strict=True) if key is not None]
    assert [each for each in compared if each[1] != each[2]] == []


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as packed:
        assert all(name.compress_type == zipfile.ZIP_STORED for name in packed.infolist())
        return {name.filename: packed.read(name) for name in packed.infolist()}


def test_everything_is_in_it_and_listed_with_its_digest(file, tmp_path):
    target, make = tmp_path / "out.wacz", Maker()
    with archive_with_warcs(file, 20_000) as archive:
        for number in range(4):
            outcome = fetched(f"http://a.test/{number}", number, os.urandom(9000) if number else b"hello")
            archive.save([outcome])
        archive.save([fetched("http://a.test/again", 9)])
        page = fetched("http://a.test/page", 10, b"<p>A page</p>")
        rows = page_rows(make.cleaned("http://a.test/page", "some words of a page", title="A page"))
        archive.save([type(page)(page.url, "done", "article", 200, page.fetched_at, page.capture, rows)])
        assert export_wacz(archive.db, target).captures == 6
    found = members(target)
    package = json.loads(found["datapackage.json"])
    assert package["wacz_version"] == "1.1.1"
    assert json.loads(found["datapackage-digest.json"])["hash"] == digest_of(found["datapackage.json"])
    listed = {each["path"]: (each["hash"], each["bytes"]) for each in package["resources"]}
    rest = {name: data for name, data in found.items() if not name.startswith("datapackage")}
    assert listed == {name: (digest_of(data), len(data)) for name, data in rest.items()}
    assert {f"archive/{path.name}" for path in warcs(file)} <= set(rest)
    pages = [json.loads(line) for line in found["pages/pages.jsonl"].splitlines()]
    assert [(each["url"], each["title"]) for each in pages[1:]] == [("http://a.test/page", "A page")]
    assert_index(found)


def test_a_304_is_in_the_file_and_hides_no_page_from_those_who_look_its_url_up(file, tmp_path):
    target = tmp_path / "out.wacz"
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1", 1), fetched("http://a.test/1", 2, b"", 304)])
        assert export_wacz(archive.db, target).captures == 2
    [line] = gzip.decompress(members(target)["indexes/index.cdx.gz"]).decode().splitlines()
    assert json.loads(line.split(" ", 2)[2])["status"] == "200"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def assert_index(found: dict[str, bytes]) -> None:
    """Each line of the index leads to its record, and the index of the index to its lines."""
    lines = gzip.decompress(found["indexes/index.cdx.gz"]).decode().splitlines()
    assert lines == sorted(lines, key=str.encode)
    for line in lines:
        said = json.loads(line.split(" ", 2)[2])
        data = found[f"archive/{said['filename']}"]
        record = parse_record(data[int(said["offset"]) : int(said["offset"]) + int(said["length"])], line)
        assert record.url == said["url"]
        assert (record.kind == "revisit") is (said["mime"] == "warc/revisit")
    heads = found["indexes/index.idx"].decode().splitlines()
    assert heads[0].startswith("!meta 0 ")
    for head in heads[1:]:
        place = json.loads(head.split(" ", 2)[2])
        member = found["indexes/index.cdx.gz"][place["offset"] : place["offset"] + place["length"]]
        with gzip.open(BytesIO(member)) as stream:
            assert stream.readline().decode().split(" ")[:2] == head.split(" ")[:2]


def extra_fields(path: Path) -> dict[str, tuple[int, int]]:
    """By member: the bytes of extra fields in the directory, and in the member's own header."""
    fields = {}
    with zipfile.ZipFile(path) as packed, path.open("rb") as stream:
        for name in packed.infolist():
            stream.seek(name.header_offset + 28)
            fields[name.filename] = (len(name.extra), int.from_bytes(stream.read(2), "little"))
    return fields


@pytest.mark.parametrize("limit", [None, 5000])
def test_a_member_has_zip64_fields_only_where_the_directory_has_them_too(file, tmp_path, monkeypatch, limit):
    target = tmp_path / "out.wacz"
    with archive_with_warcs(file, 20_000) as archive:
        for number in range(4):
            archive.save([fetched(f"http://a.test/{number}", number, os.urandom(9000))])
        if limit:
            monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
        export_wacz(archive.db, target)
    fields = extra_fields(target)
    assert all(in_directory for in_directory, in_header in fields.values() if in_header)
    assert any(in_header for _, in_header in fields.values()) is bool(limit)
    assert_index(members(target))


def test_a_file_that_is_not_there_or_shorter_than_what_was_committed_is_named(file, tmp_path):
    with archive_with_warcs(file) as archive:
        archive.save([fetched("http://a.test/1")])
        with warcs(file)[0].open("r+b") as stream:
            stream.truncate(warcs(file)[0].stat().st_size - 3)
        with pytest.raises(MissingWarcError, match="is 3 bytes shorter than what was committed to it"):
            export_wacz(archive.db, tmp_path / "out.wacz")
        warcs(file)[0].unlink()
        with pytest.raises(MissingWarcError, match="No such file"):
            export_wacz(archive.db, tmp_path / "out.wacz")


@pytest.fixture(scope="module")
def tools():
    """The programs of py-wacz and pywb: their pins and weight are not for our own environment."""
    try:
        return programs("archive")
    except ToolsMissingError as error:
        pytest.skip(f"py-wacz and pywb cannot be installed here: {error}")


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """The sample site's address and its archive, crawled; the site is no longer there."""
    folder = tmp_path_factory.mktemp("sample")
    with DemoServer() as server:
        assert Crawl(folder)(f"{server.url}/").code == 0
        return server.url, folder / "archive.db"


@pytest.mark.slow
def test_py_wacz_finds_it_valid(tools, sample):
    target = sample[1].with_name("out.wacz")
    assert command("export", sample[1], "--format", "wacz", "-o", target)[0] == 0
    done = subprocess.run([tools / "wacz", "validate", "-f", target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is valid" in done.stdout
    assert_index(members(target))


@pytest.mark.slow
def test_pywb_replays_every_page_of_the_raw_files_and_of_the_wacz_file(tools, sample):
    url, db = sample
    target = db.with_name("unpacked.wacz")
    assert command("export", db, "--format", "wacz", "-o", target)[0] == 0
    for name, additions in (("raw", raws.files(db)), ("wacz", ("--unpack-wacz", target))):
        with pywb_server(tools, db.parent / name, *additions) as collection:
            assert b"<title" in replayed(f"{collection}/mp_/{url}/")
            columns = "final_url, payload_length"
            pages = raws.rows(
                db, f"SELECT {columns} FROM captures WHERE http_status = 200 AND content_type LIKE '%html%'"
            )
            assert len(pages) > 20
            for page, length in pages:
                assert len(replayed(f"{collection}/id_/{page}")) == length, page


@contextmanager
def pywb_server(tools: Path, folder: Path, *additions: object) -> Iterator[str]:
    """The address of a collection that pywb serves; `additions` are what its manager is to add."""
    folder.mkdir()
    for arguments in (["init", "kept"], ["add", "kept", *map(str, additions)]):
        subprocess.run([tools / "wb-manager", *arguments], cwd=folder, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = [tools / "wayback", "--port", str(port), "-b", "127.0.0.1"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(started, cwd=folder, stdout=quiet, stderr=quiet) as server:
        try:
            yield f"http://127.0.0.1:{port}/kept"
        finally:
            server.kill()


@pytest.mark.slow
def test_the_viewer_shows_the_articles_in_a_browser(
    sample,
    browser,  # noqa: F811
):
    target = sample[1].with_name("viewed.wacz")
    assert command("export", sample[1], "--format", "wacz", "-o", target)[0] == 0
    articles = raws.rows(sample[1], "SELECT url, text FROM articles WHERE language IN ('en', 'de', 'es') ORDER BY url")
    assert len(articles) > 3
    with replay_server(target) as server:
        for url, text in articles[:: len(articles) // 3]:
            page = browser.page()
            page.goto(viewer_address(server, str(url)))
            replay = page.frame_locator("replay-web-page iframe").frame_locator("wr-coll-replay iframe")
            replay.get_by_text(str(text).splitlines()[-1][:60]).first.wait_for(state="visible")
            page.close()
    assert browser.outside == []


def replayed(url: str) -> bytes:
    """What the replay answers, once it is up."""
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return bytes(answer.read())
        except ConnectionError:
            time.sleep(0.2)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.2)
    raise AssertionError("pywb does not answer")
