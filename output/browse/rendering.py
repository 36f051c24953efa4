"""A page's value as HTML by a template, with the filters of templates, or as JSON.

Both show the same, and text from the web stays text in both. The filters write numbers, times, shares, and an article's
Markdown as HTML in which nothing acts.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from http.client import responses
from itertools import groupby
from pathlib import Path
from types import CodeType
from typing import Any
from urllib.parse import urlsplit

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from ..archive.stored_text import inert_text
from ..read.inert_markup import add_figures, nest_headings
from ..read.plain_words import block_words, count_text, fact_words

_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ku", "ps", "sd", "ug", "ur", "yi"})
_LINKS = ("http", "https")
_OPTION = re.compile(r"(?<!\S)(--[a-z][a-z-]*)")
_SENTENCE_END = re.compile(r"[.!?…]+[»”\")]*\s|[。！？]")
_MOST_SENTENCE = 220  # characters
_SHORT_TEXT = 120  # characters, a new line counted as 30; more may be higher on a phone than a removed block is shown
_MOST_MARKDOWN = 300_000  # characters; a longer text is shown as its lines, which takes a hundredth of the time


def grouped(number: float) -> str:
    """Return a whole number with commas between its thousands.

    >>> grouped(1234567)
    '1,234,567'
    """
    return f"{number:,.0f}"


def moment_html(moment: str | None) -> Markup:
    """Return a stored time as a person reads it: to the minute, in UTC, on one line; a day stays a day.

    >>> str(moment_html("2024-05-01T10:20:30Z"))
    '<time>2024-05-01 10:20</time>'
    """
    return Markup("<time>{}</time>").format((moment or "")[:16].replace("T", " "))


def status_text(status: int) -> str:
    """Return an HTTP status with its meaning.

    >>> status_text(304)
    'HTTP 304 Not Modified'
    """
    return f"HTTP {status} {responses.get(status, '')}".rstrip() if status else "no HTTP status"


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, or its beginning where that is long.

    >>> first_sentence("The ferry is late. Nobody knows why.")
    'The ferry is late.'
    """
    line = text.partition("\n")[0]
    end = _SENTENCE_END.search(line)
    sentence = line[: end.end()].rstrip() if end else line
    return sentence if len(sentence) <= _MOST_SENTENCE else sentence[:_MOST_SENTENCE].rpartition(" ")[0] + "…"


def text_direction(language: str | None) -> str:
    """Return the direction of a text in a language; `auto` where none is known."""
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr" if language else "auto"


def web_link(url: str | None) -> str:
    """Return a URL that a link may lead to, or the empty text: web addresses only."""
    try:
        return url if url and urlsplit(url).scheme.lower() in _LINKS else ""
    except ValueError:
        return ""


def reading_html(markdown: str, figures: Sequence[tuple[int, Markup]] = ()) -> Markup:
    """Return an article's Markdown as HTML: no HTML of its own, links to web addresses alone. Each of the `figures`
    stands after this number of letters of the text, or at the end of a very long one.
    """
    markdown = inert_text(markdown)
    if len(markdown) > _MOST_MARKDOWN:
        lines = [Markup("<p>{}</p>").format(line) for line in markdown.split("\n\n") if line.strip()]
        return Markup("\n").join([*lines, *(html for _, html in figures)])
    parser = _markdown()
    tokens = add_figures(nest_headings(parser.parse(markdown)), figures)
    return Markup(parser.renderer.render(tokens, parser.options, {}))


@cache
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    markdown.validateLink = lambda url: bool(web_link(url))  # type: ignore[method-assign]
    markdown.add_render_rule("link_open", _open_link)
    markdown.add_render_rule("table_open", lambda *_: '<div class="wide" tabindex="0"><table>\n')
    for name in ("fence", "code_block"):
        markdown.add_render_rule(name, _code)
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return markdown


def _open_link(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, environment: EnvType
) -> str:
    tokens[index].attrSet("rel", "noreferrer noopener")
    return renderer.renderToken(tokens, index, options, environment)


def _code(_renderer: RendererHTML, tokens: Sequence[Token], index: int, *_: object) -> str:
    return Markup('<pre tabindex="0"><code>{}</code></pre>\n').format(tokens[index].content)


def tab_stop(text: str, kind: str = "") -> Markup:
    """Return the attribute by which keys reach a text that may be scrolled: a long one, or code."""
    is_long = len(text) + 30 * text.count("\n") > _SHORT_TEXT
    return Markup(' tabindex="0"') if is_long or kind == "code" else Markup()


def key_hint(key: str, words: str) -> Markup:
    """Return a key and what it does, for the foot of a page.

    >>> key_hint("j", "next")
    Markup('<span class="hotkey"><kbd>j</kbd> next</span> ')
    """
    return Markup('<span class="hotkey"><kbd>{}</kbd> {}</span> ').format(key, words)


def whole_options(text: str) -> Markup:
    """Mark the command-line options in a text, so that no line breaks after their hyphens.

    >>> whole_options("a longer --max-time helps")
    Markup('a longer <span class="option">--max-time</span> helps')
    """
    parts = _OPTION.split(inert_text(text))  # every other one is an option
    option = Markup('<span class="option">{}</span>')
    return Markup().join(option.format(part) if index % 2 else part for index, part in enumerate(parts))


def groupby_run(values: Iterable[Any], name: str) -> list[tuple[Any, list[Any]]]:
    """Group consecutive values by an attribute; return each group with its value."""
    return [(key, list(run)) for key, run in groupby(values, key=lambda value: getattr(value, name))]


FILTERS: dict[str, Callable[..., Any]] = {
    "grouped": grouped,
    "counted": count_text,
    "block_words": block_words,
    "fact_words": fact_words,
    "moment": moment_html,
    "status_text": status_text,
    "direction": text_direction,
    "first_sentence": first_sentence,
    "web_link": web_link,
    "reading": reading_html,
    "tab_stop": tab_stop,
    "whole_options": whole_options,
    "groupby_run": groupby_run,
}

FOLDER = Path(__file__).parent
_EXACT_NUMBERS = 2**53  # larger ones lose digits in JavaScript and pandas: they are text


@dataclass(frozen=True, slots=True)
class PageFrame:
    """The frame that a page shows around its own value.

    `archive` is its name in addresses, empty on a page of no single one. `section` is the marked part of the menu.
    `token` goes into forms. `waiting_count` counts rulings and reviews that wait for a crawl to end. `twin` is the
    address of the page as JSON, and `arguments` are those of its own address.
    """

    archive: str = ""
    section: str = ""
    token: str = ""
    may_write: bool = False
    is_busy: bool = False
    waiting_count: int = 0
    twin: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)


class CompiledTemplates(BytecodeCache):
    """A cache of compiled templates, so that each is compiled once in a process with several rooms."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}  # by a template's key and its content's checksum

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template's code if it was compiled before."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code of a newly compiled template."""
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED_TEMPLATES = CompiledTemplates()


def make_environment(helpers: Mapping[str, Any], folders: Sequence[Path] = ()) -> Environment:
    """Make the environment of the templates, which escapes everything that is not marked as HTML.

    `helpers` are names that all templates may use; `folders` have further templates.
    """
    environment = Environment(
        loader=FileSystemLoader([FOLDER / "templates", *folders]),
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
    """Remove from a template's value the characters that turn the text around them; templates escape the rest after
    this.
    """
    return inert_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@dataclass(frozen=True, slots=True)
class Renderer:
    """The renderer of page values: as HTML by a template, or as JSON."""

    environment: Environment

    def html(self, template: str, view: object, frame: PageFrame, status: int = 200) -> Response:
        """Return a page by one of the templates."""
        text = self.environment.get_template(template).render(view=view, frame=frame)
        return HTMLResponse(text, status)

    def json(self, view: object, status: int = 200) -> Response:
        """Return the same value as JSON."""
        return Response(
            json.dumps(json_value(view), ensure_ascii=False, indent=2, default=str),
            status,
            media_type="application/json",
        )


def json_value(value: object) -> Any:
    """Return a page's value in the types of JSON: fields by name, numbers of more than 53 bits as text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Enum | str):
        return str(value).encode("utf-8", "replace").decode()
    if isinstance(value, int):
        return value if abs(value) < _EXACT_NUMBERS else str(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):  # a NamedTuple
        return json_value(value._asdict())
    if isinstance(value, tuple | list):
        return [json_value(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value
