"""An article's page: the story in its skin, with everything that the site puts around it."""

from __future__ import annotations

import zlib
from html import escape
from urllib.parse import quote

from broadsheet.crawler.demo import furniture
from broadsheet.crawler.demo.content import SampleArticle, StoryPart
from broadsheet.crawler.demo.head import PageLocation, article_head
from broadsheet.crawler.demo.prose import to_html
from broadsheet.crawler.demo.skins import Skin, load_skin


def story_page(article: SampleArticle, location: PageLocation) -> str:
    """The HTML of one page of an article, as text."""
    skin = load_skin(article.skin, article.language)
    html = skin.fill(
        "layout",
        lang=article.language,
        head=article_head(article, location),
        crumbs=furniture.crumbs(skin, article.title),
        main=_main_html(skin, article, location),
        sidebar=furniture.sidebar(skin),
    )
    return _break_markup(html) if article.quirk == "broken" else html


def _main_html(skin: Skin, article: SampleArticle, location: PageLocation) -> str:
    address = {"url": quote(location.origin + location.path, safe=""), "path": location.path}
    boxes = {name: skin.fill(name, **address) for name in ("share", "helpful", "donate_end", "newsletter")}
    surroundings = {name: getattr(furniture, name)(skin, article) for name in ("related", "comments", "tags", "bio")}
    return skin.fill(
        "article",
        **_title_slots(skin, article, location),
        **_text_slots(skin, article, location),
        **boxes,
        **surroundings,
    )


def _title_slots(skin: Skin, article: SampleArticle, location: PageLocation) -> dict[str, str]:
    lead = article.standfirst if location.page_number == 1 else ""
    date_text = skin.wording.date_text
    return {
        "number": str(zlib.crc32(article.path.encode()) % 9000),
        "kicker": escape(article.section),
        "title": escape(article.title, quote=False),
        "standfirst": skin.fill("standfirst", text=escape(lead, quote=False)) if lead else "",
        "byline": furniture.byline(skin, article),
        "iso": article.published,
        "date": date_text(article.published),
        "updated_line": skin.fill("updated", date=date_text(article.modified)) if article.modified else "",
        "url": quote(location.origin + location.path, safe=""),
        "path": location.path,
    }


def _text_slots(skin: Skin, article: SampleArticle, location: PageLocation) -> dict[str, str]:
    parts = article.pages[location.page_number - 1]
    pages = [article.page_path(number + 1) for number in range(len(article.pages))]
    licence = f'<a rel="license" href="{article.licence}">{article.licence}</a>' if article.licence else ""
    return {
        "body": "\n".join(_part_html(skin, article, location, part) for part in parts),
        "paywall": skin.fill("paywall") if article.paywall else "",
        "page_links": furniture.page_links(skin, pages, location.page_number - 1),
        "reuse": skin.fill("reuse", licence=licence),
    }


def _part_html(skin: Skin, article: SampleArticle, location: PageLocation, part: StoryPart) -> str:
    if part.kind == "text":
        return to_html(part.text)
    if part.kind == "figure":
        return _figure_html(skin, article, part.text)
    return skin.fill(part.kind, url=quote(location.origin + location.path, safe=""), path=location.path)


def _figure_html(skin: Skin, article: SampleArticle, name: str) -> str:
    figure = article.figure(name)
    words = {field: escape(getattr(figure, field)) for field in ("image", "alt", "caption", "credit")}
    return skin.fill("figure", **words)


def _break_markup(page: str) -> str:
    """The page without its closing paragraph tags, and cut off in the middle of the comments."""
    comments_start = page.index('name="comments"')
    return page[: page.index("<b>", comments_start) + 40].replace("</p>", "")
