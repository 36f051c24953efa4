"""The kinds of edit of an article: what a comparison of two captures finds, and what an answer without one says."""

from __future__ import annotations

from enum import StrEnum


class EditKind(StrEnum):
    """What an edit is, the most important kind first."""

    CORRECTION = "correction"
    UPDATE = "update"
    HEADLINE = "headline"
    LEAD = "lead"
    BODY = "body"
    DATE = "date"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"


NOTICE_KINDS = (EditKind.CORRECTION, EditKind.UPDATE)
"""What a notice of the publication can say of an edit."""

COMPARED_KINDS = (*NOTICE_KINDS, EditKind.HEADLINE, EditKind.LEAD, EditKind.BODY, EditKind.DATE)
"""The kinds of edit that a comparison can find, the most important first."""

TEXTLESS_KINDS = (EditKind.WITHDRAWN, EditKind.RETURNED)
"""What is no edit of the text: that of the capture before still holds."""
