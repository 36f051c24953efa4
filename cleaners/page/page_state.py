"""State of a page: the data that its scripts would show, searched for the article's text.

State is a script of the type `application/json` (`__NEXT_DATA__`, `__NUXT_DATA__`), a value that a script assigns
(`window.__INITIAL_STATE__ = {…}`, `JSON.parse("…")`), or an attribute that holds JSON (`data-page="{…}"`). A member
with one of the names in `body_fields` may hold the text: a string, or the nodes of a rich text. State that is not JSON,
or is cut or nested too deeply, is searched for such members by a pattern. Everything is bounded; nothing raises.

Next.js streams its state: scripts push strings (`self.__next_f.push([1,"…"])`) that together are rows, each `id:JSON`
or `id:Tlength,text` with the length in hexadecimal bytes. A string `$id` in a row stands for the text of that row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any

from lxml.html import HtmlElement

from ..words import rough_word_count
from .word_lists import alternatives_pattern, load_words

MAX_STATE_CHARS = 5_000_000
"""Maximum number of characters of state that are read from a page."""
MIN_BODY_WORDS = 40
"""Words of a member that may be an article's text; one with fewer is a summary or a label."""

_MIN_STATE_CHARS = 100  # in scripts without spaces as many characters are forty words
_MAX_NODES = 200_000  # of the state's tree
_MAX_DEPTH = 40  # of a rich text
_MAX_ASSIGNMENTS = 20  # of a script
_JSON_PARSE = re.compile(r"""JSON\.parse\(\s*(?:"((?:[^"\\]++|\\.)*+)"|'((?:[^'\\]++|\\.)*+)')""", re.S)
_STATE_ATTRIBUTES = "//@*[string-length(.) > 300 and (starts-with(., '{') or starts-with(., '['))]"
_STREAMED = re.compile(r"""\b__next_f\s*\.\s*push\(\s*\[\s*1\s*,\s*("(?:[^"\\]++|\\.)*+")""", re.S)
_ROW = re.compile(rb"([0-9a-f]{1,8}):(?:T([0-9a-f]{1,8}),|[A-Z]*)")
_ROW_REFERENCE = re.compile(r"\$([0-9a-f]{1,8})")
_OTHER_CASES = "ſıİ"  # letters that match s and i in any case, and that `lower` leaves or makes two
_COLON = re.compile(r':\s{0,9}"')
_REST_OF_STRING = re.compile(r'(?:[^"\\]++|\\.)*+', re.S)
_MAX_NAME_CHARS = 120  # before an `=` or a colon: the longest name in the lists, all that may stand around it, and one


@dataclass(frozen=True, slots=True)
class StatedText:
    """Text of an article in a statement or in state: the title beside it, empty without one, and its parts in order.

    A part is a paragraph, or HTML of several.
    """

    title: str
    parts: tuple[str, ...]

    @property
    def words(self) -> int:
        """Return the number of words, those of markup among them."""
        return sum(map(rough_word_count, self.parts))


def state_attributes(root: HtmlElement) -> list[str]:
    """Return the values of attributes that may be state: long ones that begin as JSON does."""
    return list(map(str, root.xpath(_STATE_ATTRIBUTES)))


def read_state_texts(
    scripts: Iterable[HtmlElement], attributes: Iterable[str] = ()
) -> tuple[list[StatedText], tuple[str, ...]]:
    """Return the texts that the scripts' state holds, and that of attributes, and reasons why some of it was not read.

    The texts are in order, those of attributes last.
    """
    texts: list[StatedText] = []
    streamed: list[str] = []
    left_chars = MAX_STATE_CHARS
    for script in scripts:
        source = script.text or ""
        if "__next_f" in source and (chunks := _STREAMED.findall(source[:left_chars])):
            streamed += chunks
        elif len(source) < _MIN_STATE_CHARS or "ld+json" in (kind := script.get("type") or ""):
            continue
        else:
            texts += _texts_of_script(source[:left_chars], is_json="json" in kind)
        left_chars -= len(source)
        if left_chars <= 0:
            break
    texts += _texts_of_stream("".join(_unescape(chunk[1:-1]) for chunk in streamed))
    for value in attributes:
        texts += _texts_of_value(value[: max(left_chars, 0)], 0)[0]
        left_chars -= len(value)
    return texts, (() if left_chars > 0 else (f"page_state=read {MAX_STATE_CHARS} characters",))


def _texts_of_script(source: str, *, is_json: bool) -> list[StatedText]:
    if is_json:
        return _texts_of_value(source, 0)[0]
    texts: list[StatedText] = []
    end = 0
    for name_end, start in islice(_assigned_values(source), _MAX_ASSIGNMENTS):
        if name_end > end:
            found_texts, end = _texts_of_value(source, start)
            texts += found_texts
    return texts


def _assigned_values(source: str) -> Iterator[tuple[int, int]]:
    """Yield where a name of state ends and where the value that it is assigned begins.

    The words of such names are looked for, up to an `=`, and then the whole name to its left, read backwards: a pattern
    that began with any name would be tried at each character of each script.
    """
    is_plain = not any(letter in source for letter in _OTHER_CASES)
    for match in _words_to_value(is_plain).finditer(source.lower() if is_plain else source):
        left = source[max(0, match.start(1) - _MAX_NAME_CHARS) : match.start(1)]
        if name := _name_of_state().match(left[::-1]):
            yield match.start(1) - name.end(1), match.end()


@cache
def _words_to_value(is_lower: bool) -> re.Pattern[str]:
    """Compile the pattern of a word of a name up to its value, whose first group is the `=`; in small letters it is
    fast.
    """
    names = alternatives_pattern(load_words("state_names"))
    pattern = rf"""(?:{names})[\w$]{{0,40}}["'\]]{{0,2}}\s{{0,9}}(=)\s{{0,9}}(?=[{{\[(]|json\.parse|function)"""
    return re.compile(pattern, re.NOFLAG if is_lower else re.I)


def _texts_of_stream(stream: str) -> list[StatedText]:
    """Return the texts in the rows of a stream."""
    rows, row_texts = _stream_rows(stream.encode("utf-8", "replace"))
    texts: list[StatedText] = []
    for row in rows:
        try:
            value = json.loads(row, strict=False)
        except (ValueError, RecursionError):
            texts += _texts_by_pattern(row)
        else:
            texts += _texts_of_tree(_with_row_texts(value, row_texts, 0))
    return texts


def _stream_rows(stream: bytes) -> tuple[list[str], dict[str, str]]:
    """Split a stream into rows of JSON, and rows of text by their id; other content is skipped."""
    rows: list[str] = []
    texts: dict[str, str] = {}
    start = 0
    while start < len(stream) and len(rows) < _MAX_NODES:
        head = _ROW.match(stream, start)
        if head and head[2]:
            end = head.end() + int(head[2], 16)
            texts[head[1].decode()] = stream[head.end() : end].decode("utf-8", "replace")
            start = end
            continue
        end = stream.find(b"\n", start)
        end = len(stream) if end < 0 else end
        if head and stream[head.end() : head.end() + 1] in (b"[", b"{"):
            rows.append(stream[head.end() : end].decode("utf-8", "replace"))
        start = end + 1
    return rows, texts


def _with_row_texts(value: Any, texts: dict[str, str], depth: int) -> Any:
    """Return a row's value with each reference to a row of text replaced by that text."""
    if isinstance(value, str):
        reference = _ROW_REFERENCE.fullmatch(value)
        return texts.get(reference[1], value) if reference else value
    if depth >= _MAX_DEPTH or not texts:
        return value
    if isinstance(value, dict):
        return {key: _with_row_texts(member, texts, depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_row_texts(member, texts, depth + 1) for member in value]
    return value


@cache
def _name_of_state() -> re.Pattern[str]:
    """Compile the pattern of a name before its `=`, backwards; its first group is what stands between the two."""
    names = alternatives_pattern(name[::-1] for name in load_words("state_names"))
    return re.compile(rf"""(\s{{0,9}}["'\]]{{0,2}})[\w$]{{0,40}}(?:{names})[\w$]{{0,40}}\b""", re.I)


def _texts_of_value(source: str, start: int) -> tuple[list[StatedText], int]:
    """Return the texts of the value at a position, parsed or found by pattern, and where the value ends."""
    value_source, value_start = source, start
    quoted = _JSON_PARSE.match(source, start)
    if quoted:
        literal = quoted[1] if quoted[1] is not None else quoted[2].replace("\\'", "'")
        value_source, value_start = _unescape(literal), 0
    head = value_source[value_start : value_start + 100]
    value_start += len(head) - len(head.lstrip())
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(value_source, value_start)
    except (ValueError, RecursionError):
        return list(_texts_by_pattern(value_source[value_start:])), quoted.end() if quoted else len(source)
    return list(_texts_of_tree(_with_references(value))), quoted.end() if quoted else end


def _unescape(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text


def _with_references(value: Any) -> Any:
    """Return Nuxt's flat list of values with the positions in its objects replaced by the values there."""
    if not isinstance(value, list) or not any(isinstance(part, dict) for part in value[:3]):
        return value
    objects = [part for part in value[:_MAX_NODES] if isinstance(part, dict)]
    positions = [place for part in objects for place in part.values()]
    if not positions or not all(type(place) is int and -10 < place < len(value) for place in positions):
        return value
    return [{key: value[place] for key, place in part.items() if place >= 0} for part in objects]


def _texts_of_tree(tree: Any) -> Iterator[StatedText]:
    """Yield a text for each object with one, in document order; its longest member counts."""
    stack, nodes = [tree] if isinstance(tree, (dict, list)) else [], 0
    while stack and nodes < _MAX_NODES:
        part = stack.pop()
        nodes += 1
        inner = list(part.values()) if isinstance(part, dict) else part
        if isinstance(part, dict) and (text := _text_of_object(part)):
            yield text
            inner = [value for key, value in part.items() if key.lower() not in load_words("body_fields")]
        stack += reversed([value for value in inner if isinstance(value, (dict, list))])


def _text_of_object(node: dict[str, Any]) -> StatedText | None:
    bodies = [tuple(_parts(value, 0)) for key, value in node.items() if key.lower() in load_words("body_fields")]
    title = next((value for key, value in node.items() if _is_title(key, value)), "")
    texts = [StatedText(title, parts) for parts in bodies if parts]
    best = max(texts, key=lambda text: text.words, default=None)
    return best if best is not None and best.words >= MIN_BODY_WORDS else None


def _is_title(key: str, value: Any) -> bool:
    return isinstance(value, str) and bool(value) and key.lower() in load_words("title_fields")


def _parts(value: Any, depth: int) -> Iterator[str]:
    """Yield the paragraphs of a member; none of a list of articles, which have titles and texts of their own."""
    if isinstance(value, str):
        yield value
    elif depth < _MAX_DEPTH and isinstance(value, dict):
        if depth and any(_is_title(*member) for member in value.items()) and _text_of_own(value):
            return
        names = load_words("body_fields") | load_words("text_fields")
        for key, member in value.items():
            if key.lower() in names:
                yield from _parts(member, depth + 1)
    elif depth < _MAX_DEPTH and isinstance(value, list):
        parts = [list(_parts(element, depth + 1)) for element in value]
        if all(map(_is_leaf, value)) and any(text != text.strip() for part in parts for text in part):
            yield "".join(text for part in parts for text in part)  # runs of one line
        else:
            yield from (text for part in parts for text in part)


def _is_leaf(node: Any) -> bool:
    values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return not any(isinstance(value, list) for value in values)


def _text_of_own(value: dict[str, Any]) -> bool:
    strings = [
        text for key, text in value.items() if key.lower() in load_words("body_fields") and isinstance(text, str)
    ]
    return any(rough_word_count(text) >= MIN_BODY_WORDS for text in strings)


@cache
def _name_of_member() -> re.Pattern[str]:
    """Compile the pattern of a member's name before its colon, backwards; its first group is the name of a title."""
    titles, bodies = (
        alternatives_pattern(n[::-1] for n in load_words(field)) for field in ("title_fields", "body_fields")
    )
    return re.compile(rf"""\s{{0,9}}["']?(?:({titles})|{bodies})\b""", re.I)


def _members(source: str) -> Iterator[tuple[bool, str]]:
    """Yield (is a title, string) for each member with a title or text; members are found by their colons."""
    end = 0
    for colon in _COLON.finditer(source):
        left = source[max(end, colon.start() - _MAX_NAME_CHARS) : colon.start()]
        if (name := _name_of_member().match(left[::-1])) and (string := _REST_OF_STRING.match(source, colon.end())):
            end = string.end()
            yield bool(name[1]), string[0]


def _texts_by_pattern(source: str) -> Iterator[StatedText]:
    """Yield the long strings of text members, each with the nearest title before it, or after it."""
    title, waiting_text = "", ""
    for is_title, string in _members(source):
        value = _unescape(string)
        if is_title:
            if waiting_text:
                yield StatedText(value, (waiting_text,))
            title, waiting_text = ("" if waiting_text else value), ""
        elif rough_word_count(value) >= MIN_BODY_WORDS:
            if waiting_text:
                yield StatedText("", (waiting_text,))
            if title:
                yield StatedText(title, (value,))
            title, waiting_text = "", ("" if title else value)
    if waiting_text:
        yield StatedText("", (waiting_text,))
