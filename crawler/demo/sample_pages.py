"""The sample site's pages: a story in its skin, front pages, sections, tags, authors, forms.

An article's page: the story in its skin, with everything that the site puts around it.

The pages without a story: three front pages, sections in several pages, tags, authors, the archive by month,
forms.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from html import escape
from itertools import groupby
from urllib.parse import quote

from broadsheet.crawler.demo import page_parts
from broadsheet.crawler.demo.page_parts import (
    PageLocation,
    Skin,
    article_head,
    author_path,
    byline,
    cards,
    crumbs,
    linked_stories,
    load_skin,
    page_links,
    plain_head,
    sidebar,
    tag_path,
)
from broadsheet.crawler.demo.sample_stories import (
    LANGUAGES,
    SITE_NAME,
    Person,
    SampleArticle,
    StoryPart,
    articles,
    people,
    to_html,
)


def story_page(article: SampleArticle, location: PageLocation) -> str:
    """The HTML of one page of an article, as text."""
    skin = load_skin(article.skin, article.language)
    html = skin.fill(
        "layout",
        lang=article.language,
        head=article_head(article, location),
        crumbs=crumbs(skin, article.title),
        main=_main_html(skin, article, location),
        sidebar=sidebar(skin),
    )
    return _break_markup(html) if article.quirk == "broken" else html


def _main_html(skin: Skin, article: SampleArticle, location: PageLocation) -> str:
    address = {"url": quote(location.origin + location.path, safe=""), "path": location.path}
    boxes = {name: skin.fill(name, **address) for name in ("share", "helpful", "donate_end", "newsletter")}
    surroundings = {name: getattr(page_parts, name)(skin, article) for name in ("related", "comments", "tags", "bio")}
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
        "byline": byline(skin, article),
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
        "page_links": page_links(skin, pages, location.page_number - 1),
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


_STORIES_PER_PAGE = 4
_FRONT_PAGE_STORIES = 6
_SKINS = {"en": "modern", "es": "blocks", "de": "modern"}


def list_skin(language: str) -> Skin:
    """The skin of the pages of a language that are no articles."""
    return load_skin(_SKINS[language], language)


def page_in_layout(skin: Skin, title: str, main: str, extra_head: str = "") -> str:
    """A page that is no article: `main` (HTML) in the site's layout, under `title` (text)."""
    return skin.fill(
        "layout",
        lang=skin.wording.language,
        head=plain_head(title, extra_head),
        crumbs=crumbs(skin, title),
        main=main,
        sidebar=sidebar(skin),
    )


def list_pages(old_addresses: list[tuple[str, str]]) -> dict[str, str]:
    """Every list page, path to HTML. `old_addresses` are (path, link text) for the end of the archive page."""
    pages: dict[str, str] = {}
    for language in LANGUAGES:
        skin = list_skin(language)
        pages |= {skin.wording.paths["home"]: _front_page(skin)}
        pages |= dict(_section_pages(skin))
        pages |= dict(_tag_pages(skin))
    pages |= {author_path(person.name): _author_page(person) for person in people().values()}
    return pages | {list_skin("en").wording.paths["archive"]: _archive_page(list_skin("en"), old_addresses)}


def form_pages() -> dict[str, str]:
    """The contact and support forms, path to HTML."""
    pages: dict[str, str] = {}
    for language in LANGUAGES:
        skin = list_skin(language)
        pages[skin.wording.paths["contact"]] = _contact_page(skin)
        pages[skin.wording.paths["support"]] = _support_page(skin)
    return pages


def _listing(skin: Skin, title: str, cards: str, page_links: str = "") -> str:
    return skin.fill(
        "listing",
        title=escape(title),
        intro=f'<p class="intro">{skin.wording.words["tagline"]}</p>',
        cards=cards,
        page_links=page_links,
        newsletter=skin.fill("newsletter"),
    )


def _front_page(skin: Skin) -> str:
    stories = linked_stories(skin.wording.language)[:_FRONT_PAGE_STORIES]
    section_link = skin.fill("page_links", items=f'<a href="{skin.wording.paths["section"]}">{_section_name(skin)}</a>')
    return page_in_layout(skin, SITE_NAME, _listing(skin, SITE_NAME, cards(skin, stories), section_link))


def _section_name(skin: Skin) -> str:
    return skin.wording.words["section"]


def _section_pages(skin: Skin) -> Iterator[tuple[str, str]]:
    stories = linked_stories(skin.wording.language)
    paths = skin.wording.paths
    count = -(-len(stories) // _STORIES_PER_PAGE)
    pages = [paths["section"], *(paths["page"].format(n=number) for number in range(2, count + 1))]
    for number, path in enumerate(pages):
        page_stories = stories[number * _STORIES_PER_PAGE : (number + 1) * _STORIES_PER_PAGE]
        links = page_links(skin, pages, number)
        main = _listing(skin, _section_name(skin), cards(skin, page_stories), links)
        yield path, page_in_layout(skin, _section_name(skin), main, _next_link(pages, number))


def _next_link(pages: list[str], number: int) -> str:
    return f'<link rel="next" href="{pages[number + 1]}">' if number + 1 < len(pages) else ""


def _tag_pages(skin: Skin) -> Iterator[tuple[str, str]]:
    language = skin.wording.language
    for tag in sorted({tag for story in articles() if story.language == language for tag in story.tags}):
        stories = [story for story in linked_stories(language) if tag in story.tags]
        yield (
            tag_path(tag, language),
            page_in_layout(skin, tag, _listing(skin, tag, cards(skin, stories))),
        )


def _author_page(person: Person) -> str:
    skin = list_skin(person.language)
    stories = [story for story in linked_stories(person.language) if person.name in story.authors]
    main = skin.fill(
        "listing",
        title=escape(person.name),
        intro=f'<p class="intro">{escape(person.bio)}</p>',
        cards=cards(skin, stories),
        page_links="",
        newsletter=skin.fill("newsletter"),
    )
    return page_in_layout(skin, person.name, main)


def _archive_page(skin: Skin, old_addresses: list[tuple[str, str]]) -> str:
    stories = [story for story in articles() if story.listed == "site"]
    months = groupby(stories, key=lambda story: skin.wording.month_text(story.published))
    boxes = [_month_box(skin, month, list(group)) for month, group in months]
    boxes.append(_link_box(skin.wording.words["old_addresses"], old_addresses))
    title = skin.wording.words["archive"]
    return page_in_layout(skin, title, _listing(skin, title, "\n".join(boxes)))


def _month_box(skin: Skin, month: str, stories: list[SampleArticle]) -> str:
    return _link_box(
        month, [(story.path, f"{story.title}, {skin.wording.date_text(story.published)}") for story in stories]
    )


def _link_box(title: str, entries: list[tuple[str, str]]) -> str:
    items = "\n".join(f'<li><a href="{path}">{escape(text)}</a></li>' for path, text in entries)
    return f'<section class="month"><h2>{title}</h2><ul>\n{items}\n</ul></section>'


def _contact_page(skin: Skin) -> str:
    words = skin.wording.words
    fields = (
        f'<label>{words["contact_name"]} <input name="name"></label>'
        f'<label>{words["newsletter_label"]} <input name="mail" type="email"></label>'
        f'<label>{words["contact_message"]} <textarea name="message"></textarea></label>'
    )
    return _form_page(skin, "contact", fields, "contact_send")


def _support_page(skin: Skin) -> str:
    words = skin.wording.words
    amounts = "".join(f'<label><input type="radio" name="sum" value="{n}"> {n}</label>' for n in (3, 10, 50))
    monthly = f'<label><input type="checkbox" name="often"> {words["support_monthly"]}</label>'
    return _form_page(skin, "support", amounts + monthly, "donate_button")


def _form_page(skin: Skin, name: str, fields: str, button: str) -> str:
    words = skin.wording.words
    main = skin.fill(
        "form",
        title=words[name],
        path=skin.wording.paths[name],
        text=words[f"{name}_text"],
        fields=fields,
        button=words[button],
    )
    return page_in_layout(skin, words[name], main)
