"""`broadsheet demo` from end to end."""

from __future__ import annotations

import io
import re
import socket
import sqlite3
from types import SimpleNamespace
from typing import Any, NoReturn
from urllib.request import urlopen

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands import demo
from broadsheet.crawler.crawl import processes
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.demo.truth import expected_stories
from tests.crawler.shell import command, verb_here


@pytest.mark.slow
def test_the_demo_shows_what_it_promises(tmp_path):
    folder = tmp_path / "kept here"
    folder.mkdir()
    with Archive.open(folder / "sample.db") as archive:  # an earlier sample, which makes way
        archive.runs.start("crawl http://127.0.0.1:9/", {}, {})
    code, out, errors = command("demo", "--keep", folder)
    assert (code, errors) == (0, "")
    assert f"{len(expected_stories())} articles in {folder}/sample.db (2 copies, 1 further page taken out); " in out
    for part in (
        "New: 27",
        "Failed, or gone: ",
        "HTTP 500",
        "Completeness: ",
        "Good to know",
        "Next:",
        "broadsheet search",
    ):
        assert part in out
    assert "broadsheet browse" in out.splitlines()[-1]
    assert f"'{folder}/sample.db'" in out
    connection = sqlite3.connect(folder / "sample.db")
    assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    connection.close()


def test_another_archive_of_that_name_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "start_fork_server", lambda: None)
    with Archive.open(tmp_path / "sample.db") as archive:
        archive.runs.start("crawl https://a.example/", {}, {})
    bytes_before = (tmp_path / "sample.db").read_bytes()
    code, out, errors = verb_here("demo", "--keep", tmp_path)
    assert (code, out) == (2, "")
    assert "name another folder with --keep" in errors
    assert (tmp_path / "sample.db").read_bytes() == bytes_before


class Interrupted:
    def wait(self) -> NoReturn:
        raise KeyboardInterrupt


def test_the_sample_is_served_and_a_story_corrected_at_each_line(monkeypatch, capsys):
    figures: list[str] = []

    def lines() -> Any:
        for _ in range(6):
            yield "\n"
            *_, last = capsys.readouterr().out.split()
            with urlopen(last) as answer:
                figures.extend(re.findall(r"four metres and (\w+) centimetres", answer.read().decode()))
                assert answer.headers["Last-Modified"]

    monkeypatch.setattr(demo.sys, "stdin", lines())
    monkeypatch.setattr(demo, "threading", SimpleNamespace(Event=Interrupted))
    assert run(["demo", "--serve"]) == 0
    assert figures == ["twenty", "thirty", "forty", "fifty", "ten", "twenty"]


def test_it_says_where_it_is_served_and_a_port_that_is_taken(monkeypatch, capsys):
    monkeypatch.setattr(demo.sys, "stdin", io.StringIO())
    monkeypatch.setattr(demo, "threading", SimpleNamespace(Event=Interrupted))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert run(["demo", "--serve", "--port", str(port)]) == 0
    assert capsys.readouterr().out == (
        f"The sample site: http://127.0.0.1:{port}/\nPress Enter to correct a story on it, Ctrl-C to end.\n"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["demo", "--serve", "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"broadsheet: cannot serve the sample site at port {port}: Address already in use\n"
    )


def test_the_sample_s_folder_is_made_with_those_above_it(tmp_path):
    for _ in range(2):
        assert demo._make_way(tmp_path / "a/b/sample.db").parent.is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match=f"^cannot make the folder {tmp_path}/file/b: Not a directory$"):
        demo._make_way(tmp_path / "file/b/sample.db")
