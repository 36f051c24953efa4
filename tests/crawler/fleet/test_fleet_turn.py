"""A turn of a fleet: which sites are due with which words, what a result makes of their records, and who is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from broadsheet.crawler.fleet import fleet_folder as disk
from broadsheet.crawler.fleet.fleet_folder import RecordFolder, disk_problem, file_system_of
from broadsheet.crawler.fleet.fleet_turn import (
    Shard,
    exit_code_of,
    is_worth_telling,
    notify,
    result_line,
    results_table,
    running_text,
    site_task,
    summary_line,
    tell,
    time_text,
    total_counts,
    worst_first,
)
from broadsheet.crawler.fleet.site_head import SiteAttempt, SiteHead, head_key
from broadsheet.crawler.fleet.site_records import (
    SiteRecord,
    digest_of,
    next_due,
    next_record,
    parse_record,
    read_states,
    record_values,
    result_since,
    stored_site_names,
)
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult, SiteTask
from broadsheet.crawler.fleet.sites_file import Site, SiteList

TURN = datetime(2026, 1, 1, 3, tzinfo=UTC)
TASK = SiteTask("news", Path("a/news.db"), ("u",), every=86400.0, words_digest="words", turn_at=TURN.isoformat())
DONE, FAILED, STOPPED, KILLED, IN_USE = (
    SiteEnd.DONE, SiteEnd.FAILED, SiteEnd.STOPPED, SiteEnd.KILLED, SiteEnd.IN_USE,
)  # fmt: skip


def ended(end: SiteEnd) -> SiteResult:
    return SiteResult("news", end, 0, Path("a/news.db"), SiteCounts(new=3), 12.5, "its words")


def record(end: SiteEnd, earlier: SiteRecord | None = None, **fields: object) -> SiteRecord:
    made = next_record(TASK, ended(end), earlier, "a host, process 1")
    return replace(made, **{"finished_at": "2026-01-01T04:00:00Z", **fields})  # type: ignore[arg-type]


def test_what_was_crawled_is_updated_and_a_lost_archive_is_crawled_from_the_start(tmp_path):
    """Addresses are told by the crawl, and commands by the runner."""
    archive, url = tmp_path / "news.db", "https://news.example/"
    words = ("json://hooks.example/x", f"mail -s broadsheet {url}", "/srv/editors.toml", "say")
    task = SiteTask("news", archive, (url, "--delay", "2"), ("--delay", "2"), is_update=True, notify=words)
    told = ("--wait", "2m", "--notify", words[0], "--notify", words[2])
    crawl = ("crawl", "--db", str(archive), *told, url, "--delay", "2")
    assert task.command(archive) == crawl
    for content, command in ((b"", crawl), (b"x", ("update", str(archive), *told, "--delay", "2"))):
        archive.write_bytes(content)
        assert task.command(archive) == command
    assert replace(task, is_update=False).command(archive) == crawl
    assert task.notify_commands == (words[1], "say")


@pytest.mark.parametrize(
    ("earlier", "minutes"),
    [
        pytest.param(None, None, id="new"),
        pytest.param(record(STOPPED), None, id="stopped"),
        pytest.param(record(DONE, words_digest="other"), None, id="other words"),
        pytest.param(record(DONE, turn_at="yesterday"), None, id="no time"),
        pytest.param(record(DONE), 23 * 60, id="done"),
        pytest.param(record(KILLED), None, id="killed"),
        pytest.param(record(KILLED, failures=2), None, id="killed twice"),
        pytest.param(record(KILLED, failures=3), 216, id="killed again and again"),
        *(pytest.param(record(FAILED, failures=failures), minutes, id=f"failed {failures} times")
          for failures, minutes in ((1, 54), (2, 108), (3, 216), (5, 15 * 60), (6, 23 * 60), (5000, 23 * 60))),
    ],
)  # fmt: skip
def test_a_site_is_due_at_once_or_after_a_while(earlier, minutes):
    """What failed is tried again sooner, and less and less often."""
    assert next_due(TASK, earlier) == (None if minutes is None else TURN + timedelta(minutes=minutes))


def test_a_record_says_when_its_site_is_due_and_counts_failures_in_a_row():
    made: SiteRecord | None = None
    seen = []
    for end in (FAILED, FAILED, KILLED, DONE, STOPPED):
        made = record(end, made)
        hours = made.due_at and (datetime.fromisoformat(made.due_at) - TURN) / timedelta(hours=1)
        seen.append((made.failures, hours, made.is_crawled))
    assert seen == [(1, 0.9, False), (2, 1.8, False), (3, 3.6, False), (0, 23, True), (0, "", False)]
    assert next_due(replace(TASK, every=60.0), record(FAILED)) == TURN + timedelta(seconds=54)
    assert next_record(replace(TASK, is_update=True), ended(KILLED), None).is_crawled, "it is an update again"
    turn = datetime.fromisoformat(next_record(replace(TASK, turn_at=""), ended(DONE), None).turn_at)
    assert (turn.utcoffset(), turn.microsecond) == (timedelta(0), 0)
    assert abs(datetime.now(UTC) - turn) < timedelta(minutes=10)


def test_a_task_has_its_result_where_its_word_was_lost_and_the_site_is_not_due_again():
    done, failed = record(DONE), record(FAILED)
    assert result_since(replace(TASK, after="earlier"), done) == done.result
    assert result_since(replace(TASK, after="earlier"), failed) == failed.result
    for turn_at, result in (("2026-01-02T01:59:59Z", done.result), ("2026-01-02T02:00:00Z", None)):
        assert result_since(replace(TASK, after="earlier", turn_at=turn_at), done) == result
    assert result_since(replace(TASK, after=done.finished_at), done) is None
    assert result_since(replace(TASK, words_digest="other"), done) is None
    assert (result_since(TASK, record(STOPPED)), result_since(TASK, None)) == (None, None)


def test_a_store_says_of_each_site_what_its_last_turn_came_to(store):
    attempt = SiteAttempt(store, "news")
    attempt.publish(turn=record_values(record(DONE)), pages=5)
    store.replace_record(head_key("bad"), b"{}", "")
    states = read_states(store, ["news", "none", "bad"])
    assert (states["news"].head, states["news"].record) == (attempt.head, record(DONE))
    assert [(states[name].record, states[name].head) for name in ("none", "bad")] == [(None, SiteHead())] * 2
    assert states["bad"].problem == "what the store says of bad makes no sense"
    assert stored_site_names(store) == ["bad", "news"]


def test_a_record_comes_back_as_it_was(tmp_path):
    records, failed = RecordFolder(tmp_path / "archives"), record(FAILED)
    assert records.read("news") is None
    records.write(failed)
    assert records.read("news") == failed
    (file,) = (tmp_path / "archives/.fleet").iterdir()
    assert (file.name, file.read_text()[:30]) == ("news.json", '{\n "result": {\n  "name": "news')
    assert records.log("news") == file.with_suffix(".log")
    values = json.loads(file.read_text())
    first = {name: values[name] for name in ("result", "turn_at", "finished_at", "words_digest", "is_crawled")}
    assert parse_record(first) == replace(failed, failures=0, due_at="", worker="")
    none = ["", "{", "[]", "3", "{}", "\xff", {"result": None, "turn_at": ""}, {**values, "more": 1},
            {**values, "result": {}}]  # fmt: skip
    for text in none:
        file.write_bytes((text if isinstance(text, str) else json.dumps(text)).encode("latin-1"))
        assert records.read("news") is None


def test_a_record_is_whole_on_the_disk_before_it_takes_the_place_of_the_last(tmp_path, monkeypatch):
    records, sizes = RecordFolder(tmp_path), list[int]()
    records.write(record(DONE, worker=""))
    file = tmp_path / ".fleet/news.json"
    size = file.stat().st_size
    monkeypatch.setattr(os, "fsync", lambda stream: sizes.extend((os.fstat(stream).st_size, file.stat().st_size)))
    records.write(record(DONE, worker="a host"))
    assert sizes[:2] == [size + len("a host"), size]


def test_no_words_are_kept():
    assert digest_of(["--header=X: secret"]) != digest_of(["--header=X:", "secret"])
    assert "secret" not in digest_of(["secret"])


MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
server:/export /mnt/nfs nfs4 rw,vers=4.2 0 0
10.0.0.1@tcp:/scratch /scratch lustre rw 0 0
/dev/sdb1 /mnt/nfs/local xfs rw 0 0
host:/x /mnt/with\040space nfs rw 0 0
tmpfs /mnt/over tmpfs rw 0 0
host:/y /mnt/over nfs rw 0 0
broken line
/dev/sdc1 /mnt/bare btrfs
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/archives", "ext4"), ("/mnt/nfs/archives", "nfs4"), ("/mnt/nfs", "nfs4"), ("/mnt/nfs2/archives", "ext4"),
        ("/mnt/nfs/local/a", "xfs"), ("/mnt/with space/a", "nfs"), ("/mnt/over/a", "nfs"), ("/mnt/bare/a", "btrfs"),
    ],
)  # fmt: skip
def test_the_innermost_and_last_mount_counts(path, kind):
    assert file_system_of(Path(path), MOUNTS) == kind


@pytest.mark.parametrize(("name", "kind"), [("scratch", "Lustre"), ("nfs", "NFS")])
def test_a_network_file_system_is_refused_with_its_name(tmp_path, monkeypatch, name, kind):
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(disk, "_MOUNTS", mounts)
    assert disk_problem(tmp_path / name) == "", "of a system without a list of mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nx {tmp_path}/scratch lustre rw 0 0\nx {tmp_path}/nfs nfs4 rw 0 0\n")
    assert f"network file system ({kind})" in disk_problem(tmp_path / name / "not" / "there" / "yet")
    assert disk_problem(tmp_path / "elsewhere") == ""
    (tmp_path / "link").symlink_to(tmp_path / name)
    assert kind in disk_problem(tmp_path / "link")


SITE = Site(
    "news", ("https://n.example/",), ("n.example",), (), 86400.0, ("tell",), ("--", "u"), ("--delay=2",), "words"
)
FLEET = SiteList(Path("sites.toml"), Path("archives"), 0, 4, (SITE,))


def test_a_finished_site_is_updated():
    now, done = TURN + timedelta(days=2, microseconds=7), record(DONE, finished_at="then")
    assert site_task(FLEET, SITE, done, now) == SiteTask(
        "news", Path("archives/news.db"), ("--", "u"), ("--delay=2",), True, "2026-01-02T02:00:00Z", ("tell",),
        ("n.example",), 86400.0, "words", "2026-01-03T03:00:00Z", "then",
    )  # fmt: skip
    for earlier in (replace(done, words_digest="other"), replace(done, is_crawled=False), None):
        again = site_task(FLEET, SITE, earlier, now)
        assert (again.is_update, again.after) == (False, "then" if earlier else "")
    assert again.due_at == ""


PINNED = ["site2", "site4", "site7", "site11"]
"""Worked out once: another version of the program must not move sites to other machines."""


def test_each_site_is_in_one_shard_and_stays_there():
    names = [f"site{number}" for number in range(1000)]
    shards = [[name for name in names if Shard(number, 20).holds(name)] for number in range(1, 21)]
    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert min(map(len, shards)) > 20
    assert [name for name in names[:12] if Shard(3, 5).holds(name)] == PINNED
    assert all(map(Shard().holds, names))


def test_a_command_gets_the_result_as_text_and_as_json(tmp_path, capfd):
    script = tmp_path / "tell.py"
    script.write_text(
        "import os, sys, pathlib\nprint('x')\nprint('y', file=sys.stderr)\n"
        f"pathlib.Path({str(tmp_path / 'told')!r}).write_text(sys.stdin.read() + os.environ['BROADSHEET_RESULT'])\n"
    )
    result = SiteResult("news", FAILED, 1, Path("news.db"), SiteCounts(alarms=2), message="no article")
    assert (notify([f"{sys.executable} -I -S {script}"], result), capfd.readouterr()) == ([], ("", ""))
    text, _, values = (tmp_path / "told").read_text().partition("{")
    assert text == "news: failed\nno article\nalarms: 2\narchive: news.db\n"
    assert json.loads("{" + values)["counts"]["alarms"] == 2


def test_a_command_has_a_minute_and_its_failure_is_told(monkeypatch):
    def hang(words: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(words, float(str(options["timeout"])))

    monkeypatch.setattr(subprocess, "run", hang)
    told = notify(["tell me"], SiteResult("news", FAILED, 1, Path("news.db")))
    assert told == ["news: notify failed: Command '['tell', 'me']' timed out after 60.0 seconds"]


@pytest.mark.parametrize("command", ["/no/such/program", "'unclosed", " ", "false"])
def test_a_command_that_fails_is_a_line(tmp_path, command):
    task = SiteTask("a", tmp_path / "a.db", ("u",), notify=(command,))
    assert [len(tell(task, SiteResult("a", end, 0, task.archive))) for end in (FAILED, STOPPED)] == [1, 0]


@pytest.mark.parametrize(
    ("end", "counts", "is_told"),
    [
        (DONE, SiteCounts(new=3, changed=2, failed=5), False), (DONE, SiteCounts(withdrawn=1), True),
        (DONE, SiteCounts(alarms=1), True), (FAILED, SiteCounts(), True), (KILLED, SiteCounts(), True),
        (STOPPED, SiteCounts(), False), (IN_USE, SiteCounts(), False),
    ],
)  # fmt: skip
def test_what_a_person_should_look_at(end, counts, is_told):
    assert is_worth_telling(SiteResult("a", end, 0, Path("a.db"), counts)) is is_told


def result(name: str, end: SiteEnd = DONE, message: str = "", **counts: int) -> SiteResult:
    return SiteResult(name, end, 0, Path(f"{name}.db"), SiteCounts(**counts), 61.0, message)


RESULTS = [
    result("calm", new=2),
    result("busy", new=1200, changed=3),
    result("gone", withdrawn=1),
    result("odd", alarms=1),
    result("dead", KILLED, "killed by signal 9\x1b[2J"),
    result("broken", FAILED, "no article found"),
]
ORDER = ("alarms", "withdrawn", "failed", "changed", "new")


def test_the_worst_comes_first_by_its_end_then_by_what_it_counted_then_by_its_name():
    assert [site.name for site in worst_first(RESULTS)] == ["dead", "broken", "odd", "gone", "busy", "calm"]
    for place, count in enumerate(ORDER):
        less, more = result("a", **dict.fromkeys(ORDER[place + 1 :], 9)), result("b", **{count: 1})
        assert worst_first([less, more]) == [more, less]
    assert worst_first([result("b"), result("a")]) == [result("a"), result("b")]
    assert [site.end for site in worst_first([result(end, end) for end in reversed(SiteEnd)])] == [
        KILLED, FAILED, SiteEnd.BAD_OPTIONS, SiteEnd.UNSUITABLE_DISK, IN_USE, SiteEnd.OVERTAKEN, STOPPED,
        SiteEnd.NOT_STARTED, DONE,
    ]  # fmt: skip


TABLE = [
    "site  ended     new  changed  withdrawn  alarms  failed  pages  time",
    "dead  killed      0        0          0       0       0      0    1m  killed by signal 9[2J",
    "all   done        2        3          4       5       6      7    1m",
    "busy  done    1,200        3          0       0       0      0    1m",
    "… and 1 more: broadsheet fleet status shows all",
]


def test_results_are_lines_without_control_characters():
    all_counts = result("all", new=2, changed=3, withdrawn=4, alarms=5, failed=6, pages=7)
    assert results_table([*RESULTS[:2], RESULTS[4], all_counts], 200, 3).splitlines() == TABLE
    assert len(results_table(RESULTS[:2], 200, 2).splitlines()) == 3
    assert summary_line(RESULTS) == (
        "6 sites: 4 done, 1 failed, 1 killed; 1,202 new, 3 changed, 1 withdrawn, 1 alarms, 0 failed"
    )
    assert total_counts([]) == SiteCounts()
    assert result_line(RESULTS[1]) == "busy: done; 1,200 new, 3 changed, 1m"
    assert result_line(result("loud", alarms=1, pages=1, failed=2)) == "loud: done; 2 failed, 1 alarm, 1 page, 1m"
    assert result_line(RESULTS[5]) == "broken: failed (no article found); 1m"
    assert [time_text(seconds) for seconds in (0.4, 59, 61, 3600, 11400)] == ["0s", "59s", "1m", "1h00m", "3h10m"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "none"), (1, "s0 0 pages"), (3, "s0 0 pages, s1 1 page, s2 2 pages"),
        (4, "s0 0 pages, s1 1 page, s2 2 pages and 1 more"), (6, "s0 0 pages, s1 1 page, s2 2 pages and 3 more"),
    ],
)  # fmt: skip
def test_three_sites_are_named_that_run_with_their_pages(count, text):
    tasks = [SiteTask(f"s{number}", Path("x.db"), ()) for number in range(count)]
    assert running_text(tasks, lambda task: int(task.name[1:])) == text


@pytest.mark.parametrize(
    ("ends", "code"),
    [([], 0), ([DONE], 0), ([DONE, IN_USE], 75), ([STOPPED], 75), ([IN_USE, FAILED], 1), ([KILLED], 1)],
)
def test_the_exit_code_says_whether_all_is_well(ends, code):
    assert exit_code_of(ends) == code
