"""Encoding of a page's bytes if its declaration is missing or wrong: a bounded guess.

The sample is the page's text without its markup. A one-byte encoding is told by the letters of the languages that are
written in it (`letters.toml`): read wrongly, a text has capitals inside of words, and signs and letters that its
language does not have. Everything else is left to charset-normalizer, which is given whole characters only.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from charset_normalizer import from_bytes

from ..package_data import read_toml

FALLBACK_ENCODING = "cp1252"
SAMPLE_BYTES = 4096  # of text, read in some 4 ms
_PRESCAN_BYTES = 4096
_WESTERN_ENCODINGS = ["cp1252", "cp1250", "iso8859_2", "cp1254"]
_OTHER_ENCODINGS = ["cp1251", "koi8_r", "cp1253", "cp1255", "cp1256"]
_WIDE_CODECS = ("gb18030", "cp949", "euc_jp", "big5", "cp932")  # those of two bytes a character
_DENSE_ENCODING = "cp874"  # has a Thai letter for nearly each byte, so Chinese fits it too
_TAG = re.compile(rb"<(?=[a-zA-Z/!?])(script\b|style\b|!--)?[^<>]*>?", re.IGNORECASE)
_ENDS = {
    opening: re.compile(end, re.IGNORECASE)
    for opening, end in ((b"script", rb"</script\s*>"), (b"style", rb"</style\s*>"), (b"!--", rb"-->"))
}
_PIECE = re.compile(rb"[^\x00-\x1f<>]+")
_MARKUP_BYTES = 65_536  # of the page, from its first letter beyond ASCII, that are searched for text
_LANGUAGE = re.compile(rb"<html[^>]{0,400}?\blang=[\"']?([a-z]{2})\b", re.IGNORECASE)
_TYPOGRAPHY = frozenset("\xa0«»„“”‚‘’‹›–—…§°№©®€£•·´¡¿ºª×\xad‰†²³½")
_SURE_FIT = 0.9  # of the letters beyond ASCII that fit a language: the page is in a one-byte encoding of it
_MISFIT, _MIN_LETTERS = 0.5, 40  # below this fit a declared encoding is wrong, given enough letters
_FEW_LETTERS = 5  # of windows-1252: with fewer the page is read as it
_LANGUAGE_BONUS = 0.05  # for the language that the page states

_Pairs = Mapping[tuple[bool, str], int]
"""Counts of each character beyond ASCII in a text, after a lower-case letter or not."""


class LanguageLetters(NamedTuple):
    """Language with its letters beyond ASCII, and its one-byte encodings, likeliest first."""

    codes: frozenset[str]
    letters: frozenset[str]
    encodings: tuple[str, ...]


class EncodingFit(NamedTuple):
    """Fit of an encoding to a sample: the share of the characters beyond ASCII that fit a language, −1 to 1."""

    encoding: str
    share: float


def detect_encoding(body: bytes) -> str:
    """Guess the encoding from a sample of the text; a Python codec name."""
    sample = text_sample(body)
    if sum(_letter_pairs(sample.decode(FALLBACK_ENCODING, "replace")).values()) < _FEW_LETTERS:
        return FALLBACK_ENCODING  # quotation marks are the same in many encodings
    match = _LANGUAGE.search(body[:_PRESCAN_BYTES])
    fits = list(_one_byte_fits(sample, match[1].decode("ascii").lower() if match else ""))
    best = max(fits, key=lambda fit: fit.share)
    # Guess by the bytes before the first invalid one.
    whole = max(_decoded_bytes(sample, name) for name in _WIDE_CODECS)
    part = sample[:whole] if 2 * whole >= len(sample) else sample
    guess = from_bytes(part, cp_isolation=[*_WESTERN_ENCODINGS, *_OTHER_ENCODINGS, *_WIDE_CODECS]).best()
    encoding = guess.encoding if guess else ""
    if encoding in _WIDE_CODECS and (best.share < _SURE_FIT or best.encoding == _DENSE_ENCODING):
        return encoding
    if best.share < _MISFIT:
        return FALLBACK_ENCODING
    equals = [fit.encoding for fit in fits if fit.share == best.share]
    return encoding if encoding in equals else best.encoding


def contradicts_text(body: bytes, encoding: str) -> bool:
    """Return whether a declared one-byte encoding gives letters of no language, and another gives those of one."""
    if encoding in _WIDE_CODECS or not _is_one_byte(encoding):
        return False
    sample = text_sample(body)
    pairs = _letter_pairs(sample.decode(encoding, "replace"))
    if sum(pairs.values()) < _MIN_LETTERS or max(_fit(pairs, language) for language in _languages()) > _MISFIT:
        return False
    return detect_encoding(body) != encoding


def text_sample(body: bytes, limit: int = SAMPLE_BYTES) -> bytes:
    """Return the page's first pieces of text that are not all ASCII, without markup."""
    match = re.search(rb"[\x80-\xff]", body)
    start = max(0, match.start() - 256) if match else 0
    text = _without_markup(body[start : start + _MARKUP_BYTES])
    sample = b"\n".join(piece for piece in _PIECE.findall(text) if not piece.isascii()) or body[start : start + limit]
    return sample[:limit]


def _without_markup(source: bytes) -> bytes:
    """Return the text of a part of a page. An end of scripts or comments that is missing is looked for once."""
    texts, start, ends = [], 0, dict(_ENDS)
    while tag := _TAG.search(source, start):
        texts.append(source[start : tag.start()])
        start = tag.end()
        opening = (tag[1] or b"").lower()
        if opening in ends:
            if end := ends[opening].search(source, tag.end(1)):
                start = end.end()
            else:
                del ends[opening]
    return b"\n".join([*texts, source[start:]])


def _decoded_bytes(sample: bytes, name: str) -> int:
    """Count the bytes that a codec of several bytes a character decodes before a fault or half a character."""
    decoder = codecs.getincrementaldecoder(name)()
    try:
        decoder.decode(sample, final=False)
    except UnicodeDecodeError as fault:
        return fault.start
    return len(sample) - len(decoder.getstate()[0])


def _one_byte_fits(sample: bytes, language_code: str) -> Iterator[EncodingFit]:
    """Yield the fit of each one-byte encoding by the language it fits best, in the order of the data file."""
    byte_pairs = Counter(zip(b" " + sample, sample, strict=False))
    pairs_by_encoding: dict[str, _Pairs] = {}
    for language in _languages():
        bonus = _LANGUAGE_BONUS if language_code in language.codes else 0
        for encoding in language.encodings:
            if encoding not in pairs_by_encoding:
                characters = bytes(range(256)).decode(encoding, "replace")
                pairs_by_encoding[encoding] = _count_letters(
                    (characters[previous], characters[byte], count) for (previous, byte), count in byte_pairs.items()
                )
            yield EncodingFit(encoding, _fit(pairs_by_encoding[encoding], language) + bonus)


def _letter_pairs(text: str) -> _Pairs:
    """Count the characters beyond ASCII, but for those of typography, by whether a lower-case letter is before them."""
    return _count_letters((*pair, count) for pair, count in Counter(zip(" " + text, text, strict=False)).items())


def _count_letters(neighbours: Iterable[tuple[str, str, int]]) -> _Pairs:
    pairs: Counter[tuple[bool, str]] = Counter()
    for previous, letter, count in neighbours:
        if letter > "\x7f" and letter not in _TYPOGRAPHY:
            pairs[previous.islower(), letter] += count
    return pairs


def _fit(pairs: _Pairs, language: LanguageLetters) -> float:
    """Return the share of characters that the language has in this position, minus the share of all others."""
    total = sum(pairs.values())
    fitting = sum(count for (after_lower, letter), count in pairs.items() if _is_at_home(letter, after_lower, language))
    return 2 * fitting / total - 1 if total else 0.0


def _is_at_home(letter: str, after_lower: bool, language: LanguageLetters) -> bool:
    """Return whether a language has this letter; it has no capital inside of a word."""
    return letter in language.letters or (not after_lower and letter.lower() in language.letters)


def _is_one_byte(encoding: str) -> bool:
    return len("\xe9\u0436".encode(encoding, "ignore")) <= 1


@cache
def _languages() -> tuple[LanguageLetters, ...]:
    data = read_toml(__package__, "letters.toml")
    return tuple(
        LanguageLetters(frozenset(row["codes"]), frozenset(row["letters"]), tuple(row["encodings"]))
        for row in data["language"]
    )
