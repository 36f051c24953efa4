"""Layouts in an archive: excerpts leave `articles` with their layout, come back with their evidence, in any order."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.cleaners.html.layout_signature import pack_signature
from broadsheet.output.outcome import Outcome
from broadsheet.output.read.verify import verify
from broadsheet.output.settle.judge_again import settle
from broadsheet.output.write.archive import Archive
from broadsheet.output.write.forget import take_down
from tests.output.conftest import Maker

SITE = "http://a.test"
POSTS, DAYS, LISTS = (pack_signature(list(range(first, first + 30))) for first in (0, 100, 200))
LAYOUTS = "SELECT host, pages, articles, kind, evidence FROM layouts ORDER BY pages DESC, kind"


def story(number: int, length: int = 120) -> str:
    dice = random.Random(number)
    return " ".join("".join(dice.choices("abcdefghijklmnop", k=6)) for _ in range(length))


def post(make: Maker, number: int, **changes: object) -> Outcome:
    return make.outcome(f"{SITE}/post-{number}", story(number), **({"layout_signature": POSTS} | changes))


def excerpt(make: Maker, number: int, **changes: object) -> Outcome:
    words = " ".join(story(number).split()[:40])
    url = f"{SITE}/d/{number}"  # shorter than the post's, so that it would name a text that both had
    return make.outcome(url, f"{words} …", **({"layout_signature": DAYS} | changes))


def site(make: Maker) -> list[Outcome]:
    return [*(post(make, n) for n in range(12)), *(excerpt(make, n) for n in range(6))]


def shown(archive: Archive) -> list[str]:
    return sorted(url.removeprefix(SITE) for (url,) in archive.db.execute("SELECT url FROM articles"))


def everything(archive: Archive) -> list[list[tuple[object, ...]]]:
    queries = (
        LAYOUTS,
        "SELECT url, why FROM shelved ORDER BY 1",
        "SELECT url FROM articles ORDER BY 1",
        "SELECT id, page_type, evidence, article_id IS NULL FROM pages JOIN urls USING (id) ORDER BY url",
    )
    return [[row[1:] if len(row) == 4 else row for row in archive.db.execute(query)] for query in queries]


def test_excerpts_leave_with_their_layout_and_say_why(archive: Archive, make: Maker) -> None:
    archive.save(site(make))
    result = settle(archive.db, make.clock)
    assert shown(archive) == sorted(f"/post-{n}" for n in range(12))
    assert (result.articles, result.layout_pages, result.removed_articles) == (12, 6, 6)
    assert archive.db.execute(LAYOUTS).fetchall() == [
        ("a.test", 12, 12, "article", "of 12 pages 12 look like articles, 0 are lists"),
        ("a.test", 6, 0, "list", "6 of 6 texts of this layout are openings or titles of other articles"),
    ]
    columns = "p.page_type, p.own_type, p.evidence, u.reason"
    query = f"SELECT {columns} FROM pages p JOIN urls u USING (id) WHERE u.url LIKE '%/d/3'"
    page_type, own_type, evidence, reason = archive.db.execute(query).fetchone()
    assert (page_type, own_type, reason) == ("list", "article", "list")
    assert json.loads(evidence)[-1] == "layout=6 of 6 texts of this layout are openings or titles of other articles"
    assert archive.db.execute("SELECT DISTINCT why FROM shelved").fetchall() == [("layout",)]
    assert verify(archive.db) == []


@pytest.mark.slow
def test_settling_again_and_settling_on_the_way_change_nothing(tmp_path: Path, make: Maker) -> None:
    outcomes, results = site(make), []
    dice = random.Random(3)
    for number in range(4):
        shuffled = dice.sample(outcomes, len(outcomes))
        with Archive.open(tmp_path / f"{number}.db", make.clock) as archive:
            for first in range(0, len(shuffled), 5):
                archive.save(shuffled[first : first + 5])
                if number % 2:
                    settle(archive.db, make.clock)
            settle(archive.db, make.clock)
            again = settle(archive.db, make.clock)
            assert (again.removed_articles, again.returned_articles, again.rewritten_rows) == (0, 0, 0)
            results.append(everything(archive))
    assert all(result == results[0] for result in results)


def test_an_article_returns_when_the_evidence_falls(archive: Archive, make: Maker) -> None:
    archive.save(site(make))
    settle(archive.db, make.clock)
    archive.save([excerpt(make, n, layout_signature=LISTS) for n in range(1, 6)])
    result = settle(archive.db, make.clock)
    assert result.layout_pages == 5
    assert result.returned_articles == 1
    assert "/d/0" in shown(archive)
    assert verify(archive.db) == []


def test_a_whole_post_at_its_day_does_not_take_the_post_along(archive: Archive, make: Maker) -> None:
    """The archive of the day names the text by the shorter URL; as it is no article, the post stays."""
    whole = make.outcome(f"{SITE}/d/9", story(9), layout_signature=DAYS)
    archive.save([*site(make), whole])
    settle(archive.db, make.clock)
    assert shown(archive) == sorted(f"/post-{n}" for n in range(12))


def test_few_articles_among_lists_are_lists_beside_a_main_layout_alone(archive: Archive, make: Maker) -> None:
    lists = [make.outcome(f"{SITE}/tag/{n}", "word", page_type=PageType.LIST, layout_signature=LISTS) for n in range(5)]
    line = make.outcome(f"{SITE}/tag/x", "All that we wrote on mills, in one place.", layout_signature=LISTS)
    archive.save([*lists, line])
    settle(archive.db, make.clock)
    assert shown(archive) == ["/tag/x"]
    archive.save([post(make, n) for n in range(8)])
    settle(archive.db, make.clock)
    assert "/tag/x" not in shown(archive)


def test_a_page_without_a_signature_has_no_layout(archive: Archive, make: Maker) -> None:
    archive.save([*(post(make, n, layout_signature=None) for n in range(3)), post(make, 5, layout_signature=b"")])
    settle(archive.db, make.clock)
    assert archive.db.execute("SELECT count(*) FROM layouts").fetchone() == (0,)
    assert archive.db.execute("SELECT count(*) FROM pages WHERE layout_id IS NOT NULL").fetchone() == (0,)
    assert len(shown(archive)) == 4


def test_a_takedown_leaves_no_layout_without_pages(archive: Archive, make: Maker) -> None:
    archive.save(site(make))
    settle(archive.db, make.clock)
    take_down(archive.db, f"{SITE}/d/*", "", make.clock)
    assert [row[1:4] for row in archive.db.execute(LAYOUTS)] == [(12, 12, "article")]
    assert archive.db.execute("SELECT count(*) FROM page_signatures").fetchone() == (12,)
    settle(archive.db, make.clock)
    assert len(shown(archive)) == 12


@pytest.mark.parametrize("moved", [2, 6, 20])
def test_a_redesign_with_two_layouts_loses_nothing(archive: Archive, make: Maker, moved: int) -> None:
    archive.save([post(make, n) for n in range(40 - moved)])
    archive.save([post(make, n, layout_signature=DAYS) for n in range(40 - moved, 40)])
    settle(archive.db, make.clock)
    assert len(shown(archive)) == 40


def test_hosts_are_judged_apart(archive: Archive, make: Maker) -> None:
    archive.save([post(make, n) for n in range(12)])
    other = [excerpt(make, n) for n in range(6)]
    archive.save(
        [
            make.outcome(o.url.replace("a.test", "b.test"), "x" * n + story(n + 90), layout_signature=DAYS)
            for n, o in enumerate(other)
        ]
    )
    settle(archive.db, make.clock)
    assert len(shown(archive)) == 18
    assert archive.db.execute("SELECT count(*) FROM layouts").fetchone() == (2,)
