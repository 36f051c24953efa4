from __future__ import annotations

from output.report.figures import RemovedCount, UrlCount, gather_report
from output.report.report_text import render


def filled(archive, make):
    discovered = (
        make.discovered("http://a.test/b", found_via="sitemap"),
        make.discovered("http://a.test/c", state="skipped", reason="depth"),
    )
    archive.save(
        [
            make.outcome(
                "http://a.test/1",
                "text one",
                removed=("share this now", "x"),
                discovered_urls=discovered,
                outside_links={"b.test": 7},
            ),
            make.failure("http://a.test/2", "http_404"),
        ]
    )
    archive.runs.start("crawl http://a.test/\x1b[31m", {}, {})
    return gather_report(archive.db)


def test_every_url_is_counted(archive, make):
    report = filled(archive, make)
    assert set(report.urls) == {
        UrlCount("page", "done", "article", 1),
        UrlCount("page", "failed", "http_404", 1),
        UrlCount("page", "queued", "", 1),
        UrlCount("page", "skipped", "depth", 1),
    }
    assert report.removed == (RemovedCount("share", "share.icons", 2, 4),)
    assert [(line.host, line.links) for line in report.outside] == [("b.test", 7)]
    assert {(line.found_via, line.found, line.captured, line.articles) for line in report.found_by} == {
        ("guess", 2, 1, 1),
        ("sitemap", 1, 0, 0),
        ("link", 1, 0, 0),
    }


def test_it_fits_the_width_and_names_what_it_leaves_out(archive, make):
    report = filled(archive, make)
    for width in (30, 60, 120):
        text = render(report, width, max_lines=2)
        assert max(map(len, text.splitlines())) <= width
        assert "… and 2 more" in text
        assert "\x1b" not in text
    assert "share.icons" in render(report)


def test_an_empty_archive_has_a_report(archive):
    assert render(gather_report(archive.db)) == "0 articles; no gap worth a look; no alarm.\n"
