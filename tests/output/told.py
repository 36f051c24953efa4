"""Outcomes as long texts that tests expect, in a file of sections: `=== what is asked`, and what is told.

`make expected` writes the files anew from what is told now: read the difference before you commit it.
"""

from __future__ import annotations

import json
import re
import textwrap
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.expected_texts import is_writing

_HEADER = re.compile(r"^=== (.*)\n", re.MULTILINE)
_PLACE = re.compile(
    r'(?<="warc_offset": )\d+|(?<="warc_length": )\d+|(?<="length": )\d+|[\d,]+(?= bytes at )|(?<= bytes at )[\d,]+'
)


def sections(file: Path) -> dict[str, str]:
    """Read what is asked, and what is to be told."""
    parts = _HEADER.split(file.read_text("utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def expected(file: Path, asked: str, told: str) -> str:
    """What this section of a file expects to be told, or what is told now if it is to be written."""
    if is_writing():
        texts = sections(file) | {asked: told}
        file.write_text("".join(f"=== {name}\n{text}" for name, text in texts.items()), "utf-8")
    return sections(file)[asked]


def told(lines: Iterable[str], **names: object) -> str:
    """The lines, wrapped, with a name for each value that differs from run to run, and N for places among compressed
    records."""
    text = _PLACE.sub("N", "\n".join(lines))
    for name, value in names.items():
        text = text.replace(str(value), name)
    wrapped = (textwrap.fill(line, 118, break_long_words=False, break_on_hyphens=False) for line in text.split("\n"))
    return "".join(f"{line.rstrip()}\n" for line in "\n".join(wrapped).splitlines())


def unpacked(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows without what is NULL; a layout is unpacked, and what the judges are known by is left out."""
    for row in rows:
        values = {name: value for name, value in row.items() if value is not None}
        if isinstance(packed := values.get("layout"), bytes):
            values["layout"] = json.loads(zlib.decompress(packed))
        if values.get("key") == "settled":
            values["value"] = "…"
        yield values


def as_json(value: Any) -> str:
    """A value in a line; bytes are in hexadecimal."""
    return json.dumps(
        value, ensure_ascii=False, default=lambda value: value.hex() if isinstance(value, bytes) else str(value)
    )


def page_text(html: str) -> str:
    """The text of a page in a line, with the targets of its links and what its forms hold."""
    html = re.sub(r'(?s)<head>.*?</head>|<header class="top">.*?</header>|<dialog.*?</dialog>|<a class="skip".*?</a>',
                  "", html)  # fmt: skip
    html = re.sub(r'<(?:a|form)\b[^>]*?(?:href|action)="([^"]*)"[^>]*>', r" [\1] ", html)
    html = re.sub(r'<(?:input|button|option|select|textarea)\b[^>]*?name="([^"]*)"(?:[^>]*?value="([^"]*)")?[^>]*>',
                  r" {\1=\2} ", html)  # fmt: skip
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())
