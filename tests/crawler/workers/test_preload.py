"""What the server of the workers loads, so that no worker has to."""

from __future__ import annotations

import subprocess
import sys

import pytest

_CHECK = """
import broadsheet.crawler.workers.preload
from broadsheet.cleaners.judge.tree_models import BLOCK_MODEL, FIRST_LOOK_MODEL, load_trees
from broadsheet.cleaners.lineage import lineage
from broadsheet.cleaners.page.date_parser import _written_date_pattern
assert lineage.cache_info().currsize
assert _written_date_pattern.cache_info().currsize
assert load_trees.cache_info().currsize == 2
assert all("_leaf_finder" in vars(load_trees(file)) for file in (BLOCK_MODEL, FIRST_LOOK_MODEL))
"""


@pytest.mark.slow
def test_models_and_lineage_are_ready_before_a_worker_is_forked() -> None:
    done = subprocess.run([sys.executable, "-c", _CHECK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
