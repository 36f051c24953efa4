"""Files of URLs, from which `fleet init` makes a list of sites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run


def test_init_takes_urls_from_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("urls.txt").write_text("\ufeff# mine\n https://c.example/\n\nd.example\nhttps://a.example/news/\n", "utf-8")
    assert run(["fleet", "init", "https://a.example/news/", "urls.txt", "https://e.example/", "-o", "-"]) == 0
    urls = ["https://a.example/news/", *(f"https://{name}.example/" for name in "cde")]
    assert re.findall(r'urls = \["(.*)"\]', capsys.readouterr().out) == urls


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"\xff\xfe\x00"])
def test_a_file_without_a_url_is_a_line(tmp_path: Path, data: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list").write_bytes(data)
    assert run(["fleet", "init", str(tmp_path / "list"), "-o", "-"]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)
    assert str(tmp_path / "list") in printed.err


def test_a_list_that_may_not_be_read_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(file: Path, *_: object) -> str:
        raise PermissionError(13, "Permission denied", str(file))

    (tmp_path / "list").write_text("https://a.example/")
    monkeypatch.setattr(Path, "read_text", refuse)
    assert run(["fleet", "init", str(tmp_path / "list"), "-o", "-"]) == 2
    assert capsys.readouterr() == (
        "",
        f"broadsheet: cannot read the file of URLs {tmp_path / 'list'}: Permission denied\n",
    )
