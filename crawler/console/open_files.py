"""How many files a process may have open, raised as far as the system lets it where a crawl needs more."""

from __future__ import annotations

from contextlib import suppress

from broadsheet.crawler.workers.worker import process_count

_FILES = 64  # connections, the archive with its WARC file, pipes, and what the libraries open
_FILES_PER_WORKER = 4


def open_files_problem() -> str:
    """Why there are too few, in one line; empty if there are enough. Needs a system that has `resource`."""
    import resource

    needed_count = _FILES + _FILES_PER_WORKER * process_count(0)
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft_limit == resource.RLIM_INFINITY or soft_limit >= needed_count:
        return ""
    with suppress(ValueError, OSError):  # over the hard limit, or a system that does not change it
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed_count, hard_limit))
        return ""
    return f"only {soft_limit} files may be open, and this needs {needed_count}: ulimit -n {needed_count} allows them"
