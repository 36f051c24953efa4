from __future__ import annotations

from pathlib import Path

from broadsheet.crawler.fleet.imports.import_task import import_task

FILE = Path("/news/a.warc.gz")


def test_a_task_is_of_one_file_and_its_options() -> None:
    task = import_task(FILE, Path("/work"), ["--since=2024-01-01"])
    assert task.command(task.archive) == (
        "import", "/news/a.warc.gz", "--db", str(task.archive), "--quiet", "--since=2024-01-01",
    )  # fmt: skip
    assert task.archive == Path("/work") / task.name / "archive.db"
    others = (
        import_task(FILE, Path("/work"), []),
        import_task(Path("/old/a.warc.gz"), Path("/work"), task.crawl_words),
    )
    assert len({task.name, *(other.name for other in others)}) == 3
    assert import_task(FILE, Path("/work"), ["--since=2024-01-01"]) == task


def test_a_long_name_makes_a_name_that_a_disk_takes() -> None:
    assert len(import_task(Path("/" + "a" * 255), Path("/work"), []).name) < 200
