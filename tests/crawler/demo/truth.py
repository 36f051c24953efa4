"""The outcome that a crawl of the sample site should have, derived from the same files as its pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from broadsheet.crawler.demo.sample_pages import ATOM, RSS, form_pages, list_pages
from broadsheet.crawler.demo.sample_stories import SampleArticle, StoryPart, articles, to_blocks
from broadsheet.crawler.demo.special_addresses import (
    GZIPPED_SITEMAP,
    NEWS_SITEMAP,
    PLAIN_SITEMAP,
    ROBOTS,
    SITEMAP_INDEX,
    special_addresses,
)


@dataclass(frozen=True, slots=True)
class ExpectedPage:
    """The expected result of one article page: its text blocks, and its metadata.

    The title is not among `text_blocks`; the standfirst is, captions and bylines are not. A table is one block
    with a line a row and ` | ` between cells; code and verse keep their line breaks. `published` and `modified`
    are as the page states them. `aliases` are other paths with the same text, `next_path` is the story's next
    page, `listed` says where the address appears (site, sitemap, feed), `is_teaser` whether a paywall ends it.
    """

    path: str
    title: str
    text_blocks: tuple[str, ...]
    language: str
    published: str
    authors: tuple[str, ...]
    modified: str = ""
    section: str = ""
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    next_path: str = ""
    listed: str = "site"
    is_teaser: bool = False


def expected_pages() -> list[ExpectedPage]:
    """Return every article page of the site once, newest first; a story in two pages has an entry for each."""
    return [_expected_page(story, number) for story in articles() for number in range(1, len(story.pages) + 1)]


def expected_stories() -> list[ExpectedPage]:
    """Return every story once, as the settled archive has it: one in two pages whole, under its first page's path."""
    return [_whole_story(story) for story in articles()]


def _whole_story(story: SampleArticle) -> ExpectedPage:
    pages = [_expected_page(story, number) for number in range(1, len(story.pages) + 1)]
    return replace(pages[0], text_blocks=sum((page.text_blocks for page in pages), ()), next_path="")


def _expected_page(story: SampleArticle, number: int) -> ExpectedPage:
    lead = (story.standfirst,) if story.standfirst and number == 1 else ()
    return ExpectedPage(
        path=story.page_path(number),
        title=story.title,
        text_blocks=lead + _text_blocks(story.pages[number - 1]),
        language=story.language,
        published=story.published,
        authors=story.authors,
        modified=story.modified,
        section=story.section,
        tags=story.tags,
        aliases=tuple(copy.path for copy in story.duplicates),
        next_path=story.page_path(number + 1) if number < len(story.pages) else "",
        listed=story.listed,
        is_teaser=story.paywall,
    )


def _text_blocks(parts: tuple[StoryPart, ...]) -> tuple[str, ...]:
    return tuple(block for part in parts if part.kind == "text" for block in to_blocks(part.text))


def _expected_outcomes() -> dict[str, tuple[str, str]]:
    return (
        dict(_article_outcomes())
        | dict(_other_outcomes())
        | {page.path: (page.state, page.reason) for page in special_addresses()}
    )


def _article_outcomes() -> Iterator[tuple[str, tuple[str, str]]]:
    for page in expected_pages():
        for path in (page.path, *page.aliases):
            yield path, ("done", "teaser" if page.is_teaser else "article")


def _other_outcomes() -> Iterator[tuple[str, tuple[str, str]]]:
    yield ROBOTS, ("done", "robots")
    for path in (SITEMAP_INDEX, GZIPPED_SITEMAP, PLAIN_SITEMAP, NEWS_SITEMAP):
        yield path, ("done", "sitemap")
    for path in (RSS, ATOM):
        yield path, ("done", "feed")
    for path in list_pages([]):
        yield path, ("done", "list")
    for path in form_pages():
        yield path, ("done", "other")


#: Path → (state, reason) in table `urls`, for every path that a crawl from `/` without limits records.
EXPECTED_OUTCOMES: dict[str, tuple[str, str]] = _expected_outcomes()
