"""Exporters, notifiers and fleet engines that other packages bring."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.cli import run
from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.commands.fleet import scheduler_engine
from broadsheet.crawler.fleet.run_notices import NoticeText, is_known_address, read_receivers, send_notice
from broadsheet.crawler.fleet.stored_run import StorePlace
from broadsheet.crawler.plugins import EXPORTERS, load_plugin

CODE = """
from pathlib import Path

def export_titles(db, stream, *, one_per_cluster):
    titles = [title for (title,) in db.execute("SELECT title FROM articles ORDER BY title")]
    stream.writelines(f"{title}\\n" for title in titles)
    return len(titles)

def fail(*arguments, **options):
    raise ValueError("no mill today")

def append(url, title, body):
    Path(url.removeprefix("mill://")).write_text(f"{title}: {body}")
    return True

class Engine:
    def __init__(self, address, place):
        self.address, self.place = address, place

nothing = 3
"""
ENTRY_POINTS = """[broadsheet.exporters]
titles = mill_plugins:export_titles
failing = mill_plugins:fail
broken = mill_plugins:no_such_name
number = mill_plugins:nothing
[broadsheet.notifiers]
mill = mill_plugins:append
weir = mill_plugins:fail
[broadsheet.fleet_engines]
mill = mill_plugins:Engine
"""


@pytest.fixture(autouse=True)
def _plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with plug-ins, as installed."""
    folder = tmp_path / "site"
    info = folder / "mill_plugins-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mill-plugins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "mill_plugins.py").write_text(CODE)
    monkeypatch.syspath_prepend(folder)
    yield
    sys.modules.pop("mill_plugins", None)


def test_an_exporter_of_another_package_writes_the_articles(db, tmp_path):
    assert "mill_plugins" not in sys.modules
    assert run(["export", str(db), "--format", "titles", "-o", str(tmp_path / "titles.txt")]) == 0
    assert (tmp_path / "titles.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("failing", 1, "the plug-in failing failed: ValueError: no mill today"),
        ("broken", 2, "the plug-in broken (mill_plugins:no_such_name) cannot be loaded"),
        ("number", 2, "the plug-in number (mill_plugins:nothing) is not a function or class"),
        ("unknown", 2, "'unknown' is not one of"),
    ],
)
def test_a_broken_plug_in_is_one_line(db, name, code, message, capsys):
    assert run(["export", str(db), "--format", name]) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_a_plug_in_that_nobody_brings_is_told():
    with pytest.raises(CommandError, match="no installed package brings weir"):
        load_plugin(EXPORTERS, "weir")


def test_a_notifier_takes_the_messages_for_addresses_of_its_scheme(tmp_path):
    receiver, failing = read_receivers([f"mill://{tmp_path}/notice", "weir://river"])
    notice = NoticeText("News", "one edit")
    assert is_known_address(receiver)
    assert [send_notice(receiver, notice), send_notice(failing, notice)] == [True, False]
    assert (tmp_path / "notice").read_text() == "News: one edit"


def test_a_fleet_engine_runs_where_its_address_says(tmp_path):
    place = StorePlace(str(tmp_path / "store"), "none", str(tmp_path))
    engine = scheduler_engine("mill://river", place)
    assert (type(engine).__name__, engine.address, engine.place) == ("Engine", "mill://river", place)  # type: ignore[attr-defined]
