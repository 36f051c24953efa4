"""What a worker needs, imported and read before the first page: the processes forked from here share it."""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module

_MODULES = (
    "crawler.answers.worker_jobs",
    "feedparser",
    "output.settle.site_memory.read_pages",
    "output.settle.similar.relate",
)
_TEXT = "The mill by the river was sold on Monday, and nobody in the village had asked what it was worth. "
_PAGE = f"<title>The mill</title><h1>The mill is sold</h1><article>{f'<p>{_TEXT * 3}</p>' * 4}</article>"


def _warm_up() -> None:
    """Nothing of this is garbage, and looking for any takes an eighth of the time."""
    gc.disable()
    for module in _MODULES:
        import_module(module)
    from cleaners.clean import clean
    from cleaners.document import Page

    with suppress(Exception):  # as where the disk is full: what could not be read is read when a page needs it
        clean(Page("https://mill.example/2024/sold.html", _PAGE.encode()))  # its language is guessed, by a large model


_warm_up()
gc.collect()
gc.freeze()  # what is looked through for garbage is written to, and no longer shared
gc.enable()
