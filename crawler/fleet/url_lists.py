"""Lists of URLs to make a list of sites from: text with one a line, and OPML as feed readers export it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

from ..cli.command_line import CommandError

_OPML_START = b"<opml"
_LOOKED_AT = 4096  # bytes in which the root of an OPML file begins


def listed_urls(words: Sequence[str]) -> list[str]:
    """Return the URLs of words that are URLs or names of files, each once, in order.

    CommandError for a file that cannot be read or names no URL.
    """
    return list(dict.fromkeys(url for word in words for url in _urls_of(word)))


def _urls_of(word: str) -> Sequence[str]:
    if "://" in word or not Path(word).is_file():
        return (word,)
    try:
        data = Path(word).read_bytes()
        urls = list(_opml_urls(data)) if _OPML_START in data[:_LOOKED_AT].lower() else list(_lines(data))
    except OSError as error:
        raise CommandError(f"cannot read {word}: {error.strerror}") from error
    except (UnicodeDecodeError, etree.XMLSyntaxError) as error:
        raise CommandError(f"{word} is neither OPML nor a list of URLs: {error}") from error
    if not urls:
        raise CommandError(f"{word} names no URL")
    return urls


def _lines(data: bytes) -> Iterator[str]:
    for line in data.decode("utf-8-sig").splitlines():
        if (text := line.strip()) and not text.startswith("#"):
            yield text


def _opml_urls(data: bytes) -> Iterator[str]:
    """Yield the page of each feed, or the site of the feed where its page is not named."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for outline in etree.fromstring(data, parser).iter("outline"):
        if page := (outline.get("htmlUrl") or "").strip():
            yield page
        elif feed := (outline.get("xmlUrl") or "").strip():
            parts = urlsplit(feed)
            yield f"{parts.scheme}://{parts.netloc}/"
