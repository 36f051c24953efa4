"""Which pages' articles are compared again: those that something changed for that two texts are compared by."""

from __future__ import annotations

import random

import pytest

from broadsheet.output.settle import similar_articles as relate
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.similar_articles import find_touched_pages, relate_articles
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import SKETCHES
from tests.output.conftest import Maker
from tests.output.settle.test_likeness import edited, prose

CROWD_LIMIT, REPEATED_PAGES = 24, 6

SITE, OTHER = "http://a.test", "http://b.test"


def pairs(archive):
    sql = """SELECT a.url, b.url, d.kind FROM duplicates d JOIN articles a ON a.id = d.article_id
        JOIN articles b ON b.id = d.duplicate_id ORDER BY 1, 2"""
    return archive.db.execute(sql).fetchall()


def clusters(archive):
    groups = {}
    for url, cluster in archive.db.execute("SELECT url, cluster_id FROM article_clusters ORDER BY url"):
        groups.setdefault(cluster, []).append(url)
    return sorted(groups.values())


def stored(archive, *outcomes):
    archive.save(outcomes)
    settle(archive.db)


def text(seed, count=300):
    return " ".join(prose(seed, count))


def test_a_text_with_a_few_words_changed_is_near(archive, make):
    stored(
        archive,
        make.outcome(f"{SITE}/1", text(1)),
        make.outcome(f"{SITE}/two", " ".join(edited(prose(1), 50)) + " and more"),
        make.outcome(f"{SITE}/3", text(3)),
    )
    assert [row[2] for row in pairs(archive)] == ["near"]
    assert clusters(archive) == [[f"{SITE}/1", f"{SITE}/two"], [f"{SITE}/3"]]
    assert archive.db["articles"].count == 3


@pytest.mark.parametrize(
    ("late_date", "early_date"),
    [
        ("2024-03-02", "2024-03-01T09:00:00+02:00"),
        ("2024-03-01T02:00:00+02:00", "2024-02-29T18:30:00-05:00"),  # by the instant, whatever the day
        ("2024-03-01T15:00:00", "2024-03-01T09:00:00"),
        ("2024-03-01T00:00:01Z", "2024-03-01"),
        ("", "2024-03-01"),
    ],
)
def test_a_copy_on_another_site_is_syndicated_and_the_earlier_stands_first(archive, make, late_date, early_date):
    late, early = make.outcome(f"{SITE}/1", text(1)), make.outcome(f"{OTHER}/x", text(1) + " Reprinted with thanks")
    for outcome, date in ((late, late_date), (early, early_date)):
        object.__setattr__(outcome.page.metadata, "published", date)
    stored(archive, late, early)
    assert pairs(archive) == [(f"{OTHER}/x", f"{SITE}/1", "syndicated")]
    [(first,)] = archive.db.execute("SELECT url FROM article_clusters WHERE by_date = 1").fetchall()
    [(longest,)] = archive.db.execute("SELECT url FROM article_clusters WHERE by_length = 1").fetchall()
    assert first == longest == f"{OTHER}/x"


def test_an_abridged_text_is_a_part_and_no_cluster(archive, make):
    stored(archive, make.outcome(f"{SITE}/1", text(1)), make.outcome(f"{SITE}/teaser", " ".join(prose(1)[20:100])))
    assert pairs(archive) == [(f"{SITE}/1", f"{SITE}/teaser", "part")]
    assert clusters(archive) == [[f"{SITE}/1"], [f"{SITE}/teaser"]]


def some_outcomes(make):
    """A site with copies of several kinds."""
    forms = [" ".join([*prose(50, 90), f"street{n}", f"number{n}", *prose(51, 90)]) for n in range(4)]
    return [
        make.outcome(f"{SITE}/a", text(1)),
        make.outcome(f"{SITE}/b", " ".join(edited(prose(1), 40))),
        make.outcome(f"{OTHER}/c", text(1) + " as told there"),
        make.outcome(f"{SITE}/part", " ".join(prose(1)[100:200])),
        make.outcome(f"{SITE}/alone", text(7)),
        *(make.outcome(f"{SITE}/form/{n}", form) for n, form in enumerate(forms)),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_neither_order_nor_settling_between_matters(tmp_path, make, seed):
    pages = some_outcomes(make)

    def result(name, order, between):
        with Archive.open(tmp_path / name) as archive:
            for index in order:
                archive.save([pages[index]])
                if between and index % 5 == 0:
                    settle(archive.db)
            settle(archive.db)
            rows = archive.db.execute("SELECT * FROM duplicates ORDER BY 1, 2").fetchall()
            return rows, clusters(archive)

    order = list(range(len(pages)))
    straight = result("one.db", order, False)
    random.Random(seed).shuffle(order)
    assert result("two.db", order, True) == straight
    assert max(map(len, straight[1])) == 4


def test_a_text_that_changes_or_goes_loses_its_relations(archive, make):
    copies = [make.outcome(f"{SITE}/{n}", " ".join(edited(prose(1), 40 + n))) for n in range(3)]
    stored(archive, *copies)
    assert len(pairs(archive)) == 3
    archive.save([make.outcome(f"{SITE}/0", text(8))])
    assert len(pairs(archive)) == 1
    settle(archive.db)
    assert clusters(archive) == [[f"{SITE}/0"], [f"{SITE}/1", f"{SITE}/2"]]
    take_down(archive.db, f"{SITE}/1")
    assert pairs(archive) == []
    pages = {page for (page,) in archive.db.execute(f"SELECT page_id FROM {SKETCHES}")}
    assert pages == {page for (page,) in archive.db.execute("SELECT page_id FROM articles")}
    settle(archive.db)
    assert len(clusters(archive)) == 2
    assert archive.db.execute("SELECT count(*) FROM duplicates").fetchone()[0] == 0


def test_only_what_is_new_is_read_again(archive, make):
    stored(archive, *some_outcomes(make))
    assert relate_articles(archive.db) == 0
    archive.save([make.outcome(f"{SITE}/new", text(70))])
    assert relate_articles(archive.db) == 1


def test_a_story_on_many_sites_is_one_cluster(archive, make):
    copies = [" ".join(edited(prose(1), 40 + n)) for n in range(CROWD_LIMIT + 6)]
    stored(archive, *(make.outcome(f"http://site{n}.test/", copy) for n, copy in enumerate(copies)))
    assert [len(group) for group in clusters(archive)] == [CROWD_LIMIT + 6]


def test_texts_that_a_repeated_note_made_alike_are_so_no_more_once_it_is_repeated(archive, make):
    note = text(9, count=150)
    stored(archive, *(make.outcome(f"{SITE}/{n}", " ".join(prose(n, 45)), note) for n in range(REPEATED_PAGES - 1)))
    stored(archive, *(make.outcome(f"{SITE}/other/{n}", text(100 + n)) for n in range(40)))
    assert len(pairs(archive)) == (REPEATED_PAGES - 1) * (REPEATED_PAGES - 2) / 2
    stored(archive, make.outcome(f"{SITE}/last", " ".join(prose(77, 45)), note))
    assert pairs(archive) == []


def test_one_row_a_cluster(archive, make):
    stored(archive, *some_outcomes(make))
    for rank in ("by_date", "by_length"):
        sql = f"SELECT count(*), count(DISTINCT cluster_id) FROM article_clusters WHERE {rank} = 1"
        ((rows, distinct),) = archive.db.execute(sql).fetchall()
        assert rows == distinct == len(clusters(archive)) == 4


def story(number: int, count: int = 120) -> str:
    return " ".join(prose(number, count))


@pytest.fixture
def touched_urls(monkeypatch: pytest.MonkeyPatch, archive: Archive) -> set[str]:
    """Filled with the URLs of the pages that the last settling compared again."""
    urls: set[str] = set()

    def spying_find(db, page_ids):
        pages = find_touched_pages(db, page_ids)
        urls.clear()
        urls.update(url for page in pages for (url,) in db.execute("SELECT url FROM urls WHERE id = ?", [page]))
        return pages

    monkeypatch.setattr(relate, "find_touched_pages", spying_find)
    return urls


def url(number: int, host: str = "a.test") -> str:
    return f"http://{host}/{number}"


def test_a_new_page_and_no_other_of_its_host(archive: Archive, make: Maker, touched_urls: set[str]) -> None:
    archive.save([make.outcome(url(n), story(n)) for n in range(5)])
    settle(archive.db)
    assert touched_urls == set()  # the whole archive was compared
    archive.save([make.outcome(url(5), story(5))])
    settle(archive.db)
    assert touched_urls == {url(5)}


def test_pages_of_a_block_that_comes_to_be_left_out(archive: Archive, make: Maker, touched_urls: set[str]) -> None:
    note = story(99, 30)
    archive.save([make.outcome(url(n), story(n), note) for n in range(REPEATED_PAGES - 1)])
    archive.save([make.outcome(url(n), story(n)) for n in range(20, 60)])  # so that the note is no rule of the site
    archive.save([make.outcome(url(7, "b.test"), story(7), note)])
    settle(archive.db)
    archive.save([make.outcome(url(10), story(10), note)])
    settle(archive.db)
    assert touched_urls == {url(10), *(url(n) for n in range(REPEATED_PAGES - 1))}
    archive.save([make.outcome(url(11), story(11), note)])
    settle(archive.db)
    assert touched_urls == {url(11)}


def test_pages_with_hashes_that_come_to_be_crowded(archive: Archive, make: Maker, touched_urls: set[str]) -> None:
    form = story(98, 60)
    archive.save([make.outcome(url(n), f"{story(n)} {form}") for n in range(CROWD_LIMIT)])
    archive.save([make.outcome(url(100), story(100)), make.outcome(url(7, "b.test"), f"{story(7)} {form}")])
    settle(archive.db)
    archive.save([make.outcome(url(50), f"{story(50)} {form}")])
    settle(archive.db)
    assert touched_urls == {url(50), *(url(n) for n in range(CROWD_LIMIT))}


@pytest.mark.parametrize("most_indexed", [0, 10_000])
def test_pages_have_the_relations_that_they_have_among_all(archive, make, monkeypatch, most_indexed):
    stored(
        archive,
        *(make.outcome(f"{SITE}/{seed}", text(seed)) for seed in (1, 2, 3)),
        *(make.outcome(f"{OTHER}/{seed}", " ".join(edited(prose(seed), 50))) for seed in (1, 2)),
    )
    page_ids = [row[0] for row in archive.db.execute("SELECT page_id FROM articles ORDER BY url").fetchall()]
    relations = relate._find_relations(archive.db, None)
    assert len(relations) == 2
    monkeypatch.setattr(relate, "_MAX_INDEXED", most_indexed)
    counts = []
    for page_id in page_ids:
        found = relate._find_relations(archive.db, {page_id})
        assert set(map(str, found)) <= set(map(str, relations))
        counts.append(len(found))
    assert counts == [1, 1, 0, 1, 1]
    assert sorted(map(str, relate._find_relations(archive.db, set(page_ids)))) == sorted(map(str, relations))
