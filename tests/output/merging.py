"""An archive merged into another as `broadsheet merge` does it, one at a time."""

from collections.abc import Callable
from pathlib import Path

from sqlite_utils import Database

from broadsheet.output.archive.archive_file import database_file
from broadsheet.output.archive.stored_values import utc_now
from broadsheet.output.collections.archive_merge import MergeResult, merge_source, refuse_damaged_source, refuse_itself
from broadsheet.output.collections.source_archive import open_source


def merge_archive(
    target: Database, path: str | Path, clock: Callable[[], str] = utc_now, on_host: Callable[[str], None] | None = None
) -> MergeResult:
    """Merge the archive at `path` into an open one; nothing is settled."""
    refuse_itself(path, database_file(target))
    with open_source(path) as source:
        refuse_damaged_source(target, source)
        return merge_source(target, source, clock, on_host)
