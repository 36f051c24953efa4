"""Outcomes whose pages tests make and change as the cleaner returns them; what an outcome holds is made of them."""

from dataclasses import replace

from broadsheet.cleaners.document import CleanedPage
from broadsheet.output.archive.page_rows import PageRows, make_page_rows
from broadsheet.output.write.outcome import Outcome

_CLEANED_PAGES: dict[int, tuple[PageRows, CleanedPage]] = {}  # by the id of the rows, which are kept with it


def page_rows(cleaned: CleanedPage) -> PageRows:
    """The rows of a page, from which `cleaned_page` finds it again."""
    rows = make_page_rows(cleaned)
    _CLEANED_PAGES[id(rows)] = rows, cleaned
    return rows


def cleaned_page(outcome: Outcome) -> CleanedPage:
    """The page of an outcome as the cleaner returned it."""
    return _CLEANED_PAGES[id(outcome.page)][1]


def with_page(outcome: Outcome, cleaned: CleanedPage | None = None, **changes: object) -> Outcome:
    """The outcome with another page, or its own with some fields changed."""
    return replace(outcome, page=page_rows(cleaned or replace(cleaned_page(outcome), **changes)))
