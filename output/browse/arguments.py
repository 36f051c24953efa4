"""What an address asks for, read strictly: a number is a number, a choice is one of ours, else the page says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request

from broadsheet.output.db.ids import LARGEST_INTEGER
from broadsheet.output.db.text import storable_text

_MAX_CHARACTERS = 1000


class BadArgumentError(Exception):
    """An address asks for what cannot be; the message is one line."""


class NotHereError(Exception):
    """The archive does not hold what an address names; the message is one line."""


class ForbiddenError(Exception):
    """A form that may not act here; the message is one line."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one request, from its path, its query or its form."""

    values: Mapping[str, str]

    def text(self, name: str, most_characters: int = _MAX_CHARACTERS) -> str:
        """An argument's text without the spaces around it; empty if it is not given. BadArgumentError if too long."""
        value = storable_text(self.values.get(name, "")).strip()
        if len(value) > most_characters:
            raise BadArgumentError(f"{name} is too long")
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number of at most 63 bits."""
        value = self.text(name)
        if not value and default is not None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= LARGEST_INTEGER):
            raise BadArgumentError(f"{name} is no number that can be here")
        return int(value)

    def choice(self, name: str, choices: Collection[str], default: str = "") -> str:
        """One of some words, by default the one given, or empty."""
        value = self.text(name) or default
        if value and value not in choices:
            raise BadArgumentError(f"{name} is none of {', '.join(choices)}")
        return value

    def flag(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.choice(name, ("1", "0")) == "1"


def path_number(request: Request) -> int:
    """The number in the path of a request. BadArgumentError for one of more than 63 bits."""
    return Arguments({"id": request.path_params["id"]}).number("id")


class _Digits(Convertor[str]):
    """A number in a path, as text until it is read: one of thousands of digits is none that Python makes an int of."""

    regex = "[0-9]+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("digits", _Digits())  # as {id:digits} in the routes of the room
