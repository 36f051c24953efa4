"""Errors of an archive file; each message is one line.

ArchiveError
├── NotAnArchive      not SQLite, damaged, or a SQLite file of another program
├── DamagedValue      a stored value is damaged; the message names its table, column and row
├── TextConflict      a text whose number stands for another text already; the message has both
├── WrongSchema       written by another version of the schema, and not upgradable here
├── ForeignSchema     has a trigger, or an object in place of the schema's, that this program did not make
├── NotReachable      missing, a folder, or in a folder that cannot be written
└── InUse             another crawl owns the file
"""

from __future__ import annotations

_QUOTED_CHARS = 80  # of a text in a message


class ArchiveError(Exception):
    """The archive cannot be used; the message is one line for the person who asked."""


class NotAnArchive(ArchiveError):  # noqa: N818 - named by what it is
    """The file is not SQLite, is damaged, or belongs to another program."""


class DamagedValue(ArchiveError):  # noqa: N818
    """A stored value cannot be read. `location` names it, as in `pages/evidence row 12`."""

    def __init__(self, location: str, path: str = "the archive") -> None:
        super().__init__(f"{path} is damaged at {location}; run broadsheet verify")
        self.location = location

    def __reduce__(self) -> tuple[type[DamagedValue], tuple[str]]:
        return DamagedValue, (self.location,)  # crosses a process: an exception is made anew from its arguments


class TextConflict(ArchiveError):  # noqa: N818
    """A conflict of two block texts with the same number: the second cannot be stored, and nothing of it is."""

    def __init__(self, text_id: int, stored_text: str, text: str) -> None:
        texts = " and ".join(f"“{' '.join(words.split())[:_QUOTED_CHARS]}”" for words in (stored_text, text))
        super().__init__(f"block number {text_id} stands for two texts: {texts}; the second is not stored")


class WrongSchema(ArchiveError):  # noqa: N818
    """The file has a schema that this version can neither read nor upgrade."""


class ForeignSchema(ArchiveError):  # noqa: N818
    """The file has foreign SQL that would run, or mislead, when the file is written."""


class NotReachable(ArchiveError):  # noqa: N818
    """The file is missing, is a folder, or its folder cannot be written."""


class InUse(ArchiveError):  # noqa: N818
    """A lock held by another crawl."""
