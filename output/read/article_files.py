"""Articles as a folder of files: Markdown with front matter, or HTML pages with an index.

A Markdown file has YAML front matter made of JSON strings and lists, which YAML reads as they are: no title can break
it. The HTML pages are an index, a page for each month and a page for each article, for any web server or none. They
load nothing from anywhere, and say so to the browser (Content-Security-Policy). Only the page of the search has a
script, which is ours: it looks words up in a file beside it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from sqlite_utils import Database

from ..archive.archive_file import database_file
from ..archive.article_filter import USAGE_COLUMN
from ..archive.metadata_columns import STATED_COLUMNS
from ..archive.pictures import LEAST_GALLERY, SVG, PictureRun, ShownPicture, picture_runs, pictures_of_article
from ..archive.stored_text import escaped_json, inert_text
from ..raw.picture_files import read_picture_file
from ..raw.warc_reader import RecordError
from .article_rows import DictionaryEntry, article_dictionary, chosen_articles, iter_articles
from .export_folder import PICTURE_FOLDER, ExportFolder, open_export
from .inert_markup import article_html, escaped_words, inert_markdown, is_safe_link, language_tag, xml_line
from .plain_words import count_text

_LAST_FIELDS = ("description", "url", "canonical_url", "image", "page_type", "word_count", "id", USAGE_COLUMN)
_FIELDS = (*(name for name in STATED_COLUMNS if name not in _LAST_FIELDS), *_LAST_FIELDS)
_TAG_OR_LINK = re.compile(r"[<>\ufffe\uffff]|\](?=[(\[:])")  # and two characters that YAML does not take
_SLUG_BYTES = 80  # with date, id and ending well below the 255 bytes of common file systems


def export_markdown(
    db: Database, folder: Path, *, one_per_cluster: bool = False, on_kept: Callable[[str], object] = len
) -> int:
    """Write each article to a Markdown file in `folder`, made if missing; return the number of articles.

    A file keeps its name as long as the article keeps its title; older files are replaced. Stored pictures go to
    `pictures`. `on_kept` is as for `open_export`. Raises TargetRefused or TargetWriteError if a folder or file cannot
    be written.
    """
    count = 0
    with open_export(db, folder, on_kept) as export:
        for article in iter_articles(db, chosen_articles(db, one_per_cluster=one_per_cluster)):
            pictures = _write_pictures(db, export, article["id"])
            document = markdown_document(article) + markdown_pictures(pictures)
            export.write(file_name(article), document.encode(), [article["id"]])
            count += 1
    return count


def _write_pictures(db: Database, export: ExportFolder, article_id: Any) -> tuple[ShownPicture, ...]:
    """Write the pictures of an article, named by their digests; return those that are there.

    One whose record is damaged is left out, and so are SVG files: a browser that opens one from a disk runs what is in
    it.
    """
    return tuple(shown for shown in pictures_of_article(db, article_id) if _put_picture(db, export, shown, article_id))


def _put_picture(db: Database, export: ExportFolder, shown: ShownPicture, article_id: Any) -> bool:
    name = f"{PICTURE_FOLDER}/{shown.file_name}"
    if export.has_written(name, article_id):
        return True
    if shown.picture is None or shown.picture.type == SVG:
        return False
    try:
        data = read_picture_file(db, database_file(db), shown.capture_id, shown.picture)
    except RecordError:
        return False
    export.write(name, data, [article_id])
    return True


def markdown_pictures(pictures: Sequence[ShownPicture]) -> str:
    """Return an article's pictures as inert Markdown, each with its caption and credit."""
    lines = [
        f"\n![{escaped_words(_line(shown.alt))}]({PICTURE_FOLDER}/{shown.file_name})\n\n"
        f"{escaped_words(_line(f'{shown.caption} {shown.credit}'))}\n"
        for shown in pictures
    ]
    return "".join(lines)


def _line(text: str) -> str:
    return " ".join(inert_text(text).split())


def file_name(article: dict[str, object]) -> str:
    """Return a file name of date, title and id: readable, in order of time, unique, and safe on common file systems."""
    parts = (_slug(str(article["published_day"] or "")), _slug(str(article["title"])), str(article["id"]))
    return "-".join(part for part in parts if part) + ".md"


def markdown_document(article: dict[str, object]) -> str:
    """Return the inert text of an article's file: front matter, title, article."""
    values = ((name, article.get(name)) for name in _FIELDS)
    front_matter = "\n".join(f"{name}: {_yaml_value(value)}" for name, value in values if value not in (None, "", []))
    title = escaped_words(" ".join(inert_text(str(article["title"])).split()))
    heading = f"# {title}\n\n" if title else ""
    return f"---\n{front_matter}\n---\n\n{heading}{_body(article)}\n"


def _body(article: dict[str, object]) -> str:
    """Return the article's Markdown; of one without, its text, a paragraph a line."""
    if markdown := article["markdown"]:
        return inert_markdown(inert_text(str(markdown)))
    return "\n\n".join(map(escaped_words, inert_text(str(article["text"] or "")).splitlines()))


def _yaml_value(value: object) -> str:
    """Return JSON that is valid YAML, without anything that a viewer without front matter takes for HTML or a link."""
    json_text = escaped_json(json.dumps(value, ensure_ascii=False))
    return _TAG_OR_LINK.sub(lambda match: f"\\u{ord(match[0]):04x}", json_text)


def _slug(title: str) -> str:
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", title).lower()).strip("-")
    return words.encode("utf-8")[:_SLUG_BYTES].decode("utf-8", "ignore").strip("-")


_NEWEST = 50  # articles on the index itself
_UNDATED = "undated"
_ARTICLE_FOLDER = "articles"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:; base-uri 'none'; form-action 'none'"
_HEADS = """SELECT id, title, url, coalesce(published_day, '') AS published_day, coalesce(language, '') AS language
    FROM articles a WHERE {condition} ORDER BY published_day DESC, title, id"""


def export_reader_pages(
    db: Database, folder: Path, *, one_per_cluster: bool = False, on_kept: Callable[[str], object] = len
) -> int:
    """Write index, months, articles and the meanings of their fields into `folder`; returns how many articles.

    `on_kept` is as for `open_export`. Raises TargetRefused or TargetWriteError for a folder or file that cannot be
    written.
    """
    count, condition = 0, chosen_articles(db, one_per_cluster=one_per_cluster)
    words = _WordIndex(_read_heads(db, condition))
    with open_export(db, folder, on_kept) as export:
        for article in iter_articles(db, condition):
            pictures = _write_pictures(db, export, article["id"])
            page = article_page(article, picture_runs(db, int(str(article["id"])), pictures))
            export.write(f"{_ARTICLE_FOLDER}/{_page_name(article)}", page.encode(), [article["id"]])
            words.add(article)
            count += 1
        _write_lists(db, export, condition)
        words.write(export)
        export.write("about.html", about_page(article_dictionary()).encode())
    return count


def export_one_page(db: Database, stream: TextIO, *, one_per_cluster: bool = False) -> int:
    """Write one page with all articles, without pictures, to the stream and return how many."""
    title, count = xml_line(f"Articles of {database_file(db).stem}"), 0
    condition = chosen_articles(db, one_per_cluster=one_per_cluster)
    heads = list(_read_heads(db, condition))
    before, _, after = _page(title, "", "\0").partition("\0")
    stream.write(f"{before}<h1>{escape(title)}</h1>\n{_list(heads, '#')}")
    for article in iter_articles(db, condition):
        language = f' lang="{tag}"' if (tag := language_tag(article["language"])) else ""
        text, source = _article_parts(article)
        place = f'<section id="{escape(_page_name(article))}"{language} dir="auto">'
        stream.write(f"{place}\n{text}<footer><p>{source}</p></footer>\n</section>\n")
        count += 1
    stream.write(after)
    return count


def article_page(article: Mapping[str, Any], pictures: Sequence[PictureRun] = ()) -> str:
    """Return an article's page, with its pictures in place; their files are in the folder beside it."""
    text, source = _article_parts(article, pictures)
    body = (
        f'<nav><a href="../index.html">Index</a></nav>\n{text}'
        f'<footer><p>{source} <a href="../about.html">What the fields mean</a></p></footer>\n'
    )
    return _page(article_title(article), language_tag(article["language"]), body)


def article_title(article: Mapping[str, Any]) -> str:
    """Return the title of an article in one line, or its URL if it has no title."""
    return xml_line(article["title"]) or xml_line(article["url"])


def article_facts(article: Mapping[str, Any]) -> str:
    """Return the authors, the day and the site's name in one line."""
    authors = ", ".join(map(xml_line, article["authors"]))
    return " · ".join(filter(None, (authors, xml_line(article["published_day"]), xml_line(article["sitename"]))))


def _article_parts(article: Mapping[str, Any], pictures: Sequence[PictureRun] = ()) -> tuple[str, str]:
    """Return an article as HTML, and where it comes from."""
    source = _link(article["url"], xml_line(article["url"]))
    usage = ", ".join(map(xml_line, article.get(USAGE_COLUMN) or ()))
    terms = f"Its site says of its use: {escape(usage)}. " if usage else ""
    text = (
        f"<article>\n<h1>{escape(article_title(article))}</h1>\n"
        f'<p class="facts">{escape(article_facts(article))}</p>\n'
        f"{article_html(article, [(letters, _figures(run)) for letters, run in pictures])}</article>\n"
    )
    words = count_text(count, "word") if isinstance(count := article["word_count"], int) else ""
    return text, f"From {source}, read on {escape(xml_line(article['last_seen'])[:10])}. {words}. {terms}".rstrip()


def _figures(pictures: Sequence[ShownPicture]) -> str:
    html = "".join(
        f'<figure><img src="../{PICTURE_FOLDER}/{shown.file_name}" alt="{escape(xml_line(shown.alt))}"'
        f' width="{shown.picture.width}" height="{shown.picture.height}">'
        f'<figcaption dir="auto">{escape(xml_line(f"{shown.caption} {shown.credit}"))}</figcaption></figure>\n'
        for shown in pictures if shown.picture
    )  # fmt: skip
    return f'<div class="gallery">\n{html}</div>\n' if len(pictures) >= LEAST_GALLERY else html


def about_page(entries: tuple[DictionaryEntry, ...]) -> str:
    """Return the page that explains the fields of an article."""
    rows = "".join(
        f"<tr><td><code>{entry.name}</code></td><td>{escape(entry.meaning)}</td></tr>\n" for entry in entries
    )
    introduction = "Each page shows some of the fields that the archive has of an article. These are all, by name."
    body = f'<nav><a href="index.html">Index</a></nav>\n<h1>Fields</h1>\n<p>{introduction}</p>\n<table>{rows}</table>\n'
    return _page("Fields", "en", body)


class _WordIndex:
    """Index of the words of the articles, for the search in a folder: by word the numbers of articles, newest first."""

    def __init__(self, heads: Iterable[Mapping[str, Any]]) -> None:
        self._heads = list(heads)
        self._numbers = {head["id"]: number for number, head in enumerate(self._heads)}
        self._words: dict[str, list[int]] = {}

    def add(self, article: Mapping[str, Any]) -> None:
        """Add the words of an article's title, authors and text."""
        text = " ".join(map(str, (article["title"], *article["authors"], article["text"])))
        for word in sorted(set(_SEARCHED.findall(unicodedata.normalize("NFKC", text).lower()))):
            self._words.setdefault(word, []).append(self._numbers[article["id"]])

    def write(self, export: ExportFolder) -> None:
        """Write the page of the search, its script, and the words."""
        articles = [
            [f"{_ARTICLE_FOLDER}/{_page_name(head)}", article_title(head), xml_line(head["published_day"])]
            for head in self._heads
        ]
        words = json.dumps({"articles": articles, "words": self._words}, ensure_ascii=False)
        index = escaped_json(words).replace("<", "\\u003c").replace(">", "\\u003e")
        ids = [head["id"] for head in self._heads]
        export.write("search-words.js", f"const broadsheetIndex = {index};\n".encode(), ids)
        export.write("search.js", files(__package__).joinpath("reader_search.js").read_bytes())
        body = (
            '<nav><a href="index.html">Index</a></nav>\n<h1>Search</h1>\n'
            '<form><label>Words <input name="q" type="search" autofocus dir="auto"></label></form>\n'
            '<p id="told" role="status"></p>\n<ol class="list"></ol>\n'
            "<noscript><p>The search needs JavaScript.</p></noscript>\n"
            '<script src="search-words.js"></script>\n<script src="search.js"></script>\n'
        )
        page = _page("Search", "en", body).replace(_POLICY, f"{_POLICY}; script-src 'self' file:")
        export.write("search.html", page.encode())


_SEARCHED = re.compile(r"[^\W_]+")


def _write_lists(db: Database, export: ExportFolder, condition: str) -> None:
    """Write the index, with the newest articles and the months, and a page for each month."""
    heads_by_month: dict[str, list[dict[str, Any]]] = {}
    for head in _read_heads(db, condition):
        heads_by_month.setdefault(_month_name(str(head["published_day"])[:7]), []).append(head)
    for name, heads in heads_by_month.items():
        export.write(f"{name}.html", _list_page(name, heads).encode(), [head["id"] for head in heads])
    newest = list(islice(chain.from_iterable(heads_by_month.values()), _NEWEST))
    months = [
        f'<li><a href="{name}.html">{name}</a> <span>{len(heads):,}</span></li>\n'
        for name, heads in heads_by_month.items()
    ]
    title = f"Articles of {database_file(db).stem}"
    body = (
        f'<h1>{escape(xml_line(title))}</h1>\n<p><a href="search.html">Search</a></p>\n'
        f'<h2>Newest</h2>\n{_list(newest)}<h2>By month</h2>\n<ol class="list">\n'
        f'{"".join(months)}</ol>\n<footer><p><a href="about.html">What the fields mean</a></p></footer>\n'
    )
    export.write("index.html", _page(xml_line(title), "", body).encode(), [head["id"] for head in newest])


def _read_heads(db: Database, condition: str) -> Iterator[dict[str, Any]]:
    cursor = db.execute(_HEADS.format(condition=condition))
    names = [column[0] for column in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def _month_name(month: str) -> str:
    """Return the month as the name of a page; `undated` without a valid day."""
    is_month = len(month) == 7 and month[4] == "-" and f"{month[:4]}{month[5:]}".isdecimal() and month.isascii()
    return month if is_month else _UNDATED


def _list_page(name: str, heads: list[dict[str, Any]]) -> str:
    return _page(name, "", f'<nav><a href="index.html">Index</a></nav>\n<h1>{name}</h1>\n{_list(heads)}')


def _list(heads: list[dict[str, Any]], place: str = f"{_ARTICLE_FOLDER}/") -> str:
    return '<ol class="list">\n' + "".join(_list_item(head, place) for head in heads) + "</ol>\n"


def _list_item(head: Mapping[str, Any], place: str) -> str:
    title = article_title(head)
    language = f' lang="{tag}"' if (tag := language_tag(head["language"])) else ""
    target = f"{place}{_page_name(head)}"
    day = escape(xml_line(head["published_day"]))
    return f'<li><span>{day}</span><a href="{escape(target)}"{language} dir="auto">{escape(title)}</a></li>\n'


def _page_name(article: Mapping[str, Any]) -> str:
    return file_name(dict(article)).removesuffix(".md") + ".html"


def _page(title: str, language: str, body: str) -> str:
    language_attribute = f' lang="{escape(language)}"' if language else ""
    return (
        f'<!doctype html>\n<html{language_attribute}>\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_style()}</style>\n</head>\n"
        f'<body dir="auto">\n{body}</body>\n</html>\n'
    )


def _link(url: object, text: str) -> str:
    target = xml_line(url)
    return f'<a href="{escape(target)}">{escape(text)}</a>' if is_safe_link(target) else escape(text)


@cache
def _style() -> str:
    return files(__package__).joinpath("reader_pages.css").read_text("utf-8")
