"""The spider in a Scrapy process of its own: what is loaded before its first request."""

from __future__ import annotations

import subprocess
import sys

import pytest
from scrapy.settings import Settings

from broadsheet.crawler.commands.spider_run import lacks_contact

_LOADED = """
import sys, broadsheet.crawler.commands.spider_run
names = list(sys.modules)
print(names.index("scrapy.core.downloader.contextfactory") < names.index("broadsheet.crawler.commands.run_summary"))
print(not any(name.startswith(("broadsheet.output.settle.", "broadsheet.cleaners.clean", "trafilatura")) for name in
names))
"""


@pytest.mark.slow
def test_what_settles_and_what_cleans_is_not_loaded_before_the_first_request() -> None:
    """And what Scrapy loads slowly under a deep stack is loaded first."""
    run = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["True", "True"]


def test_only_a_crawl_of_public_sites_is_asked_for_a_contact() -> None:
    private = Settings({"BROADSHEET_ALLOW_PRIVATE": True})
    assert lacks_contact(Settings(), {"contact": ""})
    assert not lacks_contact(private, {"contact": ""})
    assert not lacks_contact(Settings(), {"contact": "me@a.example"})
    assert not lacks_contact(Settings(), {})
