"""Requests read strictly: permitted senders and methods, and the arguments of an address.

A page of another site that a person has open can send requests to this machine too. So only known names of this server
are answered, and a browser's request only where a person typed the address or a page of this server made it. A change
must come from one of its own pages, with the token that only these hold. A number must be a
number and a choice one of ours, else the page says so.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..archive.stored_text import storable_text
from ..archive.stored_values import LARGEST_INTEGER

NOTHING = "'none'"
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_MOST_BYTES = 100_000  # of a form
_READING_METHODS = ("GET", "HEAD")
_METHODS = (*_READING_METHODS, "POST")


def loopback_authorities(port: int, names: Collection[str] = ()) -> tuple[str, ...]:
    """Return the values of Host under which a server on a port answers: those of loopback, and further names."""
    return tuple(f"{name}:{port}" for name in dict.fromkeys((*LOOPBACK_NAMES, *names)))


def page_headers(frame_origin: str = "") -> dict[str, str]:
    """Return the headers of pages: own style sheet, own script and own pictures, no other source, and no frame but the
    one of raw pages. Forms need the policy `same-origin`: with `no-referrer` a browser hides the origin of a form
    from us.
    """
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        f"base-uri 'none'; frame-ancestors 'none'; frame-src {frame_origin or NOTHING}"
    )
    return {
        "content-security-policy": policy,
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware. `authorities` are the values of Host that are answered; `headers` are added where missing.

    `sites` are the values of Sec-Fetch-Site that may read: `none` where a person typed the address or has a bookmark.
    Parts of a page (a Sec-Fetch-Dest in `parts`) may come from any site, since a sandboxed page belongs to none.
    With `may_write` a POST passes if it comes from a page of this very server, else none does.
    """

    app: ASGIApp
    authorities: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    may_write: bool = False
    sites: tuple[str, ...] = ("none", "same-origin")
    parts: tuple[str, ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it in one line of plain text."""
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer_headers = MutableHeaders(scope=message)
                for name, text in self.headers.items():
                    answer_headers.setdefault(name, text)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if host.lower() not in self.authorities or len(headers.getlist("host")) != 1:
            return PlainTextResponse("this server does not answer to that name\n", 421)
        if method not in _METHODS:
            return PlainTextResponse("this server reads pages and takes forms\n", 405)
        is_part = headers.get("sec-fetch-dest", "").lower() in self.parts
        if (
            method in _READING_METHODS
            and headers.get("sec-fetch-site", "none").lower() not in self.sites
            and not is_part
        ):
            return PlainTextResponse("another site led here: to read this, press Enter in the address bar\n", 403)
        if method not in _READING_METHODS and not (self.may_write and _is_from(host, headers)):
            return PlainTextResponse("only a form on a page of this server may change anything\n", 403)
        if method not in _READING_METHODS and not _is_short(headers.get("content-length", "")):
            return PlainTextResponse("a form here is short, and says how long it is\n", 413)
        return None


def _is_short(length: str) -> bool:
    return length.isascii() and length.isdigit() and int(length[:9]) <= _MOST_BYTES


def _is_from(host: str, headers: Headers) -> bool:
    """Return whether a request comes from a page of this server. A browser always names the origin of a form."""
    is_own_site = headers.get("sec-fetch-site", "same-origin") == "same-origin"
    return is_own_site and headers.get("origin", "").lower() == f"http://{host.lower()}"


def is_token(given: object, token: str) -> bool:
    """Return whether a form gives the token of this run."""
    return isinstance(given, str) and hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


_MAX_CHARACTERS = 1000


class BadArgumentError(Exception):
    """An invalid argument in an address; the message is one line."""


class NotHereError(Exception):
    """An address of something that the archive does not hold; the message is one line."""


class ForbiddenError(Exception):
    """A form that may not act here; the message is one line."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one request, from its path, its query or its form."""

    values: Mapping[str, str]

    def text(self, name: str, most_characters: int = _MAX_CHARACTERS) -> str:
        """Return an argument's text without the spaces around it; empty if it is not given.

        Raises BadArgumentError if too long.
        """
        value = storable_text(self.values.get(name, "")).strip()
        if len(value) > most_characters:
            raise BadArgumentError(f"{name} is too long")
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """Return a whole number of at most 63 bits."""
        value = self.text(name)
        if not value and default is not None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= LARGEST_INTEGER):
            raise BadArgumentError(f"{name} is not a number that can be here")
        return int(value)

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        """Return an argument that must be one of some words; the default if it is not given."""
        value = self.text(name) or default
        if value and value not in choices:
            raise BadArgumentError(f"{name} is none of {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self.choice(name, ("1", "0")) == "1"


def path_number(request: Request) -> int:
    """Return the number in the path of a request.

    Raises BadArgumentError for one of more than 63 bits.
    """
    return Arguments({"id": request.path_params["id"]}).number("id")


class _Digits(Convertor[str]):
    """A number in a path, kept as text until it is read: Python refuses to parse one of thousands of digits."""

    regex = "[0-9]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("digits", _Digits())  # as {id:digits} in the routes of the room
