"""What a worker needs, imported and read before the first page: the processes forked from here share it."""

from __future__ import annotations

import gc

import crawler.work  # noqa: F401
from cleaners.clean import clean
from cleaners.record import Page

_TEXT = "The mill by the river was sold on Monday, and nobody in the village had asked what it was worth. "
_PAGE = f"<title>The mill</title><h1>The mill is sold</h1><article>{f'<p>{_TEXT * 3}</p>' * 4}</article>"

clean(Page("https://mill.example/2024/sold.html", _PAGE.encode()))  # states no language: that is guessed by a model
gc.collect()
gc.freeze()  # what is looked through for garbage is written to, and no longer shared
