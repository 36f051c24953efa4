"""How templates write values: numbers, times, shares; and an article's Markdown as HTML in which nothing acts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from broadsheet.output.db.text import inert_text
from broadsheet.output.exports.article_html import nest_headings
from broadsheet.output.report.plain_words import count_text

_RIGHT_TO_LEFT = frozenset({"ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "ku", "ps", "sd", "ug", "ur", "yi"})
_LINKS = ("http", "https")
_SHORT_TEXT = 120  # characters, a new line counted as 30; more may be higher on a phone than a removed block is shown
_MOST_MARKDOWN = 300_000  # characters; a longer text is shown as its lines, which takes a hundredth of the time


def grouped(number: float) -> str:
    """A whole number with commas between its thousands."""
    return f"{number:,.0f}"


def share_text(part: float, whole: float) -> str:
    """A share in percent; what is not everything is never 100 %, and what is not nothing never 0 %."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 1 or 99 < percent < 100:
        return "under 1 %" if percent < 1 else "over 99 %"
    return f"{percent:.0f} %"


def moment_text(moment: str | None) -> str:
    """A stored time as a person reads it, to the minute, in UTC; a day stays a day."""
    return (moment or "")[:16].replace("T", " ")


def text_direction(language: str | None) -> str:
    """The direction of a text in a language; `auto` where none is known."""
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr" if language else "auto"


def web_link(url: str | None) -> str:
    """A URL that a link may lead to, or the empty text: web addresses only."""
    try:
        return url if url and urlsplit(url).scheme.lower() in _LINKS else ""
    except ValueError:
        return ""


def reading_html(markdown: str) -> Markup:
    """An article's Markdown as HTML: no HTML of its own, no pictures, links to web addresses alone."""
    markdown = inert_text(markdown)
    if len(markdown) > _MOST_MARKDOWN:
        return Markup("\n").join(Markup("<p>{}</p>").format(line) for line in markdown.split("\n\n") if line.strip())
    parser = _markdown()
    return Markup(parser.renderer.render(nest_headings(parser.parse(markdown)), parser.options, {}))


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
    """The attribute by which keys reach a text that may be scrolled: a long one, or code."""
    is_long = len(text) + 30 * text.count("\n") > _SHORT_TEXT
    return Markup(' tabindex="0"') if is_long or kind == "code" else Markup()


def groupby_run(values: Iterable[Any], name: str) -> list[tuple[Any, list[Any]]]:
    """Values in a row that have the same attribute of a name, together, with that attribute."""
    return [(key, list(run)) for key, run in groupby(values, key=lambda value: getattr(value, name))]


FILTERS: dict[str, Callable[..., Any]] = {
    "grouped": grouped,
    "counted": count_text,
    "moment": moment_text,
    "direction": text_direction,
    "web_link": web_link,
    "reading": reading_html,
    "tab_stop": tab_stop,
    "groupby_run": groupby_run,
}
