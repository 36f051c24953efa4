"""What can be counted on a page that speaks for one kind of page or another: statements, address, build, words.

The signs are numbers by name; words and names to look for are data (`page_signs.toml`). `page_kinds` weighs the
signs, and the heaviest stand in a page's evidence.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from math import log1p
from urllib.parse import unquote, urlsplit

import numpy as np

from cleaners.document import Block, Kind, Metadata, Reading, Verdict
from cleaners.html.prose import is_prose
from cleaners.html.tag_index import Walked
from cleaners.metadata.json_ld import Node, types_of

Signs = dict[str, float]

_FACTS: dict[str, dict[str, list[str]]] = tomllib.loads(
    files(__package__).joinpath("page_signs.toml").read_text(encoding="utf-8")
)
_COUNTED = ("article", "button", "form", "img", "input", "script")
_OG_ARTICLE = frozenset(("article", "news", "blog", "blog-post"))
_PRICE = re.compile(r"(?:[$€£¥₹₽₺]|\b(?:USD|EUR|GBP|CHF|zł|kr)\b)\s?\d|\d\s?(?:[€£₽₺]|(?:zł|kr|EUR|USD)\b)", re.I)
_DATE = re.compile(
    r"\b(?:\d{1,2}[./ -]\w{2,9}[./ ,-]{1,2}\d{4}|\w{3,9} \d{1,2},? \d{4}|\d{4}-\d\d-\d\d|\d+ \w{3,6} ago)\b",
    re.I,
)
_DIGIT = re.compile(r"\d")
_PARTS = re.compile(r"[-_.]+")
_WE = frozenset(
    "we our ours us wir unser unsere unserem nosotros nuestro nuestra nous notre nos nós nosso nossa".split()
)
_QUOTES = '"“„«「'
_SHORT = 40  # characters of a label, a button, a line that asks for something
_LINE = 80  # characters of a line that may be a price or a date
_WORDED = 8_000  # characters in which words are counted
_LINKED = 0.8
_MOST = 3.0  # so often something is stated, at most
_NO_KINDS = frozenset[str]()
_EDGES = " :!.+»›→0123456789()"


def page_signs(
    tree: Walked, nodes: Sequence[Node], metas: Mapping[str, str], reading: Reading, verdicts: Sequence[Verdict]
) -> Signs:
    """Count the page: its JSON-LD `nodes`, its `metas` by name, its blocks as judged. The tree is not changed."""
    blocks = reading.blocks
    kept = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    found = _stated(tree, nodes, metas) | _told(metas, reading.metadata) | _addressed(reading.url) | _built(tree)
    return found | _sizes(blocks, kept) | _lines(blocks) | _places(blocks, kept) | _wording(kept)


@cache
def _kinds_of(table: str) -> dict[str, tuple[str, ...]]:
    """For each word of a table the kinds that it speaks for."""
    found: dict[str, tuple[str, ...]] = {}
    for kind, words in _FACTS[table].items():
        for word in words:
            found[word] = (*found.get(word, ()), kind)
    return found


def _tally(prefix: str, table: str, values: Iterable[str], most: float = _MOST) -> Signs:
    known = _kinds_of(table)
    counts = Counter([kind for value in values if value in known for kind in known[value]])
    return {f"{prefix}_{kind}": min(most, counts[kind]) for kind in _FACTS[table]}


def _stated(tree: Walked, nodes: Sequence[Node], metas: Mapping[str, str]) -> Signs:
    items = [(each.get("itemtype") or "").rsplit("/", 1)[-1].lower() for each in tree.typed]
    types = [name.lower() for node in nodes for name in types_of(node)]
    classes = [name.lower() for each in tree.iter("html", "body") for name in (each.get("class") or "").split()]
    generator = re.findall(r"[\w-]+", metas.get("generator", "").lower())
    return _tally("type", "types", [*types, *items]) | _tally("system", "systems", [*classes, *generator])


def _told(metas: Mapping[str, str], metadata: Metadata) -> Signs:
    og = metas.get("og:type", "").lower()
    return {
        "og_article": float(og in _OG_ARTICLE),
        "og_product": float("product" in og or "product:price:amount" in metas),
        "published": float(bool(metadata.published)),
        "authors": float(min(len(metadata.authors), 3)),
        "title_words": float(len(metadata.title.split())),
    }


@lru_cache(maxsize=256)
def _addressed(url: str) -> Signs:
    try:
        parts = urlsplit(url)
    except ValueError:  # a host in broken brackets
        parts = urlsplit("")
    segments = [segment for segment in unquote(parts.path).lower().split("/") if segment]
    words = set(segments) | {word for segment in segments[:-1] for word in _PARTS.split(segment)}
    last = segments[-1] if segments else ""
    found = _tally("host", "hosts", (parts.hostname or "").split(".")[:-1], 1) | _tally("path", "paths", words, 2)
    return found | {
        "path_depth": float(len(segments)),
        "slug_words": float(sum(not word.isdigit() for word in _PARTS.split(last) if word)),
        "slug_digits": float(sum(char.isdigit() for char in last)),
    }


def _built(tree: Walked) -> Signs:
    counts = Counter(each.tag for each in tree.iter(*_COUNTED))
    return {f"n_{tag}": log1p(counts[tag]) for tag in _COUNTED}


def _sizes(blocks: Sequence[Block], kept: Sequence[Block]) -> Signs:
    total, size = sum([len(b.text) for b in blocks]) or 1, sum([len(b.text) for b in kept])
    chars = size or 1
    words, prose = sum([b.words for b in kept]), [b.words for b in kept if is_prose(b)]
    headings = [b for b in kept if b.kind is Kind.HEADING]
    linked = [b for b in blocks if b.link_density > _LINKED and b.kind is Kind.HEADING]
    return {
        "kept_share": size / total,
        "kept_span": len(kept) / (kept[-1].position - kept[0].position + 1) if kept else 0.0,
        "kept_links": sum([b.link_chars for b in kept]) / chars,
        "page_links": sum([b.link_chars for b in blocks]) / total,
        "prose_words": log1p(sum(prose)),
        "prose_share": sum(prose) / max(1, words),
        "prose_blocks": log1p(len(prose)),
        "headings": log1p(len(headings)),
        "heading_chars": sum(len(b.text) for b in headings) / chars,
        "linked_headings": log1p(len(linked)),
        "code_blocks": log1p(len([b for b in blocks if b.kind is Kind.CODE])),
        "code_chars": sum(len(b.text) for b in kept if b.kind is Kind.CODE) / chars,
        "in_nav": len([b for b in blocks if "nav" in b.landmarks]) / max(1, len(blocks)),
    }


def _lines(blocks: Sequence[Block]) -> Signs:
    texts = [b.text for b in blocks if len(b.text) <= _LINE]
    labels = [text.casefold().strip(_EDGES) for text in texts if len(text) <= _SHORT]
    lines = list(filter(_DIGIT.search, texts))
    prices = sum(bool(_PRICE.search(text)) for text in lines)
    asked = _tally("asks", "asks", labels, float("inf"))
    return {name: log1p(count) for name, count in asked.items()} | {
        "prices": log1p(prices),
        "price_share": prices / max(1, len(blocks)),
        "dates": log1p(sum(bool(_DATE.search(text)) for text in lines)),
    }


def _places(blocks: Sequence[Block], kept: Sequence[Block]) -> Signs:
    every, article = _sizes_by_path(blocks), _sizes_by_path(kept)
    homes = Counter([block.path for block in blocks if is_prose(block)])
    linked = [b for b in blocks if b.link_density > _LINKED and "nav" not in b.landmarks]
    links = Counter([b.path.rpartition(">")[0] for b in linked])
    return (
        _shares("class", every)
        | _shares("kept_class", article)
        | {
            "same_path_prose": max(homes.values(), default=0) / max(1, sum(homes.values())),
            "same_path_links": log1p(max(links.values(), default=0)),
        }
    )


def _sizes_by_path(blocks: Sequence[Block]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for block in blocks:
        sizes[block.path] = sizes.get(block.path, 0) + len(block.text)
    return sizes


def _shares(prefix: str, sizes: Mapping[str, int]) -> Signs:
    """The share of the text that stands in classes of each kind."""
    total = sum(sizes.values()) or 1
    found = dict.fromkeys(_FACTS["classes"], 0)
    for path, size in sizes.items():
        for kind in _kinds_in(path):
            found[kind] += size
    return {f"{prefix}_{kind}": size / total for kind, size in found.items()}


@lru_cache(maxsize=2048)
def _kinds_in(path: str) -> frozenset[str]:
    return _NO_KINDS.union(*filter(None, map(_kinds_in_step, path.split(">"))))


@lru_cache(maxsize=4096)
def _kinds_in_step(step: str) -> frozenset[str]:
    """The kinds that an element's id and classes speak for, each as a whole or by a word in it."""
    _, _, names = step.replace("#", ".").lower().partition(".")
    if not names:
        return _NO_KINDS
    known = _kinds_of("classes")
    words = {*names.split("."), *names.replace(".", "-").replace("_", "-").split("-")}
    return _NO_KINDS.union(*[known[word] for word in words if word in known])


def _digits(text: str) -> int:
    """How many of the characters are 0 to 9, which are single bytes of their own in UTF-8."""
    codes = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    return int(np.count_nonzero((codes >= ord("0")) & (codes <= ord("9"))))


def _wording(kept: Sequence[Block]) -> Signs:
    text = " ".join(block.text for block in kept)[:_WORDED].casefold()
    words = text.split()
    total = len(words) or 1
    return {
        "we": sum(map(_WE.__contains__, words)) / total,
        "quotes": sum(map(text.count, _QUOTES)) / total,
        "digits": _digits(text) / total,
    }
