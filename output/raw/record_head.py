"""The head of a record in a WARC or ARC file: what it says of the record, and where its block begins. Pure.

Libraries give up on a file at the first odd head. Here a head may have line ends without CR, an unknown version, bytes
that are no UTF-8, lines without a colon, and a length that is none; ARC heads may have spaces in the URL and any date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

HEAD_BYTES = 64 * 1024
"""Bytes of a record within which its head has to end."""

WARC_START = rb"(?i:WARC/\d[\d.]*)[ \t]*\r*\n"
"""The first line of a WARC record, as a pattern."""

ARC_START = (
    rb"(?P<url>[A-Za-z][A-Za-z0-9.+-]{1,20}:[^\r\n]{1,8000}?)[ ]"  # a URL may have spaces in it
    rb"(?P<address>\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|-)[ ]"
    rb"(?P<date>[^ \r\n]{1,40})[ ](?P<rest>[^\r\n]{0,2000}[ ])?(?P<length>-?\d{1,18})[ \t]*\r*\n"
)
"""The head of an ARC record, version 1 or 2, as a pattern: a single line."""

_WARC_START = re.compile(WARC_START)
_ARC_START = re.compile(ARC_START)
_HEAD_END = re.compile(rb"\r*\n\r*\n")
_WARC_END, _ARC_END = re.compile(rb"\r*\n\r*\n"), re.compile(rb"\r*\n")
_BLANK = b" \t\r\n\0"
_FILE_HEAD = "filedesc:"  # the scheme of the record that begins an ARC file
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class RecordHead:
    """A record's WARC-Type in lower case, its header fields by lower-case name, and its head's size in bytes.

    `length` is the stated length of the block in bytes, None if none is stated that is a number. The fields of an ARC
    record are those that a WARC record would have, its type is `response`, or `warcinfo` at the beginning of a file.
    """

    kind: str
    fields: Mapping[str, str] = field(repr=False)
    size: int
    length: int | None
    is_arc: bool = False

    @property
    def url(self) -> str:
        """The record's URL; wget puts it in angle brackets, as the grammar of WARC/1.0 said."""
        return self.fields.get("warc-target-uri", "").strip().removeprefix("<").removesuffix(">")


def parse_record_head(data: bytes) -> RecordHead | None:
    """The head of the record that begins with these bytes, None if none does; it may break off where they end."""
    data = data[:HEAD_BYTES]
    if _WARC_START.match(data):
        return _warc_head(data)
    if match := _ARC_START.match(data):
        return _arc_head(match)
    return None


def ends_record(head: RecordHead, following: bytes) -> bool:
    """Whether a record with this head may end before these bytes: its end mark, nothing or the next record follows."""
    if (_ARC_END if head.is_arc else _WARC_END).match(following):
        return True
    rest = following.lstrip(_BLANK)
    return not rest or parse_record_head(rest) is not None


def _warc_head(data: bytes) -> RecordHead:
    end = _HEAD_END.search(data)
    fields = _parse_fields(data[: end.start() if end else len(data)].splitlines()[1:])
    stated_length = fields.get("content-length", "")
    return RecordHead(
        fields.get("warc-type", "").lower() or "unknown",
        fields,
        end.end() if end else len(data),
        int(stated_length) if _LENGTH.fullmatch(stated_length) else None,
    )


def _parse_fields(lines: Iterable[bytes]) -> dict[str, str]:
    """Header fields by lower-case name, the first of each; a line that begins with a space continues the one before."""
    fields: dict[str, str] = {}
    last_name = ""
    for line in map(_decode, lines):
        name, colon, value = line.partition(":")
        if line[:1] in (" ", "\t") and last_name:
            fields[last_name] = f"{fields[last_name]} {line.strip()}"
        elif colon and (last_name := name.strip().lower()):
            fields.setdefault(last_name, value.strip())
    return fields


def _arc_head(match: re.Match[bytes]) -> RecordHead:
    url = _decode(match["url"])
    fields = {
        "warc-target-uri": url,
        "warc-ip-address": _decode(match["address"]),
        "warc-date": _decode(match["date"]),
        "content-type": _decode((match["rest"] or b"").partition(b" ")[0].rstrip(b";")),
    }
    kind = "warcinfo" if url.startswith(_FILE_HEAD) else "response"
    length = int(match["length"])
    return RecordHead(kind, fields, match.end(), length if length >= 0 else None, is_arc=True)


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
