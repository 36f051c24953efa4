"""Imports side by side: tasks run by an engine, and what came of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from broadsheet.crawler.fleet.imports.import_task import ImportTask
from broadsheet.crawler.fleet.site_task import Engine, SiteResult

_NAMED_FILES = 3  # in a progress line


@dataclass
class ImportTurn:
    """Runs import tasks on an engine. `results` are in the order in which they came."""

    tasks: Sequence[ImportTask]
    engine: Engine
    results: list[SiteResult] = field(default_factory=list, init=False)

    def run(self) -> None:
        """Run the tasks to their end, or until the engine is stopped."""
        self.engine.run(self.tasks, self.results.append)

    def progress_line(self) -> str:
        """How far the imports are, and which files are being read, in one line."""
        names = {task.name: task.file.name for task in self.tasks}
        running = [names[task.name] for task in self.engine.running()]
        rest = f" and {len(running) - _NAMED_FILES} more" if len(running) > _NAMED_FILES else ""
        files_text = ", ".join(running[:_NAMED_FILES]) or "none"
        return f"{len(self.results):,} of {len(self.tasks):,} files; reading: {files_text}{rest}"
