"""The reading room's server at real sockets: no number of slow or silent connections keeps others out."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from broadsheet.output.browse import application
from broadsheet.output.browse.application import Listener, _config, _Server, bind
from tests.output.browse.conftest import RoomClient

WHOLE = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: a.te"
PATIENCE = 30
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body of the request."""
    try:
        body = await Request(scope, receive).body()
    except ClientDisconnect:
        return
    await PlainTextResponse(body or b"hello")(scope, receive, send)


def while_served(client: Callable[[int], Awaitable[None]], app: object = echo) -> None:
    """Run a client of a server, given its port."""

    async def both() -> None:
        listener = bind("127.0.0.1", 0)
        with closing(listener):
            server = _Server(_config(Listener(listener, app)))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await client(listener.getsockname()[1])
            finally:
                server.should_exit = server.force_exit = True
                await serving

    asyncio.run(asyncio.wait_for(both(), PATIENCE))


async def tell_client(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the address of the peer."""
    await PlainTextResponse(f"{scope['client'][0]} hello")(scope, receive, send)


def test_a_peer_is_known_by_its_connection_and_the_server_by_no_header():
    async def client(port: int) -> None:
        told = await answer(await connect(port, WHOLE.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")))
        assert told.endswith(b"127.0.0.1 hello")
        assert b"server:" not in told.lower()

    while_served(client, tell_client)


async def connect(port: int, *sent: bytes) -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in sent:
        writer.write(part)
    await writer.drain()
    return reader, writer


async def answer(streams: Streams, ending: bytes = b"hello") -> bytes:
    """What comes up to an ending, or all of it where the connection is closed before."""
    try:
        return await streams[0].readuntil(ending)
    except asyncio.IncompleteReadError as error:
        return error.partial
    except ConnectionResetError:
        return b""


def test_more_half_open_connections_than_there_is_room_for_keep_nobody_out():
    async def client(port: int) -> None:
        half_open = [await connect(port, HALF) for _ in range(120)]
        silent = [await connect(port) for _ in range(20)]
        for _ in range(3):
            assert b" 200 " in await answer(await connect(port, WHOLE))
        assert await answer(half_open[0]) == b"", "the oldest has made room"
        half_open[-1][1].write(b"st\r\n\r\n")
        assert b" 200 " in await answer(half_open[-1]), "the latest has not"
        for _, writer in half_open + silent:
            writer.close()

    while_served(client)


@pytest.mark.parametrize("sent", [HALF, b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\nhalf"])
def test_a_request_that_does_not_come_whole_is_dropped(sent, monkeypatch):
    monkeypatch.setattr(application, "_REQUEST_SECONDS", 0.1)

    async def client(port: int) -> None:
        streams = await connect(port, WHOLE)
        assert b" 200 " in await answer(streams)
        streams[1].write(sent)
        assert await answer(streams) == b""
        streams = await connect(port, sent)
        assert await answer(streams) == b""

    while_served(client)


def test_an_answer_may_take_longer_than_its_request(monkeypatch):
    monkeypatch.setattr(application, "_REQUEST_SECONDS", 0.05)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await echo(scope, receive, send)

    async def client(port: int) -> None:
        assert b" 200 " in await answer(await connect(port, WHOLE))

    while_served(client, slow)


def test_a_damaged_value_is_a_line_on_the_page_and_a_fault_of_ours_is_none(filled, monkeypatch):
    room = RoomClient(filled)
    with closing(sqlite3.connect(filled)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("UPDATE captures SET payload_length = 'x'")
        [(number,)] = connection.execute("SELECT u.id FROM urls u JOIN captures c USING (url) LIMIT 1")
    answer = room.get(f"{filled.stem}/url/{number}")
    assert (answer.status_code, "is damaged" in answer.text) == (503, True)
    monkeypatch.setattr(application, "first_problem", lambda db: None)
    with pytest.raises(ValueError, match="format code"):
        room.get(f"{filled.stem}/url/{number}")
