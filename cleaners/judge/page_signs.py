"""Signs of a page's kind: numbers by name that are counted on its statements, URL, elements and text.

Words and names to look for are data (`page_signs.toml`). `page_type` estimates the page's kind from the signs, and
those that contribute most are part of a page's evidence.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain, repeat
from math import log1p
from urllib.parse import unquote

import numpy as np

from ..document import Block, BlockKind, Metadata, Verdict
from ..package_data import read_toml
from ..page.canonical_urls import split_url
from ..page.elements import TagIndex
from ..page.running_text import prose_of
from ..page.statements import JsonLdNode, types_of
from .block_features import Reading

Signs = dict[str, float]

_SIGN_WORDS: dict[str, dict[str, list[str]]] = read_toml(__package__, "page_signs.toml")
_COUNTED_TAGS = ("article", "button", "form", "img", "input", "script")
_OG_ARTICLE_TYPES = frozenset(("article", "news", "blog", "blog-post"))
_PRICE = re.compile(r"(?:[$€£¥₹₽₺]|\b(?:USD|EUR|GBP|CHF|zł|kr)\b)\s?\d|\d\s?(?:[€£₽₺]|(?:zł|kr|EUR|USD)\b)", re.I)
_DATE = re.compile(
    r"\b(?:\d{1,2}[./ -]\w{2,9}[./ ,-]{1,2}\d{4}|\w{3,9} \d{1,2},? \d{4}|\d{4}-\d\d-\d\d|\d+ \w{3,6} ago)\b",
    re.I,
)
_DIGIT = re.compile(r"\d")
_WORD_SEPARATORS = re.compile(r"[-_.]+")
_WE_WORDS = frozenset(
    "we our ours us wir unser unsere unserem nosotros nuestro nuestra nous notre nos nós nosso nossa".split()
)
_QUOTES = '"“„«「'
_LABEL_CHARS = 40  # most characters of a label, a button or a call to action
_LINE_CHARS = 80  # most characters of a line that may be a price or a date
_WORDING_CHARS = 8_000  # of the kept text, in which words are counted
_LINK_DENSITY = 0.8
_MAX_COUNT = 3.0  # the highest count of statements for one kind
_LABEL_EDGES = " :!.+»›→0123456789()"


def page_signs(
    nodes: Sequence[JsonLdNode], metas: Mapping[str, str], reading: Reading, verdicts: Sequence[Verdict]
) -> Signs:
    """Count the signs: `nodes` are the page's JSON-LD, `metas` its meta elements by name. The tree is not changed."""
    tree, blocks = reading.index, reading.blocks
    kept_blocks = [block for block, verdict in zip(blocks, verdicts, strict=True) if verdict.kept]
    counts = Counter(element.tag for element in tree.iter(*_COUNTED_TAGS))
    signs = (
        _type_signs(tree, nodes, metas)
        | _metadata_signs(metas, reading.metadata)
        | _url_signs(reading.page.url)
        | {f"n_{tag}": log1p(counts[tag]) for tag in _COUNTED_TAGS}
    )
    return (
        signs
        | _size_signs(blocks, kept_blocks)
        | _line_signs(blocks)
        | _path_signs(blocks, kept_blocks)
        | _wording_signs(kept_blocks)
    )


@cache
def _kinds_by_word(table: str) -> dict[str, tuple[str, ...]]:
    """Return, by word of a table in the data file, the kinds that it is a sign of."""
    kinds_by_word: dict[str, tuple[str, ...]] = {}
    for kind, words in _SIGN_WORDS[table].items():
        for word in words:
            kinds_by_word[word] = (*kinds_by_word.get(word, ()), kind)
    return kinds_by_word


def _count_by_kind(prefix: str, table: str, values: Iterable[str], max_count: float = _MAX_COUNT) -> Signs:
    """Count the values that are words of a table, by kind, as signs `prefix_kind`."""
    kinds_by_word = _kinds_by_word(table)
    counts = Counter([kind for value in values if value in kinds_by_word for kind in kinds_by_word[value]])
    return {f"{prefix}_{kind}": min(max_count, counts[kind]) for kind in _SIGN_WORDS[table]}


def _type_signs(tree: TagIndex, nodes: Sequence[JsonLdNode], metas: Mapping[str, str]) -> Signs:
    """Read types from JSON-LD and microdata, and the publishing system from classes and the generator meta."""
    item_types = [(element.get("itemtype") or "").rsplit("/", 1)[-1].lower() for element in tree.typed_elements]
    types = [name.lower() for node in nodes for name in types_of(node)]
    classes = [name.lower() for element in tree.iter("html", "body") for name in (element.get("class") or "").split()]
    generator = re.findall(r"[\w-]+", metas.get("generator", "").lower())
    return _count_by_kind("type", "types", [*types, *item_types]) | _count_by_kind(
        "system", "systems", [*classes, *generator]
    )


def _metadata_signs(metas: Mapping[str, str], metadata: Metadata) -> Signs:
    """Read the signs that Open Graph and the page's metadata give."""
    og_type = metas.get("og:type", "").lower()
    return {
        "og_article": float(og_type in _OG_ARTICLE_TYPES),
        "og_product": float("product" in og_type or "product:price:amount" in metas),
        "published": float(bool(metadata.published)),
        "authors": float(min(len(metadata.authors), 3)),
        "title_words": float(len(metadata.title.split())),
    }


@lru_cache(maxsize=256)
def _url_signs(url: str) -> Signs:
    """Read the words of host and path, and the form of the path's last segment."""
    parts = split_url(url)
    segments = [segment for segment in unquote(parts.path).lower().split("/") if segment]
    words = set(segments) | {word for segment in segments[:-1] for word in _WORD_SEPARATORS.split(segment)}
    last_segment = segments[-1] if segments else ""
    word_signs = _count_by_kind("host", "hosts", (parts.hostname or "").split(".")[:-1], 1) | _count_by_kind(
        "path", "paths", words, 2
    )
    return word_signs | {
        "path_depth": float(len(segments)),
        "slug_words": float(sum(not word.isdigit() for word in _WORD_SEPARATORS.split(last_segment) if word)),
        "slug_digits": float(sum(char.isdigit() for char in last_segment)),
    }


def _size_signs(blocks: Sequence[Block], kept_blocks: Sequence[Block]) -> Signs:
    """Measure lengths and shares of kept text, links, prose, headings and code."""
    page_chars = text_chars(blocks) or 1
    kept_text_chars = text_chars(kept_blocks)
    kept_chars = kept_text_chars or 1
    kept_words = sum([block.words for block in kept_blocks])
    prose_words = [block.words for block in prose_of(kept_blocks)]
    headings = [block for block in kept_blocks if block.kind is BlockKind.HEADING]
    linked_headings = [
        block for block in blocks if block.link_density > _LINK_DENSITY and block.kind is BlockKind.HEADING
    ]
    return {
        "kept_share": kept_text_chars / page_chars,
        "kept_span": len(kept_blocks) / (kept_blocks[-1].position - kept_blocks[0].position + 1)
        if kept_blocks
        else 0.0,
        "kept_links": sum([block.link_chars for block in kept_blocks]) / kept_chars,
        "page_links": sum([block.link_chars for block in blocks]) / page_chars,
        "prose_words": log1p(sum(prose_words)),
        "prose_share": sum(prose_words) / max(1, kept_words),
        "prose_blocks": log1p(len(prose_words)),
        "headings": log1p(len(headings)),
        "heading_chars": text_chars(headings) / kept_chars,
        "linked_headings": log1p(len(linked_headings)),
        "code_blocks": log1p(len([block for block in blocks if block.kind is BlockKind.CODE])),
        "code_chars": text_chars([block for block in kept_blocks if block.kind is BlockKind.CODE]) / kept_chars,
        "in_nav": len([block for block in blocks if "nav" in block.landmarks]) / max(1, len(blocks)),
    }


def text_chars(blocks: Iterable[Block]) -> int:
    """Count the characters of the blocks' text."""
    return sum(map(len, [block.text for block in blocks]))


def _line_signs(blocks: Sequence[Block]) -> Signs:
    """Count short lines that are labels, prices or dates."""
    texts = [block.text for block in blocks if len(block.text) <= _LINE_CHARS]
    labels = map(str.strip, [text.casefold() for text in texts if len(text) <= _LABEL_CHARS], repeat(_LABEL_EDGES))
    digit_lines = list(filter(_DIGIT.search, texts))
    prices = len(list(filter(_PRICE.search, digit_lines)))
    request_counts = _count_by_kind("asks", "asks", labels, float("inf"))
    return {name: log1p(count) for name, count in request_counts.items()} | {
        "prices": log1p(prices),
        "price_share": prices / max(1, len(blocks)),
        "dates": log1p(len(list(filter(_DATE.search, digit_lines)))),
    }


def _path_signs(blocks: Sequence[Block], kept_blocks: Sequence[Block]) -> Signs:
    """Count kinds by the ids and classes on the blocks' paths, and the blocks that share one path."""
    page_sizes, kept_sizes = _sizes_by_path(blocks), _sizes_by_path(kept_blocks)
    prose_paths = Counter([block.path for block in prose_of(blocks)])
    linked_blocks = [block for block in blocks if block.link_density > _LINK_DENSITY and "nav" not in block.landmarks]
    link_paths = Counter([block.path.rpartition(">")[0] for block in linked_blocks])
    return (
        _class_shares("class", page_sizes)
        | _class_shares("kept_class", kept_sizes)
        | {
            "same_path_prose": max(prose_paths.values(), default=0) / max(1, sum(prose_paths.values())),
            "same_path_links": log1p(max(link_paths.values(), default=0)),
        }
    )


def _sizes_by_path(blocks: Sequence[Block]) -> dict[str, int]:
    """Count the characters of the blocks at each path."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for block in blocks:
        sizes[block.path] += len(block.text)
    return sizes


def _class_shares(prefix: str, sizes: Mapping[str, int]) -> Signs:
    """Return the share of the text that is inside of elements whose id or classes are a sign of each kind."""
    total = sum(sizes.values()) or 1
    sizes_by_kind = dict.fromkeys(_SIGN_WORDS["classes"], 0)
    for path, size in sizes.items():
        for kind in _kinds_in_path(path):
            sizes_by_kind[kind] += size
    return {f"{prefix}_{kind}": size / total for kind, size in sizes_by_kind.items()}


@lru_cache(maxsize=2048)
def _kinds_in_path(path: str) -> tuple[str, ...]:
    return tuple(set(chain.from_iterable(map(_kinds_in_step, path.split(">")))))


@lru_cache(maxsize=1024)
def _kinds_in_step(step: str) -> tuple[str, ...]:
    """Return the kinds that an element's id and classes are a sign of, each as a whole or by a word in it."""
    _, _, names = step.replace("#", ".").lower().partition(".")
    if not names:
        return ()
    kinds_by_word = _kinds_by_word("classes")
    words = {*names.split("."), *names.replace(".", "-").replace("_", "-").split("-")}
    return tuple({kind for word in words if word in kinds_by_word for kind in kinds_by_word[word]})


def _wording_signs(kept_blocks: Sequence[Block]) -> Signs:
    """Count words of the first person plural, quotation marks and digits, per word of the kept text."""
    text = " ".join(block.text for block in kept_blocks)[:_WORDING_CHARS].casefold()
    words = text.split()
    total = len(words) or 1
    # In UTF-8 no other character contains the bytes of 0 to 9.
    codes = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    return {
        "we": sum(map(_WE_WORDS.__contains__, words)) / total,
        "quotes": sum(map(text.count, _QUOTES)) / total,
        "digits": int(np.count_nonzero((codes >= ord("0")) & (codes <= ord("9")))) / total,
    }
