"""What each rule removed: on the articles, by host and run, with examples and alarms."""

from __future__ import annotations

import pytest

from broadsheet.output.read.run_yields import survey
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, visible_text


@pytest.fixture
def client(filled, make):
    with Archive.open(filled, make.clock) as archive:
        run_id = archive.runs.start("crawl", {}, {})
        archive.save([make.outcome(f"{SITE}/5", "Words of the fifth.", removed=("Share this story",))])
        survey(archive.db, run_id, "2026-01-01T00:10:00+00:00")
        archive.db.execute(
            "INSERT INTO alarms (run_id, at, host, part, what, message) VALUES (?, ?, ?, ?, ?, ?)",
            [run_id, "2026-01-01T00:10:00+00:00", "a.example", "*", "rule:x", "the rule <x> fired no more"],
        )
        archive.db.conn.commit()
        archive.runs.finish(run_id, "finished", "done", {})
    return RoomClient(filled)


def test_rules_are_counted_on_the_articles(client):
    view = client.json("a/rules.json")
    assert [(line["rule"], line["blocks"], line["pages"]) for line in view["rules"]] == [("share.icons", 4, 3)]
    assert (view["sampled"], view["of_articles"]) == (4, 4)
    assert client.json("a/rules.json?reason=donation")["rules"] == []
    page = visible_text(client.page("a/rules"))
    assert "the rule &lt;x&gt; fired no more" in page
    assert "1 of 1" in page


def test_rules_for_one_reason_say_so_and_lead_back_to_all(client):
    page = client.page("a/rules?reason=donation")
    text = visible_text(page)
    assert "No rule removed anything for this reason." in text
    assert "reason: donation" in text
    assert '<a class="chip" href="/a/rules">' in page
    assert "reason:" not in visible_text(client.page("a/rules"))


def test_the_front_page_leads_to_the_alarm(client):
    looks = client.json("a/index.json")["looks"]
    assert (looks[0]["kind"], looks[0]["path"]) == ("alarm", "rules")
