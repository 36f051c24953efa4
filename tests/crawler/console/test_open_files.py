"""Too few descriptors are said before anything begins, or raised where that is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawler.commands.test_export_targets import PROGRAM, shell_line
from tests.crawler.scripted_site import ScriptedSite, page, stories


@pytest.mark.slow
@pytest.mark.parametrize(
    "verb", ["crawl {url} --db {new} -q --allow-private", "import {warc} --db {new}", "reclean {db}"]
)
def test_too_few_are_a_line_and_nothing_is_made(
    serve: Callable[..., ScriptedSite], db: Path, tmp_path: Path, verb: str
) -> None:
    site, new = serve({"/": page("start")}), tmp_path / "new.db"
    (tmp_path / "empty.warc").write_bytes(b"")
    line = verb.format(url=f"{site.url}/", new=new, db=db, warc=tmp_path / "empty.warc")
    code, errors = shell_line(f"ulimit -n 24; {PROGRAM} {line}")
    assert (code, errors.count("\n")) == (1, 1), errors
    assert "ulimit -n" in errors
    assert not new.exists()
    assert site.paths() == []


@pytest.mark.slow
def test_a_soft_limit_is_raised(serve: Callable[..., ScriptedSite], tmp_path: Path) -> None:
    site, new = serve({"/": page("start", "/river"), **stories("river")}), tmp_path / "new.db"
    code, errors = shell_line(f"ulimit -S -n 24; {PROGRAM} crawl {site.url}/ --db {new} -q --allow-private --delay 0")
    assert (code, errors) == (0, "")
