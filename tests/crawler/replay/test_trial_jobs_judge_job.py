"""A stored page is judged again from its record, with the votes on each block."""

from __future__ import annotations

from pathlib import Path

from broadsheet.crawler.replay.recorded_response import UnreadResponse
from broadsheet.crawler.replay.trial_jobs import judge_stored_page
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.browse.page_trials import StoredResponse
from broadsheet.output.raw.raw_exchange import RecordLocation
from tests.crawler.scripted_site import page
from tests.crawler.warcs import answer, record

URL = "https://a.example/story"


def stored(folder: Path, body: bytes) -> StoredResponse:
    data = record(URL, answer(body))
    (folder / "x.warc").write_bytes(data)
    place = RecordLocation("x.warc", 0, len(data))
    return StoredResponse(1, "Title", URL, URL, "2026-01-01T00:00:00+00:00", place, None, folder)


def test_each_block_comes_with_its_votes(tmp_path: Path) -> None:
    blocks = judge_stored_page(stored(tmp_path, page("river", "/home").encode()))
    assert not isinstance(blocks, UnreadResponse)
    kept = [block for block in blocks if block.is_kept]
    assert kept[0].text.startswith("River paragraph 0")
    assert any(vote.keep for vote in kept[0].votes)
    assert any(not vote.keep for block in blocks if not block.is_kept for vote in block.votes)


def test_a_record_that_is_gone_is_said(tmp_path: Path) -> None:
    response = stored(tmp_path, b"x")
    (tmp_path / "x.warc").unlink()
    assert judge_stored_page(response) == UnreadResponse(OutcomeReason.RAW_MISSING)
