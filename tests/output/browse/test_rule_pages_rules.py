"""What each rule removed: on the articles, by host and run, with examples and alarms."""

from __future__ import annotations

import pytest

from broadsheet.output.browse.rule_pages import read_layouts, read_rule, read_rules
from broadsheet.output.browse.strict_requests import Arguments
from broadsheet.output.read.run_yields import survey
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, visible_text
from tests.output.filled_rows import put


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


@pytest.fixture
def db(archive):
    """Four articles; pages whose blocks five rules removed, and three runs of one rule; layouts of as many pages."""
    archive.db.execute("PRAGMA foreign_keys = OFF")
    for number in range(1, 5):
        put(archive.db, "articles", number, id=number, page_id=number)
        put(archive.db, "_block_texts", number, id=number, text="dbca"[number - 1])
    for reason, words in ((1, "x b"), (2, "x a"), (3, "w b"), (4, "y a"), (5, "z a")):
        put(archive.db, "_reasons", reason, id=reason, reason=words.split()[0], rule=words.split()[1])
    removed = {1: "12", 2: "12", 3: "12", 4: "11133", 5: "123"}  # pages of each rule's blocks
    places = [(int(page), rule) for rule, pages in removed.items() for page in pages]
    for position, (page, rule) in enumerate(places):
        block = 1 + (4 - page if rule == 5 else position % 3)
        put(
            archive.db,
            "_page_blocks",
            position,
            page_id=page,
            position=position,
            block_id=block,
            kept=0,
            reason_id=rule,
        )
    put(archive.db, "_page_blocks", 99, page_id=3, position=99, block_id=1, kept=1, reason_id=5)
    for run, host in ((1, "b"), (1, "a"), (2, "b")):
        put(archive.db, "_rule_rates", run, run_id=run, host=host, reason_id=4)
        put(archive.db, "_yields", run, run_id=run, host=host, part="*")
    for run in (1, 2):
        put(archive.db, "runs", run, id=run, started_at=f"2026-01-0{run}")
    for layout, host in ((3, "a"), (2, "b"), (1, "b"), (4, "z")):
        put(archive.db, "_layouts", layout, id=layout, host=host, pages=3 + layout // 4)
        put(archive.db, "pages", layout, id=layout, layout_id=layout)
        put(archive.db, "urls", layout, id=layout, kind="page", state="done")
    return archive.db


def test_the_busiest_come_first_and_of_as_busy_ones_those_of_the_first_name(db):
    assert [line.id for line in read_rules(db, Arguments({})).rules] == [5, 4, 3, 2, 1]
    assert [example.text for example in read_rule(db, 5).examples] == ["a", "b", "c"]
    assert [(run.started_at[-1], run.host) for run in read_rule(db, 4).runs] == [("2", "b"), ("1", "a"), ("1", "b")]
    assert [layout.id for layout in read_layouts(db).layouts] == [4, 3, 1, 2]
