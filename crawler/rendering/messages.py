"""Messages between a crawl and the process of its browser: JSON in frames, because a page may have taken over the
browser, and pickles from it would run code.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

MAX_FRAME = 64 * 1024 * 1024
"""Maximum size of a frame in bytes: a resource may have 16 MB, and base64 adds a third."""

_LENGTH_BYTES = 4


class RenderProblem(StrEnum):
    """Reason for a page without a rendered document."""

    NOT_STARTED = "not_started"  # Chromium does not start
    HUNG = "hung"  # a script that runs on and on
    CRASHED = "crashed"
    TOO_LONG = "too_long"
    TOO_MUCH_MEMORY = "too_much_memory"
    TOO_LARGE = "too_large"  # a document of more bytes than are read


@dataclass(frozen=True, slots=True)
class RenderOrder:
    """Page to be rendered: its URL, its headers and its body as the crawl's own fetch received them."""

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ResourceRequest:
    """Request of the page for a script, a stylesheet or data, and the headers of it that a site may need."""

    number: int
    url: str
    kind: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ResourceAnswer:
    """Answer to a `ResourceRequest`; status 0 refuses it."""

    number: int
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Rendering:
    """Rendered document as HTML."""

    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """Failure of the browser process to render a page."""

    problem: RenderProblem
    detail: str = ""


Message = RenderOrder | ResourceRequest | ResourceAnswer | Rendering | Failure
_TYPES: dict[str, type[Any]] = {
    message_type.__name__: message_type
    for message_type in (RenderOrder, ResourceRequest, ResourceAnswer, Rendering, Failure)
}


class MessageError(ValueError):
    """A malformed frame."""


def encode(message: Message) -> bytes:
    """Return a message as a frame: its length in four bytes, and its JSON."""
    values = asdict(message) | {"type": type(message).__name__}
    if "body" in values:
        values["body"] = base64.b64encode(values["body"]).decode()
    data = json.dumps(values).encode()
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


def decode(data: bytes) -> Message:
    """Return the message in a frame, without its length.

    Raises MessageError for other content.
    """
    try:
        values = json.loads(data)
        message_type = _TYPES[values.pop("type")]
        if "body" in values:
            values["body"] = base64.b64decode(values["body"])
        if "problem" in values:
            values["problem"] = RenderProblem(values["problem"])
        message: Message = message_type(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MessageError(f"no message: {type(error).__name__}") from error
    return message


async def receive(reader: asyncio.StreamReader) -> Message:
    """Read the next message.

    Raises MessageError for a malformed frame, and asyncio.IncompleteReadError at the end of the stream.
    """
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "big")
    if length > MAX_FRAME:
        raise MessageError(f"a frame of {length:,} bytes")
    return decode(await reader.readexactly(length))
