"""Pictures of an article: address, caption, credit and alternative text of each, in the order of the page.

A picture is the article's if it stands where the kept text stands, and neither the markup around it nor its size makes
it something else: a teaser, an advertisement, a portrait of the author, an icon.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from lxml import etree

from ..document import ArticleImage, Block, RemovalReason
from ..rules.layout_rules import explain_layout
from .canonical_urls import resolve_href
from .elements import TagIndex
from .inline_text import fold_spaces
from .running_text import NON_ARTICLE_LANDMARKS, container_of, is_prose
from .visible_blocks import ElementPlaces
from .word_lists import load_words

_ADDRESS_ATTRIBUTES = ("data-src", "data-original", "data-lazy-src", "data-orig-file", "src")
_SOURCE_SETS = ("data-srcset", "srcset")
_SMALL_PIXELS = 60  # a picture of this width or height, or less, is an icon or counts visits
_TEASER_WORDS = 3  # of a link around a picture: it is another article's
_MOST_IMAGES, _MOST_CANDIDATES = 500, 3_000  # of an article, and of its page
_MOST_TEXT_CHARS, _MOST_URL_CHARS = 1_500, 4_000  # longer texts are not captions, longer addresses not links
_FOREIGN_LANDMARKS = NON_ARTICLE_LANDMARKS | {"footer"}
_ARTICLE_STEP = re.compile(r"(?:article|main)(?:$|[.#])")
_CAPTION_WORDS = frozenset(("caption", "legend"))
_WORD = re.compile(r"[a-z]+")
_NUMBER = re.compile(r"\s*(\d+)")
_LINE_WORD = re.compile(r"\w+")
_LABEL_CHARS = 40  # characters of a line within which the colon of its label is found
_SIGN = "©"
_HOST = re.compile(r"https?://[^\s/?#]+(?=[/?#]|$)")


def read_images(
    tree: TagIndex, base: str, kept_blocks: Sequence[Block], places: PicturePlaces
) -> tuple[ArticleImage, ...]:
    """Return the pictures of the article whose text is `kept_blocks`, each address once, resolved against `base`.

    `places` has the number of blocks before each picture.
    """
    root = _article_path(kept_blocks)
    return () if root is None else read_images_at(tree, base, root, places)


PicturePlaces = Mapping[etree._Element, int]
_NO_PLACES: PicturePlaces = {}


def read_images_at(
    tree: TagIndex, base: str, root: str, places: PicturePlaces = _NO_PLACES
) -> tuple[ArticleImage, ...]:
    """Return the pictures in the part of the page at the path `root`, boxes apart from a text left out."""
    reader = _ImageReader(root, base, places)
    for element in islice(tree.iter("img"), _MOST_CANDIDATES):
        reader.read(element)
        if len(reader.images) == _MOST_IMAGES:
            break
    return tuple(reader.images.values())


class _ImageReader:
    """Pictures read so far, and what many of them share: the place of their parent, their caption."""

    def __init__(self, root: str, base: str, places: PicturePlaces) -> None:
        self.root, self.base, self.places = root, base, places
        self.images: dict[str, ArticleImage] = {}
        self._places = ElementPlaces()
        self._is_inside: dict[etree._Element | None, bool] = {}
        self._captions: dict[etree._Element, tuple[str, str]] = {}

    def read(self, element: etree._Element) -> None:
        """Add a picture if it is the article's."""
        parent = element.getparent()
        if parent not in self._is_inside:
            self._is_inside[parent] = _is_in_article(*self._places.find(element), self.root)
        if not self._is_inside[parent] or _is_small(element):
            return
        url = picture_address(element.get, self.base)
        if url and url not in self.images and not _is_teaser(element):
            alt = _short_text(element.get("alt") or "")
            self.images[url] = ArticleImage(url, *self._caption_and_credit(element), alt, self.places.get(element))

    def _caption_and_credit(self, element: etree._Element) -> tuple[str, str]:
        caption = next(_captions(element), None)
        if caption is None:
            return "", ""
        if caption not in self._captions:
            self._captions[caption] = _caption_and_credit(caption)
        return self._captions[caption]


def _article_path(kept_blocks: Sequence[Block]) -> str | None:
    """Return the path of the part of the page that holds most words of the text, up to its innermost `article`."""
    words: Counter[str] = Counter()
    for block in kept_blocks:
        if is_prose(block):
            words[container_of(block)] += block.words
    if not words:
        return None
    container = max(words, key=lambda path: (words[path], path))
    steps = container.split(">")
    article_step = next((n for n in reversed(range(len(steps))) if _ARTICLE_STEP.match(steps[n])), len(steps) - 1)
    return ">".join(steps[: article_step + 1])


def picture_address(attribute: Callable[[str], str | None], base: str) -> str:
    """Return the absolute address of a picture by its attributes; of several sizes the largest, if scripts put it in
    place later.
    """
    values = [value for name in _ADDRESS_ATTRIBUTES if (value := (attribute(name) or "").strip())]
    values += [size for name in _SOURCE_SETS if (size := _largest(attribute(name) or ""))]
    urls = (resolve_href(value, base) for value in values if not value.startswith("data:"))
    return next((url for url in urls if bool(_HOST.match(url)) and len(url) <= _MOST_URL_CHARS), "")


def _largest(source_set: str) -> str:
    """Return the address in a `srcset` with the highest width or density."""
    sizes = [candidate.split() for candidate in source_set.split(", ") if candidate.strip()]
    return max(sizes, key=lambda parts: _leading_number(parts[-1]), default=[""])[0]


def _leading_number(text: str | None) -> int:
    match = _NUMBER.match(text or "")
    return int(match[1][:9]) if match else 0


def _is_in_article(path: str, landmarks: frozenset[str], root: str) -> bool:
    """Return whether this place is in the part of the page at `root`, and in no unrelated box there."""
    if not f"{path}>".startswith(f"{root}>") or landmarks & _FOREIGN_LANDMARKS:
        return False
    rule = explain_layout(path[len(root) :].lstrip(">"))
    return rule is None or rule.reason == RemovalReason.CAPTION


def _is_small(element: etree._Element) -> bool:
    sizes = [_leading_number(value) for name in ("width", "height") if (value := element.get(name))]
    return any(size <= _SMALL_PIXELS for size in sizes)


def _is_teaser(element: etree._Element) -> bool:
    link = next(element.iterancestors("a"), None)
    return link is not None and len(_text_of(link).split()) >= _TEASER_WORDS and not list(link.iter("figcaption"))


def _caption_and_credit(caption: etree._Element) -> tuple[str, str]:
    """Return the text of a caption without its credit, and the credit; both may be empty."""
    text = _text_of(caption)
    credit_element = next(
        (part for part in caption.iter(etree.Element) if _has_word(part, load_words("credit_names"))), None
    )
    if credit_element is not None:
        credit = _text_of(credit_element)
        return text.replace(credit, "", 1).strip() if credit else text, credit
    lines = [fold_spaces(line).strip() for line in caption.itertext() if isinstance(line, str) and line.strip()]
    return ("", text) if len(lines) == 1 and _is_credit(text) else _split_credit(text, lines)


def _split_credit(text: str, lines: Sequence[str]) -> tuple[str, str]:
    last = lines[-1] if lines else ""
    if len(lines) > 1 and _is_credit(last):
        return text.removesuffix(last).strip(), last
    return text, ""


def _is_credit(line: str) -> bool:
    """Return whether a line begins by saying whose picture it is: `Photo: …`, `© …`."""
    first, second, *_ = (*_LINE_WORD.findall(line.casefold()), "", "")
    if line.lstrip(" (").startswith(_SIGN):
        return True
    has_label = second in load_words("by") or not {":", "："}.isdisjoint(line[:_LABEL_CHARS])
    return first in load_words("credit") and has_label


def _captions(element: etree._Element) -> Iterator[etree._Element]:
    """Yield the captions of the innermost figure around a picture, or of an element with such a class."""
    for ancestor in element.iterancestors("figure", "div", "p", "td", "li"):
        if ancestor.tag == "figure":
            yield from ancestor.iter("figcaption")
        if ancestor.tag == "figure" or _has_word(ancestor, _CAPTION_WORDS):
            yield from (part for part in ancestor.iter("p", "div", "span") if _has_word(part, _CAPTION_WORDS))
            return


def _has_word(element: etree._Element, words: frozenset[str]) -> bool:
    names = " ".join(element.get(name) or "" for name in ("class", "id", "itemprop"))
    return not words.isdisjoint(_WORD.findall(names.lower()))


def _text_of(element: etree._Element) -> str:
    return _short_text(" ".join(text for text in element.itertext() if isinstance(text, str)))


def _short_text(text: str) -> str:
    """Return the text on one line; empty if it is too long to be about a picture."""
    return fold_spaces(text).strip() if len(text) <= _MOST_TEXT_CHARS else ""
