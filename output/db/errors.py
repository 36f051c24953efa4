"""What can go wrong with an archive file; each message is one line.

ArchiveError
├── NotAnArchive      not SQLite, damaged, or a SQLite file of another program
├── WrongSchema       written by another version of the schema, and not upgradable here
├── NotReachable      missing, a folder, or in a folder that cannot be written
└── InUse             another crawl owns the file
"""

from __future__ import annotations


class ArchiveError(Exception):
    """The archive cannot be used; the message is one line for the person who asked."""


class NotAnArchive(ArchiveError):  # noqa: N818 - named by what it is
    """The file is not SQLite, is damaged, or belongs to another program."""


class WrongSchema(ArchiveError):  # noqa: N818
    """The file has a schema that this version can neither read nor upgrade."""


class NotReachable(ArchiveError):  # noqa: N818
    """The file is missing, is a folder, or its folder cannot be written."""


class InUse(ArchiveError):  # noqa: N818
    """Another crawl holds the file's lock."""
