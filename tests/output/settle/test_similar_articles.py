"""Articles that are alike: their relations and clusters, and which of them are compared again after a change."""

import random
from collections.abc import Iterable, Iterator

import pytest
from sqlite_utils import Database

from broadsheet.output.settle import similar_articles as relate
from broadsheet.output.settle.likeness import Relation
from broadsheet.output.settle.settling import settle
from broadsheet.output.settle.similar_articles import find_touched_pages, relate_articles
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from broadsheet.output.write.takedowns import take_down
from tests.internal_tables import SKETCHES
from tests.output.conftest import Maker
from tests.output.settle.stories import HOSTS, edited, prose, story

CROWD_LIMIT, REPEATED_PAGES = 24, 6
SITE, OTHER = "http://a.test", "http://b.test"


def text(seed: int, count: int = 300) -> str:
    return " ".join(prose(seed, count))


def stored(archive: Archive, make: Maker, texts: dict[str, str] | Iterable[tuple[str, str]]) -> None:
    """Store articles by URL, or by what stands after that of the first site, and settle."""
    archive.save([make.outcome(url if "/" in url else f"{SITE}/{url}", text) for url, text in dict(texts).items()])
    settle(archive.db)


def pairs(archive: Archive) -> list[tuple[str, str, str]]:
    sql = """SELECT a.url, b.url, d.kind FROM duplicates d JOIN articles a ON a.id = d.article_id
        JOIN articles b ON b.id = d.duplicate_id ORDER BY 1, 2"""
    return [(one.removeprefix(SITE), other.removeprefix(SITE), kind) for one, other, kind in archive.db.execute(sql)]


def clusters(archive: Archive) -> list[list[str]]:
    groups: dict[int, list[str]] = {}
    for url, cluster in archive.db.execute("SELECT url, cluster_id FROM article_clusters ORDER BY url"):
        groups.setdefault(cluster, []).append(url.removeprefix(SITE))
    return sorted(groups.values())


def first_by(archive: Archive, rank: str) -> list[str]:
    return [url for (url,) in archive.db.execute(f"SELECT url FROM article_clusters WHERE {rank} = 1")]


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
        assert outcome.page
        object.__setattr__(outcome.page.metadata, "published", date)
    archive.save([late, early])
    settle(archive.db)
    assert pairs(archive) == [(f"{OTHER}/x", "/1", "syndicated")]
    assert first_by(archive, "by_date") == first_by(archive, "by_length") == [f"{OTHER}/x"]


def some_outcomes(make: Maker) -> list[Outcome]:
    """A site with copies of several kinds."""
    texts = {f"form/{n}": " ".join([*prose(50, 90), f"street{n}", f"number{n}", *prose(51, 90)]) for n in range(4)}
    texts |= {"a": text(1), "b": " ".join(edited(prose(1), 40)), "part": " ".join(prose(1)[100:200]), "alone": text(7)}
    return [
        *(make.outcome(f"{SITE}/{name}", of) for name, of in texts.items()),
        make.outcome(f"{OTHER}/c", text(1) + " as told there"),
    ]


@pytest.mark.parametrize("seed", range(2))
def test_the_relations_are_the_same_in_whatever_order_and_however_often_it_is_settled(tmp_path, make, seed):
    pages, found = some_outcomes(make), []
    for is_shuffled in (False, True):
        with Archive.open(tmp_path / f"{is_shuffled}.db") as archive:
            order = random.Random(seed).sample(range(len(pages)), len(pages)) if is_shuffled else range(len(pages))
            for index in order:
                archive.save([pages[index]])
                if is_shuffled and index % 5 == 0:
                    settle(archive.db)
            settle(archive.db)
            found.append((archive.db.execute("SELECT * FROM duplicates ORDER BY 1, 2").fetchall(), clusters(archive)))
            assert len(first_by(archive, "by_date")) == len(first_by(archive, "by_length")) == 4
            kinds = {(one, other): kind for one, other, kind in pairs(archive) if "form" not in one}
            assert kinds == {
                ("/a", "/b"): "near", ("/a", "/part"): "part", ("/b", "/part"): "part",
                (f"{OTHER}/c", "/a"): "syndicated", (f"{OTHER}/c", "/b"): "syndicated", (f"{OTHER}/c", "/part"): "part",
            }  # fmt: skip
    assert found[0] == found[1]
    assert found[0][1] == [["/a", "/b", f"{OTHER}/c"], ["/alone"], [f"/form/{n}" for n in range(4)], ["/part"]]


def test_a_text_that_changes_or_goes_loses_its_relations(archive, make):
    stored(archive, make, {str(n): " ".join(edited(prose(1), 40 + n)) for n in range(3)})
    assert len(pairs(archive)) == 3
    archive.save([make.outcome(f"{SITE}/0", text(8))])
    assert len(pairs(archive)) == 1
    settle(archive.db)
    assert clusters(archive) == [["/0"], ["/1", "/2"]]
    take_down(archive.db, f"{SITE}/1")
    assert pairs(archive) == []
    pages = archive.db.execute(f"SELECT page_id FROM {SKETCHES} ORDER BY 1").fetchall()
    assert pages == archive.db.execute("SELECT page_id FROM articles ORDER BY 1").fetchall()
    settle(archive.db)
    assert clusters(archive) == [["/0"], ["/2"]]
    assert archive.db["duplicates"].count == 0


def test_a_story_on_many_sites_is_one_cluster(archive, make):
    count = CROWD_LIMIT + 6
    stored(archive, make, {f"http://site{n}.test/": " ".join(edited(prose(1), 40 + n)) for n in range(count)})
    assert [len(group) for group in clusters(archive)] == [count]


def test_texts_that_a_repeated_note_made_alike_are_so_no_more_once_it_is_repeated(archive, make):
    note = text(9, count=150)
    archive.save([make.outcome(f"{SITE}/{n}", text(n, 45), note) for n in range(REPEATED_PAGES - 1)])
    stored(archive, make, {f"other-{n}": text(100 + n) for n in range(40)})
    assert len(pairs(archive)) == (REPEATED_PAGES - 1) * (REPEATED_PAGES - 2) / 2
    archive.save([make.outcome(f"{SITE}/last", text(77, 45), note)])
    settle(archive.db)
    assert pairs(archive) == []


@pytest.fixture
def touched_urls(monkeypatch, archive):
    """Filled with the URLs of the pages that the last settling compared again."""
    urls: set[str] = set()

    def spying_find(db: Database, page_ids: Iterable[int]) -> set[int]:
        pages = find_touched_pages(db, page_ids)
        urls.clear()
        urls.update(url for page in pages for (url,) in db.execute("SELECT url FROM urls WHERE id = ?", [page]))
        return pages

    monkeypatch.setattr(relate, "find_touched_pages", spying_find)
    return urls


def test_a_new_page_is_compared_and_no_other_of_its_host(archive, make, touched_urls):
    stored(archive, make, {str(n): text(n, 120) for n in range(5)})
    assert touched_urls == set(), "the whole archive was compared"
    assert relate_articles(archive.db) == 0
    stored(archive, make, {"5": text(5, 120)})
    assert touched_urls == {f"{SITE}/5"}
    archive.save([make.outcome(f"{SITE}/6", text(6, 120))])
    assert relate_articles(archive.db) == 1


def test_pages_of_a_block_that_comes_to_be_left_out_are_compared_again(archive, make, touched_urls):
    note = text(99, 30)
    archive.save([make.outcome(f"{SITE}/{n}", text(n, 120), note) for n in range(REPEATED_PAGES - 1)])
    archive.save([make.outcome(f"{OTHER}/7", text(7, 120), note)])
    stored(archive, make, {str(n): text(n, 120) for n in range(20, 60)})  # so that the note is no rule of the site
    for number, touched in ((10, range(REPEATED_PAGES - 1)), (11, ())):
        archive.save([make.outcome(f"{SITE}/{number}", text(number, 120), note)])
        settle(archive.db)
        assert touched_urls == {f"{SITE}/{n}" for n in (number, *touched)}


def test_pages_with_hashes_that_come_to_be_crowded_are_compared_again(archive, make, touched_urls):
    form = text(98, 60)
    stored(
        archive,
        make,
        {str(n): f"{text(n, 120)} {form}" for n in range(CROWD_LIMIT)}
        | {"100": text(100, 120), f"{OTHER}/7": f"{text(7, 120)} {form}"},
    )
    stored(archive, make, {"50": f"{text(50, 120)} {form}"})
    assert touched_urls == {f"{SITE}/{n}" for n in (50, *range(CROWD_LIMIT))}


@pytest.mark.parametrize("most_indexed", [0, 10_000])
def test_pages_have_the_relations_that_they_have_among_all(archive, make, monkeypatch, most_indexed):
    others = {f"{OTHER}/{seed}": " ".join(edited(prose(seed), 50)) for seed in (1, 2)}
    stored(archive, make, {str(seed): text(seed) for seed in (1, 2, 3)} | others)
    page_ids = [page_id for (page_id,) in archive.db.execute("SELECT page_id FROM articles ORDER BY url")]
    relations = relate._find_relations(archive.db, None)
    assert len(relations) == 2
    monkeypatch.setattr(relate, "_MAX_INDEXED", most_indexed)
    found = [relate._find_relations(archive.db, {page_id}) for page_id in page_ids]
    assert [len(of) for of in found] == [1, 1, 0, 1, 1]
    assert {str(one) for of in found for one in of} == {*map(str, relations)}
    assert sorted(map(str, relate._find_relations(archive.db, set(page_ids)))) == sorted(map(str, relations))


def test_only_articles_of_pages_that_something_changed_for_are_compared_again(archive, make, monkeypatch):
    compared_pairs: list[tuple[int, int]] = []
    compare_pairs = relate._compare_pairs

    def spying_compare(db: Database, pairs: list[tuple[int, int]]) -> Iterator[Relation]:
        compared_pairs.extend(pairs)
        return compare_pairs(db, pairs)

    monkeypatch.setattr(relate, "_compare_pairs", spying_compare)
    texts = {host: f"{story(host)} {story(host + 'x')}" for host in HOSTS}
    stored(archive, make, {f"http://{host}/{n}": f"{texts[host]} {n}" for host in HOSTS for n in "12"})
    before = pairs(archive)
    assert (len(compared_pairs), len(before)) == (3, 3)
    stored(archive, make, {"3": f"{texts['a.test']} 3"})
    assert compared_pairs[3:] == [(1, 7), (2, 7)]
    assert set(before) < set(pairs(archive))
