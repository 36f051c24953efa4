"""An archive for the verbs that read one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cleaners.clean import clean
from cleaners.document import Page
from output.archive import Archive
from output.outcome import Outcome
from tests.crawler.scripted_site import page
from tests.crawler.shell import HOSTILE


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """An archive of two articles, one of them with a title that would act on a terminal."""
    file = tmp_path / "made.db"
    with Archive.open(file) as archive:
        for name in ("river", HOSTILE):
            url = f"https://a.example/{name[:5].strip()}"
            cleaned = clean(Page(url, page(name).encode()))
            archive.save([Outcome(url, "done", "article", cleaned=cleaned)])
    return file
