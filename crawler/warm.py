"""What a worker needs, imported and read before the first page: the processes forked from here share it."""

from __future__ import annotations

import gc
from contextlib import suppress

import crawler.work  # noqa: F401
import output.looking
import output.similar  # noqa: F401
from cleaners.clean import clean
from cleaners.record import Page

_TEXT = "The mill by the river was sold on Monday, and nobody in the village had asked what it was worth. "
_PAGE = f"<title>The mill</title><h1>The mill is sold</h1><article>{f'<p>{_TEXT * 3}</p>' * 4}</article>"

with suppress(Exception):  # as where the disk is full: what could not be read is read when a page needs it
    clean(Page("https://mill.example/2024/sold.html", _PAGE.encode()))  # its language is guessed, by a large model
gc.collect()
gc.freeze()  # what is looked through for garbage is written to, and no longer shared
