"""The extractors that are measured beside ours, each as it comes: (html, url) to text.

Those that are no dependency of ours are in the extra `bench`; one that is not installed is left out, and said.
"""

import importlib.util
import re
import warnings
from functools import partial

OURS = "broadsheet"
SYSTEMS = {
    OURS: "broadsheet.cleaners.clean:article_text",
    "trafilatura": "tests.bench.systems:trafilatura_default",
    "trafilatura precision": "tests.bench.systems:trafilatura_precision",
    "trafilatura fast": "tests.bench.systems:trafilatura_fast",
    "readability-lxml": "tests.bench.systems:readability",
    "newspaper4k": "tests.bench.systems:newspaper",
    "resiliparse": "tests.bench.systems:resiliparse",
}
PACKAGES = {"readability-lxml": "readability", "newspaper4k": "newspaper", "resiliparse": "resiliparse"}
_BREAK = re.compile(r"</(?:p|div|h[1-6]|li|tr|blockquote|pre|section)>|<br\s*/?>", re.IGNORECASE)


def installed() -> dict[str, str]:
    """The systems that can be run here, and where their function is."""
    return {
        name: target
        for name, target in SYSTEMS.items()
        if name not in PACKAGES or importlib.util.find_spec(PACKAGES[name])
    }


def _by_trafilatura(html: bytes, url: str | None, **options: bool) -> str:
    from trafilatura import extract

    return extract(html, url=url, include_comments=False, **options) or ""


trafilatura_default = _by_trafilatura
trafilatura_precision = partial(_by_trafilatura, favor_precision=True)
trafilatura_fast = partial(_by_trafilatura, fast=True)


def readability(html: bytes, url: str | None) -> str:
    """readability-lxml's summary, as text with a line a block."""
    from lxml.html import fromstring
    from readability import Document

    summary = Document(html, url=url).summary(html_partial=True)
    return "\n".join(fromstring(_BREAK.sub(r"\g<0>&#10;", summary)).text_content().splitlines())


def newspaper(html: bytes, url: str | None) -> str:
    """newspaper4k's text; it asks no server for the images."""
    warnings.simplefilter("ignore")
    import newspaper as library

    from broadsheet.cleaners.page.parsed_page import decode

    page = decode(html).text
    return str(library.article(url or "http://none.example/", input_html=page, fetch_images=False).text)


def resiliparse(html: bytes, url: str | None) -> str:
    """resiliparse's main content."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    from broadsheet.cleaners.page.parsed_page import decode

    return str(extract_plain_text(HTMLTree.parse(decode(html).text), main_content=True, alt_texts=False))
