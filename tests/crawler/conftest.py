"""Sites on loopback and crawls of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crawler.crawls import Crawl
from tests.crawler.scripted_site import Route, ScriptedSite


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
