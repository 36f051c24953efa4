"""`broadsheet clean … -o`: many WARC files, on the cores of this machine and on a Dask cluster."""

from __future__ import annotations

import shutil
from pathlib import Path

import dask.dataframe
import pandas as pd
import pytest

from broadsheet.crawler.bulk.bulk_run import bulk_names
from broadsheet.crawler.cli.command_line import CommandError
from tests.bench.load.site import free_port
from tests.crawler.bulk.warcs import harbour
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.shell import start
from tests.crawler.warm import PATIENCE


def clean(*words: object) -> tuple[int, str, str]:
    process = start("clean", *words)
    out, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out, errors


def test_sources_are_files_patterns_and_folders_and_pages_beside_them_are_said(tmp_path: Path) -> None:
    march = [harbour(tmp_path / f"march/{name}.warc.gz") for name in ("a", "b")]
    (tmp_path / "march/page.html").write_text("<p>a page</p>")
    (tmp_path / "march/c.warc").mkdir()
    lines: list[str] = []
    assert bulk_names([str(tmp_path)], lines.append) == [str(file) for file in march]
    assert lines == [f"{tmp_path}: 1 saved page left out: -o takes WARC and WACZ files"]
    assert bulk_names([f"{tmp_path}/*/b*.gz", str(march[0])], print) == [str(march[1]), str(march[0])]
    for name in (f"{tmp_path}/none*", str(tmp_path / "march/c.warc")):
        with pytest.raises(CommandError, match="has no WARC or WACZ file"):
            bulk_names([name], print)


@pytest.mark.slow
def test_files_are_cleaned_on_this_machine_and_the_end_adds_up(tmp_path: Path) -> None:
    for name in ("a", "b"):
        harbour(tmp_path / f"march/{name}.warc.gz", name)
    (tmp_path / "march/bad.warc.gz").write_bytes(b"nothing")
    out = tmp_path / "out"
    code, printed, errors = clean(tmp_path / "march", "-o", out)
    assert code == 1
    assert "bad.warc.gz holds no WARC or ARC records" in errors
    assert printed.startswith("3 files, 1 could not be read; 10 records = 4 pages + 2 skipped + 4 failed\n")
    (tmp_path / "march/bad.warc.gz").unlink()
    code, printed, _ = clean(tmp_path / "march", "-o", out)
    assert (code, printed.splitlines()[0]) == (
        0, "2 files, 2 of them by an earlier run; 10 records = 4 pages + 2 skipped + 4 failed",
    )  # fmt: skip
    assert len(pd.read_parquet(out / "articles")) == 4
    assert dask.dataframe.read_parquet(str(out / "records")).compute().state.value_counts()["done"] == 4


@pytest.mark.slow
def test_a_cluster_cleans_the_same_also_where_a_worker_dies(tmp_path: Path) -> None:
    for number in range(6):
        harbour(tmp_path / f"march/{number}.warc.gz", f"a{number}")
    cluster = DaskCluster(free_port(), tmp_path)
    try:
        cluster.start_scheduler()
        cluster.start_worker()
        process = start("clean", tmp_path / "march", "-o", tmp_path / "out", "--scheduler", cluster.address)
        while process.poll() is None and not (tmp_path / "out/completed").exists():
            pass
        cluster.kill_worker("machine-0")
        printed, errors = process.communicate(timeout=PATIENCE)
    finally:
        cluster.close()
    assert process.returncode == 0, errors
    assert printed.startswith("6 files")
    assert "; 30 records = 12 pages + 6 skipped + 12 failed\n" in printed
    shutil.rmtree(tmp_path / "out/completed")
    assert len(pd.read_parquet(tmp_path / "out/articles")) == 12


def test_options_that_do_not_go_together_are_said(tmp_path: Path) -> None:
    for words in (("x.warc", "-o", tmp_path, "--explain"), ("x.html", "--scheduler", "tcp://a:1"), ("-o", tmp_path)):
        code, _, errors = clean(*words)
        assert (code, errors.count("\n")) == (2, 1), errors
