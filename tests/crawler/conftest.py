"""Sites on loopback and crawls of them, and an archive for the verbs that read one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import scrapy.core.downloader.contextfactory  # noqa: F401 - early: it looks who imports it, among all that is imported

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from broadsheet.output.archive.page_rows import make_page_rows
from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.outcome import Outcome
from tests.crawler.crawls import Crawl
from tests.crawler.scripted_site import Route, ScriptedSite, page
from tests.crawler.shell import HOSTILE


@pytest.fixture
def serve() -> Iterator[Callable[..., ScriptedSite]]:
    """Start sites: `serve({path: reply})`."""
    sites: list[ScriptedSite] = []

    def start(routes: dict[str, Route] | None = None) -> ScriptedSite:
        sites.append(ScriptedSite(routes))
        return sites[-1]

    yield start
    for site in sites:
        site.close()


@pytest.fixture
def site(serve: Callable[..., ScriptedSite]) -> ScriptedSite:
    """A site without pages yet."""
    return serve()


@pytest.fixture
def crawl(tmp_path: Path) -> Crawl:
    return Crawl(tmp_path)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """An archive of two articles, one of them with a title that would act on a terminal."""
    file = tmp_path / "made.db"
    with Archive.open(file) as archive:
        for name in ("river", HOSTILE):
            url = f"https://a.example/{name[:5].strip()}"
            rows = make_page_rows(clean(Page(url, page(name).encode())))
            archive.save([Outcome(url, "done", "article", page=rows)])
    return file
