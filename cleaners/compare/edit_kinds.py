"""Kinds of edit of an article: those that a comparison of two captures finds, and those that an HTTP answer alone
shows.
"""

from __future__ import annotations

from enum import StrEnum


class EditKind(StrEnum):
    """Kind of an edit, the most important kind first."""

    CORRECTION = "correction"
    UPDATE = "update"
    HEADLINE = "headline"
    LEAD = "lead"
    BODY = "body"
    DATE = "date"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"


NOTICE_KINDS = (EditKind.CORRECTION, EditKind.UPDATE)
"""Kinds that a notice of the publication can state."""

COMPARED_KINDS = (*NOTICE_KINDS, EditKind.HEADLINE, EditKind.LEAD, EditKind.BODY, EditKind.DATE)
"""The kinds of edit that a comparison can find, the most important first."""

TEXTLESS_KINDS = (EditKind.WITHDRAWN, EditKind.RETURNED)
"""Kinds that leave the text as the capture before has it."""
