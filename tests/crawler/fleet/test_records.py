"""What a fleet remembers of its sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.fleet.records import RecordFolder, SiteRecord, digest_of
from broadsheet.crawler.fleet.site_task import SiteCounts, SiteEnd, SiteResult

RESULT = SiteResult("news", SiteEnd.FAILED, 1, Path("a/news.db"), SiteCounts(new=3, alarms=1), 12.5, "no article")
RECORD = SiteRecord(RESULT, "2026-01-01T03:00:00+00:00", "2026-01-01T04:00:00+00:00", digest_of(["x"]), is_crawled=True)


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    records = RecordFolder(tmp_path)
    assert records.read("news") is None
    records.write(RECORD)
    assert records.read("news") == RECORD
    assert [path.name for path in (tmp_path / ".fleet").iterdir()] == ["news.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "{}", '{"result": {}}', '{"result": null, "turn_at": ""}', "\xff"]
)
def test_a_record_that_is_none_is_as_if_it_were_not_there(tmp_path: Path, text: str) -> None:
    records = RecordFolder(tmp_path)
    records.write(RECORD)
    (tmp_path / ".fleet" / "news.json").write_bytes(text.encode("latin-1"))
    assert records.read("news") is None


def test_no_words_are_kept(tmp_path: Path) -> None:
    assert digest_of(["--header=X: secret"]) != digest_of(["--header=X:", "secret"])
    assert "secret" not in digest_of(["secret"])
