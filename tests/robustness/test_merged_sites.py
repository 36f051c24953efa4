"""Real sites, crawled into an archive each and merged, make the archive of one crawl of all of them."""

from contextlib import ExitStack

import pytest

from tests.bench.archives.differences import comparisons
from tests.bench.archives.step_by_step import run_step_by_step
from tests.bench.sites import SHARED, Site
from tests.crawler.shell import command
from tests.internal_tables import WARC_FILES, YIELDS

NAMES = ("economy_gate", "mali_live")
OTHERWISE = {"alarms", "meta", "runs", WARC_FILES, YIELDS, "captures.refers_to", "_scans.removed"}
"""What says how an archive was made, by one crawl or one of each site; the first of equal answers is one in a shard;
counts by the numbers of reasons, which are of a file."""


def compared(whole, merged):
    """Of each table and view the numbers of rows, and the columns that differ and may not."""
    return {
        each.relation: (each.old_rows, each.new_rows, {
            one.column for one in each.differences
            if each.relation not in OTHERWISE and f"{each.relation}.{one.column}" not in OTHERWISE
        })
        for each in comparisons(whole, merged)
    }  # fmt: skip


@pytest.mark.nightly
@pytest.mark.skipif(not (SHARED / "corpus/sites").is_dir(), reason="needs the evaluation data in ../shared")
def test_shards_merged_are_the_archive_of_all(tmp_path):
    whole, merged, shards = tmp_path / "whole.db", tmp_path / "merged.db", [tmp_path / f"{name}.db" for name in NAMES]
    with ExitStack() as stack:
        sites = [stack.enter_context(Site(name, tmp_path / "sites")) for name in NAMES]
        for db, starts in ((whole, sites), *((shard, [site]) for shard, site in zip(shards, sites, strict=True))):
            run_step_by_step("crawl", *(site.start for site in starts), "--db", db, "--delay", 0, "--allow-private")
    assert command("merge", merged, *shards)[0] == 0
    found = compared(whole, merged)
    assert {relation: columns for relation, (*_, columns) in found.items() if columns} == {}
    assert found["articles"][0] > 60
    code, out, _ = command("merge", merged, *shards[::-1])
    assert (code, out.count("nothing new")) == (0, len(NAMES))
    assert command("verify", merged)[0] == 0
    assert compared(whole, merged) == found
