"""Pages that list: the three front pages, sections in several pages, tags, authors, the archive by month; forms."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby

from crawler.demo import furniture
from crawler.demo.content import LANGUAGES, NAME, Article, Person, articles, people
from crawler.demo.head import plain_head
from crawler.demo.skins import Skin, skin

_PER_PAGE = 4
_FRONT = 6
_SKINS = {"en": "modern", "es": "blocks", "de": "modern"}


def look_of(language: str) -> Skin:
    """The skin of a language's pages other than articles."""
    return skin(_SKINS[language], language)


def framed(look: Skin, title: str, main: str, extra_head: str = "") -> str:
    """A page that is no article: `main` (HTML) in the site's layout, under `title` (text)."""
    return look.fill(
        "layout",
        lang=look.wording.language,
        head=plain_head(title, extra_head),
        crumbs=furniture.crumbs(look, title),
        main=main,
        sidebar=furniture.sidebar(look),
    )


def list_pages(old_addresses: list[tuple[str, str]]) -> dict[str, str]:
    """Every list page, path to HTML. `old_addresses` are (path, link text) for the end of the archive page."""
    pages: dict[str, str] = {}
    for language in LANGUAGES:
        look = look_of(language)
        pages |= {look.wording.paths["home"]: _front_page(look)}
        pages |= dict(_section(look))
        pages |= dict(_tags(look))
    pages |= {furniture.author_path(person.name): _author(person) for person in people().values()}
    return pages | {look_of("en").wording.paths["archive"]: _archive(look_of("en"), old_addresses)}


def form_pages() -> dict[str, str]:
    """The contact and support forms, path to HTML."""
    pages: dict[str, str] = {}
    for language in LANGUAGES:
        look = look_of(language)
        pages[look.wording.paths["contact"]] = _contact(look)
        pages[look.wording.paths["support"]] = _support(look)
    return pages


def _listing(look: Skin, title: str, cards: str, page_links: str = "") -> str:
    return look.fill(
        "listing",
        title=escape(title),
        intro=f'<p class="intro">{look.wording.words["tagline"]}</p>',
        cards=cards,
        page_links=page_links,
        newsletter=look.fill("newsletter"),
    )


def _front_page(look: Skin) -> str:
    stories = furniture.on_site(look.wording.language)[:_FRONT]
    more = look.fill("page_links", items=f'<a href="{look.wording.paths["section"]}">{_section_name(look)}</a>')
    return framed(look, NAME, _listing(look, NAME, furniture.cards(look, stories), more))


def _section_name(look: Skin) -> str:
    return look.wording.words["section"]


def _section(look: Skin) -> Iterator[tuple[str, str]]:
    stories = furniture.on_site(look.wording.language)
    paths = look.wording.paths
    count = -(-len(stories) // _PER_PAGE)
    pages = [paths["section"], *(paths["page"].format(n=number) for number in range(2, count + 1))]
    for number, path in enumerate(pages):
        shown = stories[number * _PER_PAGE : (number + 1) * _PER_PAGE]
        links = furniture.page_links(look, pages, number)
        main = _listing(look, _section_name(look), furniture.cards(look, shown), links)
        yield path, framed(look, _section_name(look), main, _next_link(pages, number))


def _next_link(pages: list[str], number: int) -> str:
    return f'<link rel="next" href="{pages[number + 1]}">' if number + 1 < len(pages) else ""


def _tags(look: Skin) -> Iterator[tuple[str, str]]:
    language = look.wording.language
    for tag in sorted({tag for story in articles() if story.language == language for tag in story.tags}):
        stories = [story for story in furniture.on_site(language) if tag in story.tags]
        yield furniture.tag_path(tag, language), framed(look, tag, _listing(look, tag, furniture.cards(look, stories)))


def _author(person: Person) -> str:
    look = look_of(person.language)
    stories = [story for story in furniture.on_site(person.language) if person.name in story.authors]
    main = look.fill(
        "listing",
        title=escape(person.name),
        intro=f'<p class="intro">{escape(person.bio)}</p>',
        cards=furniture.cards(look, stories),
        page_links="",
        newsletter=look.fill("newsletter"),
    )
    return framed(look, person.name, main)


def _archive(look: Skin, old_addresses: list[tuple[str, str]]) -> str:
    stories = [story for story in articles() if story.listed == "site"]
    months = groupby(stories, key=lambda story: look.wording.month(story.published))
    boxes = [_month(look, month, list(group)) for month, group in months]
    boxes.append(_links(look.wording.words["old_addresses"], old_addresses))
    title = look.wording.words["archive"]
    return framed(look, title, _listing(look, title, "\n".join(boxes)))


def _month(look: Skin, month: str, stories: list[Article]) -> str:
    return _links(month, [(story.path, f"{story.title}, {look.wording.spoken(story.published)}") for story in stories])


def _links(title: str, entries: list[tuple[str, str]]) -> str:
    items = "\n".join(f'<li><a href="{path}">{escape(text)}</a></li>' for path, text in entries)
    return f'<section class="month"><h2>{title}</h2><ul>\n{items}\n</ul></section>'


def _contact(look: Skin) -> str:
    words = look.wording.words
    fields = (
        f'<label>{words["contact_name"]} <input name="name"></label>'
        f'<label>{words["newsletter_label"]} <input name="mail" type="email"></label>'
        f'<label>{words["contact_message"]} <textarea name="message"></textarea></label>'
    )
    return _form(look, "contact", fields, "contact_send")


def _support(look: Skin) -> str:
    words = look.wording.words
    amounts = "".join(f'<label><input type="radio" name="sum" value="{n}"> {n}</label>' for n in (3, 10, 50))
    often = f'<label><input type="checkbox" name="often"> {words["support_monthly"]}</label>'
    return _form(look, "support", amounts + often, "donate_button")


def _form(look: Skin, name: str, fields: str, button: str) -> str:
    words = look.wording.words
    main = look.fill(
        "form",
        title=words[name],
        path=look.wording.paths[name],
        text=words[f"{name}_text"],
        fields=fields,
        button=words[button],
    )
    return framed(look, words[name], main)
