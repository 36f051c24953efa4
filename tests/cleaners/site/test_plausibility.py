"""Facts of a site that are seldom so: which are told, and which are not."""

import pytest

from broadsheet.cleaners.site.plausibility import SiteFigures, count_folders, implausible_facts


def told(**figures: object) -> list[str]:
    values = {"values": {}, "titles": [], "articles": 100} | figures
    return [fact.removeprefix("a.example: ") for fact in implausible_facts(SiteFigures("a.example", **values))]


@pytest.mark.parametrize(
    ("figures", "facts"),
    [
        ({"values": {"day": {"2019-05-29": 31, "": 69}}}, ["31 of 100 articles have the day 2019-05-29"]),
        ({"values": {"day": {"2019-05-29": 30, "": 70}}}, []),
        ({"values": {"authors": {"Ann Lee": 95}}}, []),
        ({"values": {"authors": {"Ann Lee": 94}}}, ["94 of 100 articles have the authors Ann Lee"]),
        ({"titles": [f"Rain {n} | The Paper" for n in range(31)]}, ["31 of 100 titles end with | The Paper"]),
        ({"titles": [f"Rain {n} | The Paper" for n in range(30)]}, []),
        ({"values": {"language": {"pt": 90, "en": 3, "es": 3, "": 4}}}, ["90 of 100 articles are in pt, 3 en, 3 es"]),
        ({"values": {"language": {"pt": 98, "en": 2}}}, []),
        ({"split_lines": [("Give  now", 12, 38), ("Rare", 2, 90)]}, ["12 articles keep the line Give now, 38 lost it"]),
        ({"folders": {"/tags/": (1, 20), "/a/": (2, 20), "/b/": (0, 19)}}, ["1 of 20 pages in /tags/ are articles"]),
        ({"articles": 9, "values": {"day": {"2019-05-29": 9}}}, []),
    ],
)
def test_a_fact_is_told_from_its_share_on(figures, facts):
    assert told(**figures) == facts


def test_folders_count_their_pages_and_articles_and_the_root_is_none():
    assert count_folders([("/a/", True), ("/a/", False), ("", True)]) == {"/a/": (1, 2)}
