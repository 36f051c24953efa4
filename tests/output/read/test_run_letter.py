"""A run's letter: everything that a run brought is named once, nothing else, and completeness is told as it is."""

from __future__ import annotations

from broadsheet.output.read.judgement import judge_archive
from broadsheet.output.read.run_letter import letter_lines, read_letter
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.outcome import Outcome
from tests.output.browse.conftest import RoomClient

SITE = "https://a.example"


def story(make, name, more="", **changes):
    texts = f"The {name} stands at the river since the flood. {more}", f"A second paragraph is about the {name} alone."
    return make.outcome(f"{SITE}/{name}", *texts, title=f"The {name}", **changes)


def run(archive, make, *outcomes, counts=None):
    """A run that stores these outcomes and settles; its letter."""
    run_id = archive.runs.start("update", {"seeds": [SITE]}, {})
    archive.save(outcomes)
    settle(archive.db, make.clock)
    archive.runs.finish(run_id, "finished", "", counts or {})
    return read_letter(archive.db)


def front(make, source, *names):
    found = tuple(make.discovered(f"{SITE}/{name}", found_via=source) for name in names)
    kind, reason = ("page", "list") if source == "link" else (source, source)
    url = f"{SITE}/" if source == "link" else f"{SITE}/{source}.xml"
    if source == "link":
        return make.outcome(url, page_type="list", discovered_urls=found)
    return Outcome(url, "done", reason, kind=kind, discovered_urls=found)


def test_a_run_is_told_by_its_own_articles_and_not_by_those_of_earlier_runs(archive, make):
    first = run(archive, make, story(make, "mill"), story(make, "ferry"))
    assert (first.new_count, first.headline) == (2, "2 new articles")
    assert {article.title for article in first.new} == {"The mill", "The ferry"}
    counts = {
        "sitemap/failed/http_503": 4,
        "page/failed/timeout": 1,
        "page/failed/not_there": 9,
        "page/done/article": 2,
    }
    second = run(archive, make, story(make, "bridge"), story(make, "mill", "It has burned down."), counts=counts)
    assert [(article.title, article.url) for article in second.new] == [("The bridge", f"{SITE}/bridge")]
    assert [edit.title for edit in second.edits] == ["The mill"]
    assert (second.withdrawals, second.returns) == ((), ())
    lines = list(letter_lines(second))
    assert lines[:3] == ["New: 1", "  undated: The bridge", f"      {SITE}/bridge"]
    assert "Edited: 1" in lines
    assert "Failed, or gone: 4 sitemaps (HTTP 503 Service Unavailable) and 1 page (no answer in time)" in lines
    quiet = run(archive, make)
    assert (quiet.headline, next(letter_lines(quiet))) == ("", "No new article and no edit.")


def test_a_withdrawal_is_told_once(archive, make):
    """Its page's error is no failure of the run, neither on the day nor at the next look."""
    run(archive, make, story(make, "mill"), story(make, "ferry"))
    counts = {"page/failed/http_404": 2}
    letter = run(
        archive, make, make.failure(f"{SITE}/mill", "http_404"), make.failure(f"{SITE}/x", "http_404"), counts=counts
    )
    assert [edit.title for edit in letter.withdrawals] == ["The mill"]
    assert "Failed, or gone: 1 page (HTTP 404 Not Found)" in letter_lines(letter)
    make.clock.seconds += 60
    late = make.failure(f"{SITE}/mill", "http_404")
    make.clock.seconds -= 60
    again = run(archive, make, late, counts={"page/failed/http_404": 1})
    assert "  The mill (HTTP 404 Not Found)" in letter_lines(letter)
    assert list(letter_lines(again)) == ["No new article and no edit."]


def test_an_import_names_an_article_that_came_and_went_once(archive, make):
    run_id = archive.runs.start("import a.warc.gz", {}, {})
    for outcomes in ((story(make, "mill"), story(make, "ferry"), story(make, "tower")),
                     (make.failure(f"{SITE}/mill", "http_404"), make.failure(f"{SITE}/tower", "http_404")),
                     (story(make, "tower"),)):  # fmt: skip
        archive.save(outcomes)
        settle(archive.db, make.clock)
    archive.runs.finish(run_id, "finished", "", {})
    letter = read_letter(archive.db)
    assert [article.title for article in letter.new] == ["The ferry", "The tower"]
    assert [edit.title for edit in letter.withdrawals] == ["The mill"]
    assert (letter.new_count, letter.headline) == (2, "2 new articles, 1 withdrawal, 1 return")


def test_a_list_of_which_nothing_is_here_is_said_so(archive, make):
    letter = run(archive, make, front(make, "sitemap", "mill", "ferry"), make.failure(f"{SITE}/mill"))
    assert letter.completeness == (
        "None of the 2 pages that the sitemaps name is here (1 failed, 1 still to be fetched)."
    )


def test_the_least_certain_of_a_run_stand_in_order(archive, make):
    run(archive, make, story(make, "mill"))
    letter = run(archive, make, *(story(make, name) for name in ("bridge", "ferry", "tower")))
    for name, certainty in (("mill", 0.1), ("bridge", 0.85), ("ferry", 0.5), ("tower", 0.99)):
        archive.db.execute("UPDATE pages SET certainty = ? WHERE id IN (SELECT page_id FROM articles WHERE url = ?)",
                           [certainty, f"{SITE}/{name}"])  # fmt: skip
    letter = read_letter(archive.db)
    assert [(article.title, article.certainty) for article in letter.unsure] == [
        ("The ferry", "low"), ("The bridge", "fair"),
    ]  # fmt: skip
    assert "Least certain of them: The ferry (low); The bridge (fair)" in letter_lines(letter)


def test_a_first_letter_names_some_articles_and_counts_all(archive, make):
    letter = run(archive, make, *(story(make, f"mill-{number}") for number in range(60)))
    assert (letter.new_count, len(letter.new)) == (60, 50)
    assert "  … and 50 more" in letter_lines(letter)
    assert len(read_letter(archive.db, most_new=-1).new) == 60


def test_a_hostile_title_does_not_act(archive, make):
    letter = run(archive, make, make.outcome(f"{SITE}/1", "Some words of a text.", title="A\x1b[2J mill\n\nNew: 9"))
    assert not any("\x1b" in line or "\n" in line for line in letter_lines(letter))


def test_completeness_names_the_list_that_vouches_and_what_is_missing(archive, make):
    listed = front(make, "sitemap", "mill", "ferry", "down", "out", "waits")
    linked = front(make, "link", "login", "tag/closed", "gone")
    letter = run(archive, make, listed, linked, story(make, "mill"), story(make, "ferry"), make.failure(f"{SITE}/down"),
                 Outcome(f"{SITE}/out", "skipped", "robots.txt"), Outcome(f"{SITE}/login", "skipped", "trap:system"),
                 Outcome(f"{SITE}/tag/closed", "skipped", "robots.txt"), make.failure(f"{SITE}/gone", "http_410"),
                 Outcome(f"{SITE}/old.xml", "failed", "http_503", kind="sitemap"))  # fmt: skip
    assert letter.completeness == (
        "2 of the 5 pages that the sitemaps name are here (2 articles); 3 are missing (1 failed, 1 still to be "
        "fetched, 1 forbidden by robots.txt); of the pages that only links lead to, 2 are missing (1 gone from the "
        "site, 1 forbidden by robots.txt); 1 list page is forbidden by robots.txt; 1 sitemap could not be read, and "
        "what it names is unknown."
    )


def test_a_site_without_a_list_is_told_to_be_known_by_its_links_alone(archive, make):
    letter = run(archive, make, front(make, "link", "mill"), front(make, "feed", "elsewhere"), story(make, "mill"))
    assert letter.completeness == (
        "No list vouches for the site; the only page that its own links lead to is here (1 article); what neither list "
        "nor link names is unknown."
    )
    assert read_letter(archive.db, ()).completeness == ""


def test_articles_are_counted_once_and_none_is_left_out_of_the_sum(archive, make):
    """Two pages may lead to one article, and another article may have come by a feed that names little."""
    moved = Outcome(f"{SITE}/old", "done", "redirect", 301, make.clock(), location=f"{SITE}/mill")
    linked, fed = front(make, "link", "mill", "old", "ferry"), front(make, "feed", "storm")
    letter = run(archive, make, linked, fed, moved, *(story(make, name) for name in ("mill", "ferry", "storm")))
    assert letter.completeness == (
        "No list vouches for the site; all 3 pages that its own links lead to are here (2 articles); 1 article more "
        "came by other ways; what neither list nor link names is unknown."
    )


def test_pictures_that_all_failed_are_a_gap(archive, make):
    pictures = [Outcome(f"{SITE}/{number}.jpg", "failed", "http_403", kind="picture") for number in range(3)]
    letter = run(archive, make, front(make, "sitemap", "mill"), story(make, "mill"), *pictures)
    assert letter.completeness.endswith("; none of 3 pictures could be fetched.")


def test_a_feed_that_the_site_says_is_not_there_is_no_gap(archive, make):
    failed = (Outcome(f"{SITE}/tag/feed", "failed", "http_404", kind="feed"),
              Outcome(f"{SITE}/feed", "failed", "http_503", kind="feed"))  # fmt: skip
    letter = run(archive, make, front(make, "sitemap", "mill"), story(make, "mill"), *failed)
    assert letter.completeness.endswith("; 1 feed could not be read, and what it names is unknown.")
    [look] = [look for look in judge_archive(archive.db) if look.subject == "feed/failed/"]
    assert (look.count, look.examples[0].url) == (1, f"{SITE}/feed")


def test_a_robots_txt_that_failed_is_named_as_what_it_is(archive, make):
    letter = run(archive, make, counts={"robots/failed/dns": 3})
    assert "Failed, or gone: 3 robots.txt files (no such host, or no network)" in letter_lines(letter)


def test_home_names_what_the_last_run_brought(archive, make, file):
    run(archive, make, story(make, "mill"), story(make, "ferry"))
    run(archive, make, story(make, "bridge"), story(make, "mill", "It has burned down."))
    archive.close()
    home = RoomClient(file).page(f"{file.stem}/")
    letter = home[home.index('<section class="letter"') : home.index("</section>")]
    assert [letter.count(f"<bdi>The {name}</bdi>") for name in ("bridge", "mill", "ferry")] == [1, 1, 0]
    assert "1 new article, 1 " in letter
