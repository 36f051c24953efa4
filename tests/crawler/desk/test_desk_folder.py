"""The folder of a desk: the fleet's list, written by form and by hand, what is due, and nothing outside."""

from __future__ import annotations

import json
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.desk.desk_folder import DeskFolder, checked_every, make_jobs
from broadsheet.crawler.desk.jobs import JobFolder, end_job
from broadsheet.crawler.fleet.fleet_folder import RecordFolder
from broadsheet.output.browse.library import Library
from tests.crawler.desk.conftest import desk_folder
from tests.crawler.scripted_site import page
from tests.crawler.shell import command

LIST = """# by hand
[fleet]
folder = "."

[sites.quay]  # the first
urls = ["https://192.0.2.1.example/"]
max-pages = 5
every = "2d"  # its line goes

[sites.mill]
urls = ["https://mill.example/"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> DeskFolder:
    (tmp_path / "sites.toml").write_text(LIST)
    return desk_folder(tmp_path)


@pytest.fixture
def jobs(folder: DeskFolder) -> JobFolder:
    made = make_jobs(folder, {})
    made.parallel = 0
    return made


@pytest.mark.slow
def test_a_new_site_stands_in_a_list_that_fleet_run_reads(tmp_path):
    folder = desk_folder(tmp_path, allow_private=True)
    names = [folder.add_site("http://127.0.0.1:8000/a b/", "6h", "me@example.org").name]
    names.append(folder.add_site("127.0.0.1:9000", "1d").name)
    names.append(folder.add_site("http://127.0.0.1:8000/a b/", "1d", "you@example.org").name)
    assert names == ["127.0.0.1-a-20b", "127.0.0.1", "127.0.0.1-a-20b-2"]
    document = tomllib.loads((tmp_path / "sites.toml").read_text())
    assert (document["fleet"]["folder"], document["defaults"]["contact"]) == (".", "me@example.org")
    assert document["sites"]["127.0.0.1"] == {
        "urls": ["https://127.0.0.1:9000/"], "every": "1d", "allow-private": True,
    }  # fmt: skip
    code, said, errors = command("fleet", "run", tmp_path / "sites.toml", "--dry-run")
    assert (code, said.count("crawl  due now"), errors) == (0, 3, "3 due\n")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1/", "refused: 127.0.0.1 has a loopback address"),
        ("http://[::ffff:10.0.0.1]/", "private address"),
        ("http://169.254.169.254/latest/meta-data", "is a metadata address"),
        ("http://2130706433/", "loopback address"),
        ("file:///etc/passwd", "not an http or https URL"),
        ("--db=/tmp/x", "not an http or https URL"),
        ("https://user:secret@site.example/", "was given with a user name"),
        ("https://no-such-host.invalid/", "no such host, or no network"),
    ],
)
def test_an_address_that_the_guard_refuses_is_neither_tried_nor_added(tmp_path, url, message):
    folder = desk_folder(tmp_path)
    for attempt in (lambda: folder.trial_order(url, "x"), lambda: folder.add_site(url, "1d")):
        with pytest.raises(CommandError, match=message.replace("[", r"\[")) as caught:
            attempt()
        assert "secret" not in str(caught.value)
    assert not (tmp_path / "sites.toml").exists()
    metadata = "http://169.254.169.254/"
    with pytest.raises(CommandError, match="metadata"):
        replace(folder, allow_private=True).trial_order(metadata, "x")


def test_the_time_between_two_looks_changes_and_nothing_else(folder):
    folder.set_every("quay", "6h")
    folder.set_every("mill", "7d")
    text = folder.list_file.read_text()
    assert text == LIST.replace('every = "2d"  # its line goes', 'every = "6h"').replace(
        "[sites.mill]\n", '[sites.mill]\nevery = "7d"\n'
    )
    assert [site.every for site in folder.fleet().sites] == [21600.0, 604800.0]


def test_a_list_that_is_written_otherwise_is_left_alone(folder):
    text = '[sites]\nquay = {urls = ["https://quay.example/"], every = "1d"}\n'
    folder.list_file.write_text(text)
    with pytest.raises(CommandError, match=r"sites\.toml"):
        folder.set_every("quay", "6h")
    assert folder.list_file.read_text() == text
    assert [path.name for path in folder.root.iterdir()] == ["sites.toml"]


@pytest.mark.parametrize("text", ["", "1", "5s", "0m", "1d; rm", "-1d", "99999d", "1 d", '1d"\nx = "'])
def test_a_time_of_a_form_is_a_number_with_a_unit(text):
    with pytest.raises(CommandError, match="time between two looks"):
        checked_every(text)


def test_nothing_that_leads_out_of_the_folder_is_touched(folder, tmp_path, tmp_path_factory, db):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.db").write_bytes(db.read_bytes())
    (tmp_path / "linked.db").symlink_to(outside / "secret.db")
    (tmp_path / "mill.db").write_bytes(db.read_bytes())
    (tmp_path / "mill.db.warc").symlink_to(outside)
    library = Library({})
    folder.refresh(library)
    assert list(library.archives) == ["made", "mill"]
    for name in ("linked", "mill", "../outside/secret"):
        with pytest.raises(CommandError, match="leads out of"):
            folder.verb_order("x", name, "verify")
    (tmp_path / "sites.toml").write_text(LIST.replace('folder = "."', f'folder = "{outside}"'))
    with pytest.raises(CommandError, match="leads out of"):
        folder.fleet()
    (tmp_path / "sites.toml").unlink()
    (outside / "sites.toml").write_text(LIST)
    (tmp_path / "sites.toml").symlink_to(outside / "sites.toml")
    with pytest.raises(CommandError, match="leads out of"):
        folder.fleet()
    (tmp_path / "sites.toml").unlink()
    (tmp_path / ".desk").symlink_to(outside)
    with pytest.raises(CommandError, match="leads out of"):
        make_jobs(folder, {})


def test_archives_come_and_go_while_the_desk_is_open(folder, tmp_path, db):
    library = Library({})
    folder.refresh(library)
    assert list(library.archives) == ["made"]
    (tmp_path / "torn.db").write_text("no archive")
    (tmp_path / "odd name;.db").write_bytes(db.read_bytes())
    db.rename(tmp_path / "moved.db")
    folder.refresh(library)
    assert list(library.archives) == ["moved"]


def test_a_list_that_allows_private_addresses_does_so_on_a_desk_that_does(folder):
    text = LIST.replace("max-pages = 5", "allow-private = true")
    folder.list_file.write_text(text)
    site = folder.site("quay")
    assert site is not None
    with pytest.raises(CommandError, match="has to be started so too"):
        folder.site_order(site)
    assert "--allow-private" in replace(folder, allow_private=True).site_order(site).words


def test_the_schedule_orders_what_is_due_once_and_nothing_that_a_person_stopped(folder, jobs, monkeypatch):
    def ordered() -> list[str]:
        """The sites of the jobs that a look at the schedule adds."""
        before = {job.id for job in jobs.jobs()}
        folder.order_due(jobs)
        return sorted(job.order.archive for job in jobs.jobs() if job.id not in before)

    def end(name: str, code: int) -> None:
        job = next(job for job in jobs.jobs() if job.order.archive == name)
        end_job(jobs.archives, job, code)

    assert not folder.keeps_schedule
    folder.keep_schedule(True)
    assert folder.keeps_schedule
    assert [ordered(), ordered()] == [["mill", "quay"], []]
    [quay] = [job for job in jobs.jobs() if job.order.archive == "quay"]
    assert quay.order.words[:3] == ("crawl", "--db", str(folder.root / "quay.db"))
    assert quay.order.words[-2:] == ("--", "https://192.0.2.1.example/")
    end("quay", 0)
    end("mill", 143)  # the machine was shut down
    assert ordered() == []  # both ended just now
    monkeypatch.setattr("broadsheet.crawler.desk.desk_folder._AGAIN_SECONDS", 0.0)
    assert ordered() == ["mill"]
    end("mill", 130)  # a person pressed Stop
    record = RecordFolder(folder.root).read("quay")
    assert record is not None
    RecordFolder(folder.root).write(replace(record, turn_at="2026-01-01T00:00:00Z"))
    assert [ordered(), ordered()] == [["quay"], []]


@pytest.mark.slow
def test_a_fleet_and_a_desk_take_turns_on_a_folder(tmp_path, site):
    site.routes |= {"/": page("first", "/a"), "/a": page("quay")}
    (tmp_path / "sites.toml").write_text(
        f'[defaults]\nallow-private = true\ndelay = 0\n[sites.quay]\nurls = ["{site.url}/"]\n'
    )
    assert command("fleet", "run", tmp_path / "sites.toml", "--quiet")[0] == 0
    folder = desk_folder(tmp_path, allow_private=True)
    jobs, library = make_jobs(folder, {}), Library({})
    folder.refresh(library)
    assert library.archives["quay"].path == tmp_path / "archives" / "quay.db"
    [quay] = folder.fleet().sites
    assert folder.due_at(quay) is not None
    job = jobs.add(folder.site_order(quay))
    assert job.order.words[:2] == ("update", str(tmp_path / "archives" / "quay.db"))
    while not (now := jobs.job(job.id)).state.is_over:
        time.sleep(0.1)
    assert str(now.state) == "done"
    code, said, _ = command("fleet", "status", tmp_path / "sites.toml", "--json")
    [status] = json.loads(said)["sites"]
    assert (code, status["end"], status["turn_at"]) == (0, "done", job.order.task.turn_at)
    assert command("fleet", "run", tmp_path / "sites.toml")[2].startswith("Nothing is due")
