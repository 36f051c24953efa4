"""Articles as EPUB 3 books for reading devices: two hundred articles a volume, the earliest first.

A volume is a ZIP file with a package document, a table of contents and a page for each article, the least that the
standard asks for (https://www.w3.org/TR/epub-33/). The pages have no script and no pictures and load nothing.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ..archive.archive_file import database_file
from .article_files import article_facts, article_title
from .article_rows import article_row, chosen_articles
from .export_folder import open_export
from .inert_markup import article_html, is_safe_link, language_tag, xml_line

VOLUME_ARTICLES = 200

_IN_ORDER = """SELECT id FROM articles a WHERE {condition} ORDER BY published_day IS NULL, published_day, title, id"""
_UNKNOWN_LANGUAGE = "und"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # of every member: the same articles give the same bytes
_CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>
"""
_PAGE = """<?xml version="1.0" encoding="utf-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{language}"
  xml:lang="{language}"><head><title>{title}</title></head>
<body dir="auto">
{body}</body></html>
"""
_PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:broadsheet:{identifier}</dc:identifier><dc:title>{title}</dc:title>
<dc:language>{language}</dc:language><meta property="dcterms:modified">{modified}</meta>
</metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
{items}</manifest>
<spine><itemref idref="nav"/>{places}</spine>
</package>
"""


def export_epub(
    db: Database, folder: Path, *, one_per_cluster: bool = False, on_kept: Callable[[str], object] = len
) -> int:
    """Write the volumes into `folder`, made if missing, and return how many articles; `on_kept` is as for
    `open_export`.

    Raises TargetRefused or TargetWriteError for a folder or file that cannot be written.
    """
    name, count = database_file(db).stem, 0
    condition = chosen_articles(db, one_per_cluster=one_per_cluster)
    numbers = iter(db.execute(_IN_ORDER.format(condition=condition)).fetchall())
    with open_export(db, folder, on_kept) as export:
        for volume, articles in enumerate(_volumes(db, numbers), 1):
            book = epub_book(f"{xml_line(name)}, volume {volume}", articles)
            export.write(f"{name}-{volume:02}.epub", book, [article["id"] for article in articles])
            count += len(articles)
    return count


def _volumes(db: Database, numbers: Iterator[tuple[int]]) -> Iterator[list[dict[str, Any]]]:
    while ids := list(islice(numbers, VOLUME_ARTICLES)):
        yield [article for (number,) in ids if (article := article_row(db, number))]


def epub_book(title: str, articles: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a book of these articles, in their order, as the bytes of its file."""
    languages = [language_tag(article["language"]) for article in articles]
    language = max(filter(None, languages), key=languages.count, default=_UNKNOWN_LANGUAGE)
    names = [f"article{number}" for number in range(1, len(articles) + 1)]
    package = _PACKAGE.format(
        identifier="-".join(str(article["id"]) for article in (*articles[:1], *articles[1:][-1:])),
        title=escape(title),
        language=language,
        modified=_moment(max((str(article["last_seen"]) for article in articles), default="")),
        items="".join(f'<item id="{n}" href="{n}.xhtml" media-type="application/xhtml+xml"/>\n' for n in names),
        places="".join(f'<itemref idref="{name}"/>' for name in names),
    )
    members = {"META-INF/container.xml": _CONTAINER, "book.opf": package, "nav.xhtml": _contents(title, articles)}
    members |= {f"{name}.xhtml": _article_page(article) for name, article in zip(names, articles, strict=True)}
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w") as book:
        book.writestr(zipfile.ZipInfo("mimetype", _EPOCH), "application/epub+zip")  # first, and not packed
        for name, text in members.items():
            book.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _moment(stored: str) -> str:
    return f"{stored[:19]}Z" if len(stored) >= len("2026-01-31T12:00:00") else "2000-01-01T00:00:00Z"


def _contents(title: str, articles: Sequence[Mapping[str, Any]]) -> str:
    lines = "".join(
        f'<li><a href="article{number}.xhtml">{escape(article_title(article))}</a></li>\n'
        for number, article in enumerate(articles, 1)
    )
    body = f'<nav epub:type="toc"><h1>{escape(title)}</h1>\n<ol>\n{lines}</ol></nav>\n'
    return _PAGE.format(language=_UNKNOWN_LANGUAGE, title=escape(title), body=body)


def _article_page(article: Mapping[str, Any]) -> str:
    title, address = escape(article_title(article)), xml_line(article["url"])
    source = f'<a href="{escape(address)}">{escape(address)}</a>' if is_safe_link(address) else escape(address)
    body = (
        f"<h1>{title}</h1>\n<p>{escape(article_facts(article))}</p>\n{article_html(article, is_xml=True)}"
        f"<p>From {source}, read on {escape(xml_line(article['last_seen'])[:10])}.</p>\n"
    )
    return _PAGE.format(language=language_tag(article["language"]) or _UNKNOWN_LANGUAGE, title=title, body=body)
