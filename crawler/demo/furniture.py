"""The boilerplate around the stories: teasers, sidebars, breadcrumbs, tags, bios, comments, share rows."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from broadsheet.crawler.demo.content import Person, SampleArticle, articles, people, slug
from broadsheet.crawler.demo.prose import to_blocks
from broadsheet.crawler.demo.skins import Skin, load_wording

_EXCERPT_CHARS = 105  # about two lines of a teaser
_MOST_READ = 5
_RELATED = 3


def linked_stories(language: str) -> tuple[SampleArticle, ...]:
    """The stories of a language that the site itself links to, newest first."""
    return tuple(story for story in articles() if story.language == language and story.listed == "site")


def excerpt(article: SampleArticle) -> str:
    """The beginning of a story, cut at a word before the end of its first block, with `…` at the end."""
    text = article.standfirst or to_blocks(article.pages[0][0].text)[0]
    length = min(_EXCERPT_CHARS, len(text) * 2 // 3)
    return text[:length].rsplit(" ", 1)[0].rstrip(",.;:") + "…"


def cards(skin: Skin, stories: Iterable[SampleArticle]) -> str:
    """Teasers for the stories."""
    return "\n".join(_card(skin, story) for story in stories)


def sidebar(skin: Skin) -> str:
    """The most-read list and the notices about the site's own campaigns."""
    stories = sorted(linked_stories(skin.wording.language), key=lambda story: (-len(story.comments), story.path))
    items = "".join(skin.fill("most_read", url=story.path, title=escape(story.title)) for story in stories[:_MOST_READ])
    return skin.fill("sidebar", items=items, promo_items=_promos(skin))


def crumbs(skin: Skin, title: str) -> str:
    """The breadcrumb line to a page called `title`."""
    return skin.fill("crumbs", title=escape(title))


def related(skin: Skin, article: SampleArticle) -> str:
    """Three other stories of the language."""
    stories = [story for story in linked_stories(article.language) if story is not article]
    start = len(article.path) % len(stories)
    chosen = (stories[start:] + stories[:start])[:_RELATED]
    return skin.fill("related", cards=cards(skin, chosen))


def byline(skin: Skin, article: SampleArticle) -> str:
    """The line that names the authors, or nothing."""
    names = [skin.fill("byline_name", url=author_path(name), name=escape(name)) for name in article.authors]
    return skin.fill("byline", names=skin.wording.conjunction.join(names)) if names else ""


def bio(skin: Skin, article: SampleArticle) -> str:
    """A box on each author."""
    return "\n".join(_bio(skin, people()[name]) for name in article.authors)


def tags(skin: Skin, article: SampleArticle) -> str:
    """The list of the story's tags."""
    items = [skin.fill("tag", url=tag_path(tag, article.language), name=escape(tag)) for tag in article.tags]
    return skin.fill("tags", items=" ".join(items))


def comments(skin: Skin, article: SampleArticle) -> str:
    """The readers' comments and the form to write one; empty where there is no comment."""
    if not article.comments:
        return ""
    items = "\n".join(
        skin.fill(
            "comment",
            name=escape(comment.name),
            when=comment.when,
            date=skin.wording.date_text(comment.when),
            text=escape(comment.text),
        )
        for comment in article.comments
    )
    return skin.fill("comments", items=items, count=str(len(article.comments)), path=article.path)


def author_path(name: str) -> str:
    """The path of an author's page."""
    return load_wording(people()[name].language).paths["author"].format(slug=slug(name))


def tag_path(tag: str, language: str) -> str:
    """The path of a tag's page."""
    return load_wording(language).paths["tag"].format(slug=slug(tag))


def page_links(skin: Skin, pages: list[str], current: int) -> str:
    """Numbered links to `pages`, and links to the previous and the next one; `current` counts from 0."""
    if len(pages) < 2:
        return ""
    words = skin.wording.words
    links = [str(n + 1) if n == current else f'<a href="{path}">{n + 1}</a>' for n, path in enumerate(pages)]
    if current > 0:
        links.insert(0, f'<a rel="prev" class="prev" href="{pages[current - 1]}">‹ {words["previous"]}</a>')
    if current < len(pages) - 1:
        links.append(f'<a rel="next" class="next" href="{pages[current + 1]}">{words["next"]} ›</a>')
    return skin.fill("page_links", items=f"{words['page']} " + " ".join(links))


def _card(skin: Skin, story: SampleArticle) -> str:
    return skin.fill(
        "card",
        url=story.path,
        title=escape(story.title),
        iso=story.published,
        date=skin.wording.date_text(story.published),
        excerpt=escape(excerpt(story)),
    )


def _promos(skin: Skin) -> str:
    notices = skin.wording.promos
    return "\n".join(
        skin.fill("promo", title=escape(note.title), date=skin.wording.date_text(note.day), text=escape(note.text))
        for note in notices
    )


def _bio(skin: Skin, person: Person) -> str:
    facts = {name: escape(getattr(person, name)) for name in ("name", "role", "bio")}
    return skin.fill("bio", url=author_path(person.name), **facts)
