"""Real sites, crawled into an archive each and merged, make the archive of one crawl of all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.merged_sites import measure
from tests.bench.sites import SHARED

NAMES = ("economy_gate", "mali_live")


@pytest.mark.nightly
@pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared")
def test_shards_merged_are_the_archive_of_all(tmp_path: Path) -> None:
    result = measure(NAMES, tmp_path, 0)
    assert result["articles"] > 60
    assert {name: result["tables"][name] for name in result["unequal"]} == {}
    assert result["merged_again"] == {"nothing_new": len(NAMES), "is_as_before": True}
