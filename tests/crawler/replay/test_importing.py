from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from broadsheet.crawler.options import CrawlOptions
from broadsheet.crawler.replay import importing
from broadsheet.crawler.replay.importing import Importer
from broadsheet.crawler.replay.record_order import RecordOrder
from broadsheet.output.archive.archive_file import open_database
from broadsheet.output.write.archive_writer import Archive
from tests.crawler.scripted_site import page
from tests.crawler.warcs import answer, record, write

SITE = "https://a.example"


def test_a_record_that_breaks_our_own_code_costs_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    read = importing.read_indexed_record

    def failing_read(job: Any, *others: Any) -> Any:
        if job.url.endswith("/bad"):
            raise TypeError("never thought of")
        return read(job, *others)

    monkeypatch.setattr(importing, "read_indexed_record", failing_read)
    file = write(tmp_path / "a.warc.gz", [record(f"{SITE}/{name}", answer(page(name))) for name in ("bad", "good")])
    lines: list[str] = []
    with Archive.open(tmp_path / "a.db") as archive, closing(RecordOrder()) as order:
        order.add_file("a.warc.gz", file)
        order.sort()
        options = CrawlOptions.from_arguments({"seeds": ("archive",)})
        with closing(open_database(tmp_path / "a.db", read_only=True)) as read_db:
            importer = Importer(archive, read_db, order, options, lines.append)
            asyncio.run(importer.run(tmp_path, worker_count=1))
        reasons = dict(archive.db.execute("SELECT url, reason FROM urls WHERE kind = 'page'").fetchall())
    assert reasons == {f"{SITE}/bad": "error:TypeError", f"{SITE}/good": "article"}
    assert [line.count("never thought of") for line in lines] == [1]
