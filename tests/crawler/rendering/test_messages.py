"""Messages between a crawl and its browser, which survive the way and are nothing else."""

from __future__ import annotations

import asyncio

import pytest

from broadsheet.crawler.rendering.messages import (
    Failure,
    Message,
    MessageError,
    Rendering,
    RenderOrder,
    RenderProblem,
    ResourceAnswer,
    ResourceRequest,
    decode,
    encode,
    receive,
)

MESSAGES: list[Message] = [
    RenderOrder("https://a.example/", {"content-type": "text/html"}, bytes(range(256))),
    ResourceRequest(7, "https://a.example/x", "fetch", {"accept": "*/*"}),
    ResourceAnswer(7, 200, {"content-type": "text/plain"}, b"\0\xff"),
    Rendering("<p>ä</p>"),
    Failure(RenderProblem.HUNG, "a detail"),
]


def read(data: bytes) -> list[Message]:
    async def run() -> list[Message]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        found = []
        while not reader.at_eof():
            found.append(await receive(reader))
        return found

    return asyncio.run(run())


def test_messages_come_as_they_were_sent():
    """Bodies and documents, which are large, are in no text about a message."""
    assert read(b"".join(map(encode, MESSAGES))) == MESSAGES
    assert not any(words in repr(MESSAGES) for words in ("\\x00", "\\xff", "<p>"))
    assert ResourceAnswer(7) == ResourceAnswer(7, 0, {}, b"")


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{}", b'{"type": "Path"}', b'{"type": "Rendering"}', b'{"type": "Failure", "problem": "other"}',
     b'{"type": "Rendering", "html": "", "more": 1}', b"\xff"],
)  # fmt: skip
def test_what_is_no_message_is_refused(data):
    with pytest.raises(MessageError):
        decode(data)


@pytest.mark.parametrize(("length", "error"), [(67_108_865, MessageError), (67_108_864, asyncio.IncompleteReadError)])
def test_a_frame_without_end_is_refused_before_it_is_read(length, error):
    with pytest.raises(error):
        read(length.to_bytes(4, "big"))
