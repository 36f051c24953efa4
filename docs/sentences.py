"""Lengths of the sentences in the documents: `python docs/sentences.py [--long]`.

A sentence is a run of words in a paragraph or a list item that ends with `.`, `?` or `!`, or with its paragraph.
Code blocks, headings, tables and generated pages do not count. Inline code and a link's text count as their words.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from statistics import median, quantiles

REPOSITORY = Path(__file__).resolve().parents[1]
GENERATED = ("cli.md", "schema.md")
LONG = 40  # words
_FENCE = re.compile(r"^(`{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
_NO_PROSE = re.compile(r"^(?:#.*|\|.*| {4,}\S.*|<!--.*|!\[[^]]*\]\([^)]*\))$", re.MULTILINE)
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_ITEM = re.compile(r"^ *(?:[-*]|\d+\.) ", re.MULTILINE)
_END = re.compile(r"(?<=[.?!])[)\"”*_]*\s+(?=[\"“(*_`A-Z0-9])")
_WORD = re.compile(r"[^\W_][^\s—–]*")


def sentences(text: str) -> list[str]:
    r"""Return the sentences of a Markdown document's prose.

    >>> sentences("# Title\n\nOne `a.b` here. Two\nthere: three.\n\n| a | table |")
    ['One `a.b` here.', 'Two there: three.']
    """
    prose = _LINK.sub(r"\1", _NO_PROSE.sub("", _FENCE.sub("", text)))
    paragraphs = re.split(r"\n\s*\n", _ITEM.sub("\n\n", prose))
    return [part.strip() for each in paragraphs for part in _END.split(" ".join(each.split())) if part.strip()]


def words(sentence: str) -> int:
    """Return the number of words of a sentence."""
    return len(_WORD.findall(sentence))


def documents() -> list[Path]:
    """Return the documents that a person wrote, README first."""
    pages = [page for page in sorted((REPOSITORY / "docs").glob("*.md")) if page.name not in GENERATED]
    return [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *pages]


def figures(name: str, lengths: list[int]) -> str:
    """Return a document's line: sentences, their median and ninth decile in words, and the number of long ones."""
    decile = quantiles(lengths, n=10)[-1] if len(lengths) > 1 else lengths[0]
    return f"{name:24} {len(lengths):6} {median(lengths):6.0f} {decile:6.0f} {sum(n > LONG for n in lengths):6}"


def main() -> None:
    """Print the table, and with `--long` the long sentences."""
    found = {page.name: sentences(page.read_text("utf-8")) for page in documents()}
    print(f"{'document':24} {'sent.':>6} {'median':>6} {'p90':>6} {'>' + str(LONG):>6}")
    for name, texts in found.items():
        if texts:
            print(figures(name, [words(text) for text in texts]))
    print(figures("all", [words(text) for texts in found.values() for text in texts]))
    long = ((name, text) for name, texts in found.items() for text in texts if words(text) > LONG)
    for name, text in long if "--long" in sys.argv[1:] else ():
        print(f"\n{name}, {words(text)} words: {text}")


if __name__ == "__main__":
    main()
