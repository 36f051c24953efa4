import re
import tomllib
from pathlib import Path

import pytest

from broadsheet.cleaners.document import PageType
from broadsheet.output.archive.url_words import OutcomeReason, ReasonFamily, UrlState
from broadsheet.output.read.coverage import MAX_EXAMPLES, hint_for, list_covered_urls, measure_coverage
from broadsheet.output.write.outcome import Outcome

HOST = "http://a.test"


def listed(make, via, *paths, **changes):
    """The outcome of a sitemap or feed that names some pages."""
    discovered = tuple(make.discovered(f"{HOST}/{path}", found_via=via, **changes) for path in paths)
    return Outcome(f"{HOST}/{via}.xml", "done", via, 200, make.clock(), discovered_urls=discovered, kind=via)


def coverage_of(coverages, source):
    [match] = [coverage for coverage in coverages if coverage.source == source]
    return match


def test_a_url_counts_for_each_that_names_it_whoever_was_first(archive, make):
    archive.save([make.outcome(f"{HOST}/", page_type="list", discovered_urls=(make.discovered(f"{HOST}/1"),))])
    archive.save([listed(make, "sitemap", "1", "2"), listed(make, "feed", "1")])
    coverages = measure_coverage(archive.db)
    assert {coverage.source: coverage.named for coverage in coverages} == {"sitemap": 2, "feed": 1, "link": 1}


def test_an_article_that_fails_now_is_still_captured(archive, make):
    archive.save([listed(make, "sitemap", "1")])
    archive.save([make.outcome(f"{HOST}/1", "the text")])
    archive.save([make.failure(f"{HOST}/1", "http_410")])
    coverage = coverage_of(measure_coverage(archive.db), "sitemap")
    assert (coverage.articles, coverage.gaps) == (1, ())


def test_an_article_whose_url_leads_elsewhere_now_is_named_by_what_names_the_url(archive, make):
    archive.save([listed(make, "sitemap", "1", "2"), *(make.outcome(f"{HOST}/{name}", name) for name in "12")])
    archive.save([moved(make, "1", f"{HOST}/2")])
    coverage = coverage_of(measure_coverage(archive.db), "sitemap")
    assert (coverage.articles, coverage.gaps, coverage.unnamed) == (2, (), 0)


def moved(make, path, location):
    return Outcome(f"{HOST}/{path}", "done", "redirect", 301, make.clock(), location=location)


def test_redirects_in_a_circle_come_to_an_end(archive, make):
    archive.save([listed(make, "sitemap", "a", "b"), moved(make, "a", f"{HOST}/b"), moved(make, "b", f"{HOST}/a")])
    assert coverage_of(measure_coverage(archive.db), "sitemap").gaps[0].urls == 2


def test_ten_redirects_are_followed_to_an_article(archive, make):
    archive.save([listed(make, "sitemap", "0"), listed(make, "feed", "1"), make.outcome(f"{HOST}/11", "the text")])
    archive.save([moved(make, str(number), f"{HOST}/{number + 1}") for number in range(11)])
    assert {each.source: each.articles for each in measure_coverage(archive.db)} == {"sitemap": 0, "feed": 1}


def test_a_long_gap_shows_a_few_examples(archive, make):
    archive.save([listed(make, "feed", *map(str, range(50)), state="skipped", reason="too_old")])
    [gap] = coverage_of(measure_coverage(archive.db), "feed").gaps
    assert (gap.urls, len(gap.examples)) == (50, MAX_EXAMPLES)


def test_nothing_named_is_no_coverage(archive, make):
    archive.save([make.outcome(f"{HOST}/1", "the text")])
    assert measure_coverage(archive.db) == ()


@pytest.mark.parametrize(
    ("state", "reason", "hint"),
    [
        ("failed", "http_599", "run the same crawl again"),
        ("failed", "host_failing:http_503", "recovered"),
        ("skipped", "trap:calendar", "made up without end"),
        ("skipped", "robots.txt", "left alone"),
        ("queued", "retry:timeout", "goes on with them"),
    ],
)
def test_there_is_a_hint_for_every_reason(state, reason, hint):
    assert hint in hint_for(state, reason)


def test_hints_are_about_reasons_that_exist():
    data = tomllib.loads(Path(measure_coverage.__code__.co_filename).with_name("coverage.toml").read_text("utf-8"))
    members = {*UrlState, *OutcomeReason, *ReasonFamily, *PageType}
    assert set(data) == {"settled", "hints", "missing"}
    classed = [reason for reasons in data["missing"].values() for reason in reasons]
    assert len(classed) == len({*classed})
    settled = [key.partition(":")[0] for key in data["settled"]]
    assert {
        key for key in (*data["hints"], *settled, *classed) if not re.fullmatch(r"http_\d{3}", key)
    } - members == set()


@pytest.mark.parametrize("state", [UrlState.QUEUED, UrlState.FAILED, UrlState.SKIPPED])
@pytest.mark.parametrize("reason", OutcomeReason)
def test_no_gap_is_without_a_hint(state, reason):
    assert hint_for(state, reason)


def test_what_is_named_by_what_came_of_it_and_each_url_behind_a_count(archive, make):
    archive.save([listed(make, "sitemap", "story", "tag", "gone", "waits", "moved", "again", "out", "there")])
    links = tuple(make.discovered(f"{HOST}/{path}") for path in ("gone", "linked", "far"))
    archive.save([
        make.outcome(f"{HOST}/", page_type="list", discovered_urls=links), make.outcome(f"{HOST}/story", "text of it"),
        make.outcome(f"{HOST}/tag", page_type="list"), make.failure(f"{HOST}/gone", "http_404"),
        make.failure(f"{HOST}/linked", "http_404"), make.outcome(f"{HOST}/own", "found by a link only"),
        moved(make, "moved", f"{HOST}/again"), moved(make, "again", f"{HOST}/gone"),
        moved(make, "there", f"{HOST}/story"), moved(make, "out", "http://b.test/"),
    ])  # fmt: skip
    coverages = {coverage.source: coverage for coverage in measure_coverage(archive.db)}
    of_sitemap = coverages["sitemap"]
    assert (of_sitemap.named, of_sitemap.articles) == (8, 2)
    assert [(gap.state, gap.reason, gap.urls) for gap in of_sitemap.pages] == [("done", "list", 1)]
    assert {(gap.state, gap.reason): (gap.urls, gap.examples) for gap in of_sitemap.gaps} == {
        ("failed", "http_404"): (3, (f"{HOST}/again", f"{HOST}/gone", f"{HOST}/moved")),
        ("queued", ""): (1, (f"{HOST}/waits",)),
        ("done", "redirect"): (1, (f"{HOST}/out",)),
    }
    assert all(gap.hint for gap in of_sitemap.gaps)
    assert (of_sitemap.unnamed, of_sitemap.unnamed_examples) == (1, (f"{HOST}/own",))
    for source, coverage in coverages.items():
        for gap in (*coverage.pages, *coverage.gaps):
            urls = list_covered_urls(archive.db, source, (gap.state, gap.reason))
            assert len(urls) == gap.urls, (source, gap)
            assert tuple(sorted(url.url for url in urls)[:MAX_EXAMPLES]) == gap.examples
    redirected = list_covered_urls(archive.db, "sitemap", ("failed", "http_404"))
    assert {url.end_url for url in redirected} == {f"{HOST}/gone"}
    assert list_covered_urls(archive.db, "sitemap", ("failed", "http_404"), after_end=redirected[-1].end_id) == []
