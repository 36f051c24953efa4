"""Outcomes as long texts that tests expect, in a file of sections: `=== what is asked`, and what is told.

`make expected` writes the files anew from what is told now: read the difference before you commit it.
"""

import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from broadsheet.output.settle.page_table import SCANNED_BLOCK, unpack_scan
from tests.expected_texts import compared, is_writing
from tests.internal_tables import labelled

_HEADER = re.compile(r"^=== (.*)\n", re.MULTILINE)
_PLACE = re.compile(
    r'(?<="warc_offset": )\d+|(?<="warc_length": )\d+|(?<="length": )\d+|[\d,]+(?= bytes at )|(?<= bytes at )[\d,]+'
)

_PLACE_NAMES = ("warc_offset", "warc_length", "length")
_NUMBER = re.compile(r"\d[\d,.:]*")


def sections(file: Path) -> dict[str, str]:
    """Read what is asked, and what is to be told."""
    parts = _HEADER.split(file.read_text("utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def expected(file: Path, asked: str, told: str) -> str:
    """What this section of a file expects to be told, or what is told now if it is to be written. Fails where they
    differ."""
    if is_writing():
        texts = sections(file) | {asked: told}
        file.write_text("".join(f"=== {name}\n{text}" for name, text in texts.items()), "utf-8")
    return compared(sections(file)[asked], told, f"{file.name} === {asked}")


def told(lines: Iterable[str], **names: object) -> str:
    """The lines, with a name for each value that differs from run to run, and N for places among compressed
    records. Internal tables have the names of the tests."""
    text = _PLACE.sub("N", labelled("\n".join(lines)))
    for name, value in names.items():
        text = text.replace(str(value), name)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def unpacked(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows without what is NULL; a layout is unpacked, of a scan's blocks are told position, words and flags, and
    what the judges are known by is left out."""
    for row in rows:
        values = {name: value for name, value in row.items() if value is not None}
        if isinstance(packed := values.get("layout"), bytes):
            values["layout"] = json.loads(zlib.decompress(packed))
        if isinstance(packed := values.get("scan"), bytes):
            blocks = np.frombuffer(unpack_scan(packed), SCANNED_BLOCK)
            values["scan"] = blocks[["position", "words", "flags"]].tolist()
        if values.get("key") == "settled":
            values["value"] = "…"
        yield values


def changed(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows, each without the values that the row before has too, nor places among compressed records after the
    first; a value that it has no more is None."""
    last: dict[str, Any] = {}
    for row in rows:
        names = [name for name in {**row, **last} if name not in last or row.get(name) != last[name]]
        yield {name: row.get(name) for name in names if name not in last or name not in _PLACE_NAMES}
        last = row


def folded(lines: Iterable[str]) -> Iterator[str]:
    """The lines; of groups of up to four lines that follow each other and differ in their numbers alone the first, and
    then the numbers of the others."""
    rest = list(lines)
    shapes = [_NUMBER.sub("#", line).split() for line in rest]
    start = 0
    while start < len(rest):
        size, count = max(((size, _repeats(shapes, start, size)) for size in (1, 2, 3, 4)), key=lambda pair: pair[1])
        groups = [rest[start + size * n : start + size * (n + 1)] for n in range(count)]
        if count < 3:
            groups = [rest[start : start + 1]]
        yield from groups[0]
        if groups[1:]:
            numbers = [_NUMBER.findall("\n".join(group)) for group in groups]
            places = [place for place, values in enumerate(zip(*numbers, strict=True)) if len({*values}) > 1]
            others = (",".join(group[place] for place in places) for group in numbers[1:])
            yield f"  … and {len(numbers) - 1} such: {' '.join(others)}"
        start += len(groups) * len(groups[0])


def _repeats(shapes: list[list[str]], start: int, size: int) -> int:
    """How many times so many lines follow each other."""
    count = 1
    while shapes[start + size * count : start + size * (count + 1)] == shapes[start : start + size]:
        count += 1
    return count


def once(lines: Iterable[str]) -> Iterator[str]:
    """The lines; three or more that follow each other as they did before are told as one."""
    rest, seen = list(lines), "\n"
    while rest:
        count = 3
        while count <= len(rest) and "\n".join(("", *rest[:count], "")) in seen:
            count += 1
        count = max(1, count - 1) if count > 3 else 1
        yield f"… {count} lines as before, {rest[0]} to {rest[count - 1]}" if count > 1 else rest[0]
        seen += "\n".join((*rest[:count], ""))
        del rest[:count]


def stated(value: Any) -> Any:
    """A value as JSON has it: of rows, dataclasses and mappings what is not empty, keys and words as texts."""
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    value = value._asdict() if hasattr(value, "_asdict") else value
    if isinstance(value, Mapping):
        return {" ".join(key) if isinstance(key, tuple) else str(key): stated(of) for key, of in value.items() if of}
    return [stated(item) for item in value] if isinstance(value, tuple | list) else value


def named(value: Any) -> Any:
    """A value with the fields of dataclasses and named tuples in it by name."""
    if is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    value = value._asdict() if hasattr(value, "_asdict") else value
    if isinstance(value, dict):
        return {name: named(item) for name, item in value.items()}
    return type(value)(map(named, value)) if isinstance(value, list | tuple) else value


def as_json(value: Any) -> str:
    """A value in a line; bytes are in hexadecimal."""
    return json.dumps(
        named(value), ensure_ascii=False, default=lambda value: value.hex() if isinstance(value, bytes) else str(value)
    )


def page_text(html: str) -> str:
    """The text of a page in a line, with the targets of its links and what its forms hold."""
    html = re.sub(r'(?s)<head>.*?</head>|<header class="top">.*?</header>|<dialog.*?</dialog>|<a class="skip".*?</a>',
                  "", html)  # fmt: skip
    html = re.sub(r'<(?:a|form)\b[^>]*?(?:href|action)="([^"]*)"[^>]*>', r" [\1] ", html)
    html = re.sub(r'<(?:input|button|option|select|textarea)\b[^>]*?name="([^"]*)"(?:[^>]*?value="([^"]*)")?[^>]*>',
                  r" {\1=\2} ", html)  # fmt: skip
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())
