from __future__ import annotations

from output.report.figures import RemovedCount, UrlCount, report
from output.report.report_text import render


def filled(archive, make):
    found = (
        make.found("http://a.test/b", via="sitemap"),
        make.found("http://a.test/c", state="skipped", reason="depth"),
    )
    archive.save(
        [
            make.outcome(
                "http://a.test/1", "text one", removed=("share this now", "x"), found=found, outside={"b.test": 7}
            ),
            make.failure("http://a.test/2", "http_404"),
        ]
    )
    archive.start_run("crawl http://a.test/\x1b[31m", {}, {})
    return report(archive.db)


def test_every_url_is_counted(archive, make):
    made = filled(archive, make)
    assert set(made.urls) == {
        UrlCount("page", "done", "article", 1),
        UrlCount("page", "failed", "http_404", 1),
        UrlCount("page", "queued", "", 1),
        UrlCount("page", "skipped", "depth", 1),
    }
    assert made.removed == (RemovedCount("share", "share.icons", 2, 4),)
    assert [(line.host, line.links) for line in made.outside] == [("b.test", 7)]
    assert {(line.found_via, line.found, line.captured, line.articles) for line in made.found_by} == {
        ("guess", 2, 1, 1),
        ("sitemap", 1, 0, 0),
        ("link", 1, 0, 0),
    }


def test_it_fits_the_width_and_names_what_it_leaves_out(archive, make):
    made = filled(archive, make)
    for width in (30, 60, 120):
        text = render(made, width, most=2)
        assert max(map(len, text.splitlines())) <= width
        assert "… and 2 more" in text
        assert "\x1b" not in text
    assert "share.icons" in render(made)


def test_an_empty_archive_has_a_report(archive):
    assert render(report(archive.db)) == "0 articles\n"
