"""Mistakes are told before anything heavy is imported, and leave nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.crawl.early_checks import _is_known_host, _unusable_seed, check_files
from tests.crawler.crawls import REPOSITORY

HEAVY = ("scrapy", "twisted", "trafilatura", "lxml", "sqlite_utils", "rich", "numpy")
SCRIPT = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from broadsheet.crawler.cli import run; code = run(sys.argv[1:]);"
    f"print(*[name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
)
MISTAKES = [
    (["crawl"], 2, "say where to start"),
    (["crawl", "ftp://a.example/"], 2, "not an http or https URL"),
    (["crawl", "http://127.0.0.1/"], 2, "--allow-private opens it"),
    (["crawl", "https://nosuchhost.invalid/"], 1, "no such host, or no network: nosuchhost.invalid"),
    (["crawl", "https://a.example/", "--include", "("], 2, "not a regular expression"),
    (["crawl", "https://a.example/", "--since", "soon"], 2, "must be a date"),
    (["crawl", "https://a.example/", "--db", "none/a.db"], 1, "does not exist"),
    (["crawl", "--urls-file", "none.txt"], 2, "cannot read the file of URLs"),
    (["crawl", "https://a.example/", "--cookies", "none.txt"], 2, "none.txt"),
    (["update", "none.db"], 2, "is no archive yet"),
    (["import", "none.warc"], 2, "cannot read none.warc"),
    (["search", "none.db", "x"], 1, "does not exist"),
    (["explain", "none.db", "x"], 1, "does not exist"),
    (["report", "."], 1, "is a folder"),
    (["export", "none.db"], 1, "does not exist"),
    (["clean", "none.html"], 2, "cannot read none.html"),
    (["clean"], 2, "name a file"),
    (["rules", "check", "none.txt"], 2, "cannot read none.txt"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code", "message"), MISTAKES, ids=[" ".join(row[0]) for row in MISTAKES])
def test_a_mistake_is_told_early_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(REPOSITORY), *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert message in ended.stderr
    assert (ended.returncode, ended.stderr.count("\n")) == (code, 1)
    assert ended.stdout.split() == []
    assert list(tmp_path.iterdir()) == []


def test_files_that_can_be_read_pass(tmp_path: Path) -> None:
    (tmp_path / "a.warc").touch()
    check_files([str(tmp_path / "a.warc"), str(tmp_path)])
    with pytest.raises(CommandError, match="is a folder: name the files in it"):
        check_files([str(tmp_path)], folder_hint="name the files in it")


@pytest.mark.parametrize(
    ("answer", "is_known"),
    [
        ([("an address",)], True),
        ([], False),
        (socket.gaierror(socket.EAI_NONAME, "no name"), False),
        (socket.gaierror(socket.EAI_AGAIN, "not now"), True),
        (OSError(socket.EAI_AGAIN, "another list of numbers"), False),
        (UnicodeError("a label of 64 characters"), False),
    ],
)
def test_a_host_is_unknown_where_the_resolver_says_so(
    monkeypatch: pytest.MonkeyPatch, answer: object, is_known: bool
) -> None:
    def resolve(host: str, port: object, **kind: object) -> object:
        assert (host, port, kind) == ("a.test", None, {"type": socket.SOCK_STREAM})
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert _is_known_host("a.test") is is_known


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "http://me:secret@a.example/",
            "http://a.example/ was given with a user name, which no URL sends: use -",
        ),
        (
            "me:secret@a.example/x",
            "a.example/x was given with a user name, which no URL sends: use --header or",
        ),
        ("mailto:me@a.example", "not an http or https URL: mailto:me@a.example"),
        ("ftp://a.example/", "not an http or https URL: ftp://a.example/"),
    ],
)
def test_a_start_url_that_cannot_be_is_told_without_its_password(url: str, message: str) -> None:
    assert _unusable_seed(url).startswith(message)
