"""Lists of URLs and OPML, from which `fleet init` makes a list of sites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.fleet.url_lists import listed_urls

OPML = """<?xml version="1.0"?><opml version="2.0"><head><title>Mine</title></head><body><outline text="News">
<outline type="rss" text="a" xmlUrl="https://feeds.a.example/all.xml" htmlUrl=" https://a.example/news/ "/>
<outline type="rss" text="b" xmlUrl="https://b.example/feed"/></outline></body></opml>"""


def test_init_takes_urls_from_lists_and_from_what_feed_readers_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("feeds.opml").write_text(OPML, "utf-8")
    Path("urls.txt").write_text("\ufeff# mine\n https://c.example/\n\nd.example\nhttps://a.example/news/\n", "utf-8")
    assert listed_urls(["feeds.opml", "urls.txt"]) == [
        "https://a.example/news/", "https://b.example/", "https://c.example/", "d.example",
    ]  # fmt: skip
    for count, first in ((4084, "https://b.example/"), (4085, "<!--xx")):
        Path("far.opml").write_text(
            f"<!--{'x' * count}--><OPML version='2.0'><outline xmlUrl='https://b.example/x'/></OPML>"
        )
        assert listed_urls(["far.opml"])[0].startswith(first), "in 4,096 bytes it is to be seen that it is OPML"
    assert run(["fleet", "init", "feeds.opml", "urls.txt", "https://e.example/", "-o", "-"]) == 0
    urls = ["https://a.example/news/", *(f"https://{name}.example/" for name in "bcde")]
    assert re.findall(r'urls = \["(.*)"\]', capsys.readouterr().out) == urls


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"<opml>", b"\xff\xfe\x00", b"<opml version='2.0'></opml>"])
def test_a_file_without_a_url_is_a_line(tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_bytes(data)
    assert run(["fleet", "init", str(tmp_path / "list"), "-o", "-"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert str(tmp_path / "list") in printed.err


def test_a_list_that_may_not_be_read_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(file: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    (tmp_path / "list").write_text("https://a.example/")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert run(["fleet", "init", str(tmp_path / "list"), "-o", "-"]) == 2
    assert capsys.readouterr() == ("", f"broadsheet: cannot read {tmp_path / 'list'}: Permission denied\n")
