"""An article's page: the story in its skin, with everything that the site puts around it."""

from __future__ import annotations

import zlib
from html import escape
from urllib.parse import quote

from crawler.demo import furniture
from crawler.demo.content import Article, Piece
from crawler.demo.head import Place, article_head
from crawler.demo.prose import to_html
from crawler.demo.skins import Skin, skin


def story_page(article: Article, place: Place) -> str:
    """The HTML of one page of an article, as text."""
    look = skin(article.skin, article.language)
    page = look.fill(
        "layout",
        lang=article.language,
        head=article_head(article, place),
        crumbs=furniture.crumbs(look, article.title),
        main=_main(look, article, place),
        sidebar=furniture.sidebar(look),
    )
    return _broken(page) if article.quirk == "broken" else page


def _main(look: Skin, article: Article, place: Place) -> str:
    address = {"url": quote(place.origin + place.path, safe=""), "path": place.path}
    boxes = {name: look.fill(name, **address) for name in ("share", "helpful", "donate_end", "newsletter")}
    around = {name: getattr(furniture, name)(look, article) for name in ("related", "comments", "tags", "bio")}
    return look.fill("article", **_title_block(look, article, place), **_text(look, article, place), **boxes, **around)


def _title_block(look: Skin, article: Article, place: Place) -> dict[str, str]:
    lead = article.standfirst if place.number == 1 else ""
    spoken = look.wording.spoken
    return {
        "number": str(zlib.crc32(article.path.encode()) % 9000),
        "kicker": escape(article.section),
        "title": escape(article.title, quote=False),
        "standfirst": look.fill("standfirst", text=escape(lead, quote=False)) if lead else "",
        "byline": furniture.byline(look, article),
        "iso": article.published,
        "date": spoken(article.published),
        "updated_line": look.fill("updated", date=spoken(article.modified)) if article.modified else "",
        "url": quote(place.origin + place.path, safe=""),
        "path": place.path,
    }


def _text(look: Skin, article: Article, place: Place) -> dict[str, str]:
    pieces = article.pages[place.number - 1]
    pages = [article.page_path(number + 1) for number in range(len(article.pages))]
    licence = f'<a rel="license" href="{article.licence}">{article.licence}</a>' if article.licence else ""
    return {
        "body": "\n".join(_piece(look, article, place, piece) for piece in pieces),
        "paywall": look.fill("paywall") if article.paywall else "",
        "page_links": furniture.page_links(look, pages, place.number - 1),
        "reuse": look.fill("reuse", licence=licence),
    }


def _piece(look: Skin, article: Article, place: Place, piece: Piece) -> str:
    if piece.kind == "text":
        return to_html(piece.text)
    if piece.kind == "figure":
        return _figure(look, article, piece.text)
    return look.fill(piece.kind, url=quote(place.origin + place.path, safe=""), path=place.path)


def _figure(look: Skin, article: Article, name: str) -> str:
    figure = article.figure(name)
    words = {field: escape(getattr(figure, field)) for field in ("image", "alt", "caption", "credit")}
    return look.fill("figure", **words)


def _broken(page: str) -> str:
    """The page without its closing paragraph tags, and cut off in the middle of the comments."""
    cut = page.index('name="comments"')
    return page[: page.index("<b>", cut) + 40].replace("</p>", "")
