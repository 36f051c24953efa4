"""A page's value as HTML by a template, or as JSON: both show the same, and text from the web stays text in both."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import CodeType
from typing import Any

import orjson
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from broadsheet.output.browse.filters import FILTERS
from broadsheet.output.db.text import inert_text

FOLDER = Path(__file__).parent
_EXACT_NUMBERS = 2**53  # larger ones lose digits in JavaScript and pandas: they are text


@dataclass(frozen=True, slots=True)
class PageFrame:
    """What a page shows around its own value.

    `archive` is its name in addresses, empty on pages of no single one; `section` the part of the room that is marked
    in the menu; `token` goes into forms; `waiting_count` is of the rulings and reviews that wait for a crawl to end;
    `twin` is the address of the same page as JSON, and `arguments` are those of its own address. `collection` is the
    name of the data set, empty where archives are shown.
    """

    archive: str = ""
    section: str = ""
    token: str = ""
    may_write: bool = False
    is_busy: bool = False
    waiting_count: int = 0
    archive_count: int = 1
    twin: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    collection: str = ""


class CompiledTemplates(BytecodeCache):
    """The code of templates, so that each is compiled once a process, however many rooms there are in it."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}  # by a template's key and its content's checksum

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template its code, if it was compiled before."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a template that was compiled just now."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED_TEMPLATES = CompiledTemplates()


def make_environment(helpers: Mapping[str, Any]) -> Environment:
    """The templates, with everything escaped that is not said to be HTML; `helpers` are names that all of them know."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        bytecode_cache=_COMPILED_TEMPLATES,
        autoescape=True,
        finalize=_without_acting_characters,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(helpers)
    return environment


def _without_acting_characters(value: object) -> object:
    """What a template writes, without characters that turn the text around them; they are escaped after this."""
    return inert_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@dataclass(frozen=True, slots=True)
class Renderer:
    """Makes answers of page values."""

    environment: Environment

    def html(self, template: str, view: object, frame: PageFrame, status: int = 200) -> Response:
        """A page by one of the templates."""
        text = self.environment.get_template(template).render(view=view, frame=frame)
        return HTMLResponse(text, status)

    def json(self, view: object, status: int = 200) -> Response:
        """The same value as JSON."""
        return Response(
            orjson.dumps(json_value(view), option=orjson.OPT_INDENT_2), status, media_type="application/json"
        )


def json_value(value: object) -> Any:
    """A page's value in the types of JSON: fields by name, numbers of more than 53 bits as text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Enum | str):
        return str(value).encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return value if abs(value) < _EXACT_NUMBERS else str(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value
