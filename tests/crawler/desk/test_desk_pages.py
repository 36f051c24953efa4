"""The pages and forms of a desk: what each orders, what none can order, and who gets in."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from unittest import mock

import pytest
from starlette.requests import Request

from broadsheet.crawler.desk.desk_pages import ACTIONS, EXPORTS, remedies
from broadsheet.crawler.desk.jobs import FOLDER, JobState, Order, end_job
from broadsheet.crawler.fleet.site_processes import page_count
from broadsheet.output.archive.archive_errors import InUse
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import DiscoveredUrl, Outcome
from tests.crawler.desk.conftest import ORIGIN, DeskClient, said
from tests.crawler.warm import PATIENCE

HOSTILE_TITLE = "<script>alert(1)</script>"
MADE = "/~/archives/made"


@pytest.fixture
def desk(db: Path, open_desk) -> DeskClient:
    """A desk over a folder with the archive `made`, which is in no list."""
    return open_desk(db.parent, allow_private=True)


def trial(desk: DeskClient, url: str = "http://127.0.0.1:9/") -> str:
    """The id of a trial crawl that has ended without a page."""
    job = desk.order("/~/preview", url=url)
    assert job.order.is_trial
    end_job(desk.desk.jobs.archives, job, 1)
    return job.id


def test_a_site_is_tried_added_and_crawled(desk):
    job = desk.order("/~/preview", url="127.0.0.1:9")
    assert job.order.words[3:] == (
        "--max-pages=10", "--max-time=5m", "--no-warc", "--allow-private", "--", "https://127.0.0.1:9/",
    )  # fmt: skip
    assert desk.refused("/~/sites", job=job.id, every="1d") == "a site is added after a look at it"
    end_job(desk.desk.jobs.archives, job, 1)
    assert "Add and crawl" in desk.page(f"/~/jobs/{job.id}")
    assert "contact" in desk.refused("/~/sites", job=job.id, every="1d", contact="nobody\r\nX-A: b")
    crawl = desk.order("/~/sites", job=job.id, every="1d")
    assert (crawl.order.verb, crawl.order.archive, crawl.order.words[-1]) == (
        "crawl", "127.0.0.1", "https://127.0.0.1:9/",
    )  # fmt: skip
    assert desk.http.get(f"/~/jobs/{job.id}").status_code == 404
    assert "127.0.0.1:9" in desk.page("/")
    assert "every day" in desk.page("/~/archives/127.0.0.1")
    assert desk.post("/~/archives/127.0.0.1/every", every="7d").status_code == 303
    assert desk.folder.fleet().sites[0].every == 7 * 86400


@pytest.mark.parametrize("action", ACTIONS)
def test_each_button_orders_its_verb_on_the_archive_and_is_on_its_page(desk, db, action):
    assert f'value="{action}"' in desk.page(MADE)
    words = desk.order(f"{MADE}/orders", action=action).order.words
    assert words[0] == ACTIONS[action].words[0]
    assert str(db) in words
    assert set(ACTIONS[action].words[1:]) <= set(words)


@pytest.mark.parametrize("shape", EXPORTS)
def test_an_export_lies_beside_the_archive_and_a_file_can_be_downloaded(desk, db, shape):
    job = desk.order(f"{MADE}/orders", action="export", format=shape)
    target = db.parent / job.order.result
    assert f"--output={target}" in job.order.words
    assert desk.http.get(f"/~/files/{job.id}").status_code == 404
    target.write_text("made")
    end_job(db.parent, job, 0)
    answer = desk.http.get(f"/~/files/{job.id}")
    assert (answer.text, answer.headers["content-type"]) == ("made", "application/octet-stream")
    assert "attachment" in answer.headers["content-disposition"]
    target.unlink()
    target.symlink_to("/etc/hostname")
    assert desk.http.get(f"/~/files/{job.id}").status_code == 400


def test_what_the_report_advises_is_a_button(desk, db):
    with Archive.open(db) as archive:
        found = DiscoveredUrl("https://a.example/queued", "a.example")
        archive.save([Outcome("https://a.example/", "done", "list", 200, discovered_urls=(found,))])
    page = desk.page("/made/report")
    assert re.search(r'action="/~/archives/made/orders">.*?<button name="action" value="crawl">Go on', page)


@pytest.mark.parametrize(
    ("hint", "actions"),
    [
        ("broadsheet crawl --db 'a b; update --all.db' goes on", ["crawl"]),
        ("broadsheet update a.db looks", ["update"]),
        ("broadsheet update a.db asks again", ["update"]),
        ("broadsheet update a.db --pictures asks once more", ["pictures"]),
        ("broadsheet update a.db --all reads such pages with Chromium", ["all"]),
        ("broadsheet update a.db looks for new articles; with --all at these too", ["all", "update"]),
        ("run the crawl again after a while", ["crawl"]),
        ("broadsheet changes a.db lists edits", []),
        ("--cookies with those of a browser that is let in opens them", []),
    ],
)
def test_a_remedy_has_the_buttons_that_its_words_name(hint, actions):
    assert [action for action, _ in remedies(hint)] == actions


def test_a_takedown_asks_for_the_title_and_says_before_what_it_cannot_reach(desk, db):
    with desk.desk.room.archive("made").open() as archive_db:
        rows = archive_db.execute("SELECT id, title FROM articles ORDER BY url DESC").fetchall()
    (number, title), (_, hostile) = rows
    (db.parent / "backups").mkdir()
    (db.parent / "backups" / "copy.db").write_bytes(db.read_bytes())
    (db.parent / "made-export.csv").write_text("x")
    assert f"{MADE}/forget?article={number}" in desk.page(f"/made/article/{number}")
    page = desk.page(f"{MADE}/forget?article={number}")
    assert "backups/copy.db" in page
    assert "made-export.csv" in page
    for wrong in ("", title.upper(), hostile, "*"):
        message = desk.refused(f"{MADE}/forgotten", article=number, title=wrong)
        assert message == "that is not the article&#39;s title; nothing was taken down"
    job = desk.order(f"{MADE}/forgotten", article=number, title=f" {title} ", note="--certificate=x")
    assert job.order.words == ("forget", str(db), "--yes", "--note=--certificate=x", "--", str(number))
    assert title not in desk.desk.jobs.file(job.id, "json").read_text()


def test_ticked_archives_become_a_new_one(desk, db):
    (db.parent / "other.db").write_bytes(db.read_bytes())
    ticked = {"tick-made": 1, "tick-other": 1}
    for target, ticks in (("both", {"tick-made": 1}), ("../both", ticked), ("--quiet", ticked), ("", ticked)):
        assert "tick two archives" in desk.refused("/~/merge", target=target, **ticks)
    assert "already something" in desk.refused("/~/merge", target="made", **ticked)
    job = desk.order("/~/merge", target="both", **ticked)
    assert job.order.words == ("merge", *(str(db.parent / f"{name}.db") for name in ("both", "made", "other")))


WRONG_FORMS = [
    (f"{MADE}/orders", {"action": "crawl --db /tmp/x"}),
    (f"{MADE}/orders", {"action": "export", "format": "csv --help"}),
    (f"{MADE}/orders", {"action": "export", "format": "../../x"}),
    (f"{MADE}/every", {"every": "1d"}),
    ("/~/archives/..%2f..%2fetc/orders", {"action": "verify"}),
    ("/~/archives/none/orders", {"action": "verify"}),
    ("/~/jobs/..%2fdesk/stop", {}),
    ("/~/sites", {"job": "../x", "every": "1d"}),
    ("/~/preview", {"url": "javascript:alert(1)"}),
    ("/~/preview", {"url": ""}),
    (f"{MADE}/forgotten", {"article": "1 OR 1", "title": "x"}),
    (f"{MADE}/forgotten", {"article": "7", "title": "x"}),
]


def test_a_form_that_names_what_is_not_there_orders_nothing(desk):
    for path, fields in WRONG_FORMS:
        assert "Traceback" not in desk.refused(path, **fields), (path, fields)


FORMS = (
    "/~/preview", "/~/sites", "/~/schedule", "/~/merge", f"{MADE}/orders", f"{MADE}/every", f"{MADE}/forgotten",
    "/~/jobs/x/stop",
)  # fmt: skip


def test_a_form_of_another_origin_without_the_secret_or_under_another_name_is_refused(desk):
    for path in FORMS:
        fields = {"url": "http://127.0.0.1:9/", "action": "verify", "keep": "1", "every": "1d"}
        for headers in (
            {}, {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:9999"},
            {"origin": ORIGIN, "sec-fetch-site": "cross-site"}, {"origin": ORIGIN, "sec-fetch-site": "same-site"},
            {"origin": "http://evil.example:8383", "host": "evil.example:8383"},
        ):  # fmt: skip
            assert desk.post(path, headers, **fields).status_code in (403, 421), (path, headers)
        assert desk.http.post(path, data=fields, headers={"origin": ORIGIN}).status_code == 403
        assert desk.post(path, **{**fields, "token": "x"}).status_code == 403
        assert desk.http.get(path, params=fields).status_code in (404, 405)
        assert desk.desk.jobs.jobs() == []
        assert not desk.folder.keeps_schedule


@pytest.mark.parametrize("path", ["/", MADE, f"{MADE}/forget", "/~/static/desk.js"])
def test_a_page_of_the_desk_is_not_framed_nor_read_by_others(desk, path):
    answer = desk.http.get(path)
    policy = answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "script-src 'self';" in policy
    assert "form-action 'self'" in policy
    assert desk.http.get(path, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert desk.http.get(path, headers={"host": "evil.example:8383"}).status_code == 421


def test_what_a_verb_prints_and_a_site_is_called_is_text(desk):
    job = desk.desk.jobs.add(Order(HOSTILE_TITLE, "made", ("verify", "x")))
    desk.desk.jobs.file(job.id, "txt").write_text(f"{HOSTILE_TITLE} \u202eacting \x1b[2J\n")
    end_job(desk.desk.jobs.archives, job, 1)
    with desk.http.stream("GET", f"/~/jobs/{job.id}/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        live = answer.read().decode()
    for text in (desk.page("/"), desk.page(f"/~/jobs/{job.id}"), live):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text
        assert "\u202e" not in text
    assert live.endswith("event: over\ndata:\n\n")
    assert all(line.startswith(("data: ", "data:", "event: ")) for line in live.split("\n") if line)


def test_a_page_without_scripts_reloads_while_a_job_is_at_work(desk):
    job = desk.order(f"{MADE}/orders", action="verify")
    for path in ("/", f"/~/jobs/{job.id}"):
        assert '<noscript><meta http-equiv="refresh"' in desk.page(path)
    assert desk.post(f"/~/jobs/{job.id}/stop").status_code == 303
    stopped = desk.desk.jobs.job(job.id)
    assert (stopped.state, stopped.is_stopped_by_person) == (JobState.STOPPED, True)
    for path in ("/", f"/~/jobs/{job.id}"):
        assert "http-equiv" not in desk.page(path)


@pytest.mark.slow
def test_the_front_page_tells_live_the_pages_of_a_crawl_that_a_command_elsewhere_runs(desk, db):
    """A crawl that the desk has ordered is told with its job, and its pages."""

    async def told() -> list[str]:
        events = aiter((await desk.desk.send_work(Request({"type": "http"}))).body_iterator)
        texts = [await asyncio.wait_for(anext(events), PATIENCE)]
        with Archive.open(db):
            texts.append(await asyncio.wait_for(anext(events), PATIENCE))
        job = desk.order(f"{MADE}/orders", action="update")
        texts += [await asyncio.wait_for(anext(events), PATIENCE), f"/~/jobs/{job.id}"]
        return texts

    nothing, elsewhere, ordered, address = asyncio.run(told())
    pages = f"{page_count(db)} pages"
    assert ["crawled by a command elsewhere" in text for text in (nothing, elsewhere, ordered)] == [False, True, False]
    assert [pages in text for text in (nothing, elsewhere, ordered)] == [False, True, True]
    assert address in ordered
    assert pages in desk.page("/")


def test_prometheus_reads_the_figures_of_the_front_page(desk, db):
    desk.order(f"{MADE}/orders", action="update")
    job = desk.order(f"{MADE}/orders", action="verify")
    answer = desk.http.get("/~/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    with Archive.open(db) as archive:
        ((articles,),) = archive.db.execute("SELECT count(*) FROM articles").fetchall()
    samples = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert samples == [
        f'broadsheet_articles{{archive="made"}} {articles}',
        f'broadsheet_bytes{{archive="made"}} {db.stat().st_size}',
        f'broadsheet_running_pages{{archive="made"}} {page_count(db)}',
    ], job
    assert answer.text.count("# TYPE") == 3


def test_a_list_with_a_mistake_is_said_in_one_line(desk, db):
    (db.parent / "sites.toml").write_text("[sites.a]\nurls = 1\n")
    answer = desk.http.get("/")
    assert (answer.status_code, said(answer).endswith("urls must be a text or an array of texts")) == (400, True)


def test_one_desk_has_a_folder(desk, db, open_desk):
    with pytest.raises(InUse, match="another desk is open"):
        open_desk(db.parent)


def test_a_token_keeps_everybody_out_who_does_not_type_it(db, open_desk):
    desk = open_desk(db.parent, token="x" * 16)
    for path in ("/", MADE, "/made/", "/made/index.json", "/~/static/desk.js", "/search?q=x", "/made/articles.atom"):
        answer = desk.http.get(path)
        assert (answer.status_code, "made" in answer.text) == (401, False)
    assert desk.http.get("/static/style.css").status_code == 200
    assert desk.post(f"{MADE}/orders", action="verify").status_code == 401
    for wrong in ("", "x" * 15, "x" * 17):
        assert desk.post("/", desk_token=wrong).status_code == 401
    assert desk.post("/", {"origin": "http://evil.example"}, desk_token="x" * 16).status_code == 403
    answer = desk.post("/", desk_token="x" * 16)
    assert answer.status_code == 303
    assert {"HttpOnly", "SameSite=strict"} <= set(answer.headers["set-cookie"].split("; "))
    assert "x" * 16 not in answer.headers["set-cookie"]
    assert "made" in desk.page("/")
    desk.http.cookies.clear()
    desk.http.cookies.set("broadsheet_desk", "x" * 16)
    assert desk.http.get("/").status_code == 401
    for token, code in (("x" * 16, 200), ("x" * 15, 401), ("", 401)):
        assert desk.http.get("/~/metrics", headers={"authorization": f"Bearer {token}"}).status_code == code


def test_the_open_desk_keeps_the_schedule_and_outlives_a_mistake_in_the_list(desk, db, caplog):
    (db.parent / "sites.toml").write_text("[sites.a")
    from broadsheet.crawler.desk.desk_pages import keep_desk

    turns = mock.Mock(wait=mock.Mock(side_effect=[False, True]))
    desk.folder.root.joinpath(FOLDER, "desk.json").write_text('{"keeps_schedule": true}')
    keep_desk(desk.desk, turns)
    assert "the desk cannot start jobs" in caplog.text
    (db.parent / "sites.toml").write_text('[fleet]\nfolder = "."\n[sites.a]\nurls = ["https://a.example/"]\n')
    turns.wait.side_effect = [False, True]
    keep_desk(desk.desk, turns)
    [job] = desk.desk.jobs.jobs()
    assert job.order.archive == "a"
    assert desk.post("/~/schedule", keep="0").status_code == 303
    assert not desk.folder.keeps_schedule
