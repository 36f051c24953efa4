"""Where the article's text begins and ends: notes on authors, threads of comments, other articles of the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, CleanedPage, Metadata, Page, RemovalReason
from broadsheet.cleaners.judge import text_span as module
from broadsheet.cleaners.rules.rule_files import load_rules
from tests.cleaners.building import PROSE, STORY, block, holds_up_to, words

RULES = load_rules("en")
SIGNED = Metadata(authors=("Ada Writer", "Bo"))
NOTE = "Ada Writer, data reporter, reads meters, minutes and permits, and has done so here for eleven years now."
TWICE = "Ada Writer, data reporter. Ada Writer came here as a proof-reader and has read meters for eleven years now."
LICENCE = (
    "You may republish this article free of charge, with attribution to The Mill Post and a link to the article here."
)
TEXT, BELOW = "body>div.text>p", "body>p"


def everything(blocks: list[Block]) -> frozenset[int]:
    return frozenset(range(len(blocks)))


def story(*below: tuple[str, str]) -> list[Block]:
    """Three paragraphs of the text, and below them each a text at a path."""
    paragraphs = [block(n, f"{n} {PROSE}", path=TEXT) for n in range(3)]
    return [*paragraphs, *(block(3 + n, text, path=path) for n, (text, path) in enumerate(below))]


@pytest.mark.parametrize(
    ("blocks", "metadata", "expected"),
    [
        (story((NOTE, BELOW), (LICENCE, BELOW)), SIGNED, range(3)),
        (story((NOTE, BELOW)), Metadata(), range(4)),
        (story((LICENCE, BELOW), (PROSE, BELOW)), SIGNED, range(5)),
        (story((NOTE, TEXT)), SIGNED, range(4)),
        ([block(0, path=TEXT), block(1, LICENCE), block(2, f"{LICENCE} {PROSE}")], SIGNED, range(3)),
        ([block(0, path=TEXT), block(1, f"Ada Writer {words(16)}", path=BELOW)], SIGNED, range(1)),
        ([block(0, path=TEXT), block(1, f"Ada Writer {words(17)}", path=BELOW)], SIGNED, range(2)),
        ([], SIGNED, range(0)),
    ],
    ids=["a note and a licence", "nobody signs the page", "a paragraph follows", "the author signs in the text",
         "half would go", "half stays", "nearly half stays", "nothing"],
)  # fmt: skip
def test_notes_and_licences_below_the_text_are_no_end_of_it(blocks, metadata, expected):
    assert module.text_span(blocks, everything(blocks), RULES, metadata) == expected


@pytest.mark.parametrize(
    ("below", "span", "notes"),
    [
        ((NOTE, "Ada Writers met twice.", "A note by Ada Writer.", "Bo keeps bees.", "Ada Writer"), range(3), {3, 7}),
        ((NOTE,), range(0), set()),
        (((NOTE, TEXT),), range(3), set()),
        (((TWICE, TEXT), (NOTE, TEXT), (PROSE, TEXT)), range(6), {3}),
        (((TWICE, TEXT), (NOTE, TEXT), (PROSE, TEXT)), range(3, 6), set()),
    ],
    ids=["whole names", "no text", "in the text", "the name twice at once", "it opens the text"],
)  # fmt: skip
def test_a_note_begins_with_the_whole_name_of_an_author(below, span, notes):
    blocks = story(*((each, BELOW) if isinstance(each, str) else each for each in below))
    assert module.author_notes(blocks, everything(blocks), span, SIGNED) == notes
    assert module.author_notes(blocks, everything(blocks), span, Metadata()) == set()


def test_a_note_has_a_name_of_some_letters_and_its_second_mention_is_near():
    def is_note(text: str, name: str, *below: tuple[str, str], path: str = BELOW) -> bool:
        blocks = story((text, path), *below)
        return module.author_notes(blocks, everything(blocks), range(3 + len(below)), Metadata(authors=(name,))) == {3}

    assert holds_up_to(5, lambda n: not is_note(f"Bo {'x' * (n - 3)} reads.", f"Bo {'x' * (n - 3)}"))
    again = "Ada Writer, {} Ada Writer " + PROSE
    assert holds_up_to(67, lambda n: is_note(again.format("x" * n), "Ada Writer", (PROSE, TEXT), path=TEXT))


def cleaned(body: str, title: str = "The mill", url: str = "https://mill.example/2012/05/the-mill") -> CleanedPage:
    return clean(Page(url, f"<html lang=en><title>{title}</title><body>{body}".encode()))


def paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def rules_of(page: CleanedPage) -> dict[str, tuple[str, str]]:
    return {b.text: (v.rule, v.reason) for b, v in zip(page.blocks, page.verdicts, strict=True)}


def test_the_tags_above_two_notes_go_with_them():
    page = cleaned(
        f'<meta name="author" content="Ada Writer"><h1>The mill</h1><td><div class="text">{paragraphs(STORY)}</div>'
        f"<p>Filed under: <a href=/h>Harbour</a> <a href=/c>Courts</a></p><p>{NOTE}</p><p>{LICENCE}</p></td>"
    )
    assert page.text.split("\n") == STORY
    assert rules_of(page)[NOTE][0] == "metadata/author-note"
    assert rules_of(page)["Filed under: Harbour Courts"][0] == "en/tags-line"


# --- Threads of comments ----------------------------------------------------------------------------------------------
CONTENT = "body>div.content>p"
POSTED = "Posted by: Ellen at May 3, 2012 9:41 AM"


def thread(heading: str = "Comments", signature: str = POSTED, **fields: object) -> list[Block]:
    """Two paragraphs, a heading, and two comments, each with a line that signs it."""
    heading_fields = {"kind": BlockKind.HEADING, "level": 2, "path": "body>div.content>h2"} | fields
    comments = [line for n in (3, 5) for line in ((f"{n} {PROSE}", CONTENT), (signature, f"{CONTENT}.posted"))]
    return [
        *(block(n, f"{n} {PROSE}", path=CONTENT) for n in range(2)),
        block(2, heading, **heading_fields),
        *(block(3 + n, text, path=path) for n, (text, path) in enumerate(comments)),
    ]


def at(first: int, blocks: Iterable[Block]) -> list[Block]:
    return [replace(b, position=first + n) for n, b in enumerate(blocks)]


def thread_start(blocks: list[Block], language: str = "en", selected: Iterable[int] | None = None) -> int | None:
    chosen = everything(blocks) if selected is None else frozenset(selected)
    return module.comment_thread_start(blocks, chosen, load_rules(language))


@pytest.mark.parametrize(
    ("language", "heading", "signature"),
    [
        ("en", "Comments", POSTED),
        ("en", "3 Responses", "Ellen | 3.5.2012"),
        ("de", "Kommentare", "Ellen schrieb am 3.5.2012 um 9:41"),
        ("fr", "Commentaires", "Ellen, le 3 mai 2012"),
        ("zh", "3条评论", "2012年5月3日"),
    ],
)
def test_a_thread_begins_at_its_heading(language, heading, signature):
    assert thread_start(thread(heading, signature), language) == 2


@pytest.mark.parametrize(
    ("blocks", "start"),
    [
        (thread(kind=BlockKind.PARAGRAPH, level=0, path="body>div.content>p#comments"), 2),
        (thread(kind=BlockKind.PARAGRAPH, level=0, path="body>div.content>p"), None),
        (thread("Comments by the minister"), None),
        (thread(signature="Posted by Ellen"), None),
        (thread(signature=f"In the year 2012 {PROSE}"), None),
        (thread()[:5], None),
        ([*thread()[:3], *(b if "posted" in b.path else replace(b, text="A headline") for b in thread()[3:])], None),
    ],
    ids=["marked", "not a heading", "another heading", "no date", "a paragraph", "one comment", "headlines with times"],
)  # fmt: skip
def test_a_thread_has_a_heading_and_signed_comments(blocks, start):
    assert thread_start(blocks) == start


def test_a_thread_is_signed_by_the_lines_that_are_the_most():
    other = [block(7, f"7 {PROSE}", path=CONTENT), block(8, POSTED, path=f"{CONTENT}.zzz")]
    assert thread_start([*thread(), *other]) == 2


def test_a_thread_below_no_text_or_with_no_selected_text_is_none():
    assert thread_start(thread(), selected=(2, 3, 4, 5, 6)) is None
    assert thread_start(thread(), selected=(0, 1, 2, 4, 6)) is None


@pytest.mark.parametrize(
    ("date", "is_one"),
    [("2012", True), ("1899", False), ("9:41", True), ("9.41", True), ("3.5.12", True), ("3/5/2012", True),
     ("3.5", False), ("5月", True)],
)  # fmt: skip
def test_the_date_of_a_signature(date, is_one):
    assert (thread_start(thread(signature=f"Ellen {date}")) == 2) is is_one


def test_a_thread_s_parts_are_near_one_another():
    def has_thread_below(count: int) -> bool:
        return thread_start([block(0, words(count), path=CONTENT), *at(1, thread()[2:])]) == 1

    def is_signed_after(lines: int, heading: str) -> bool:
        blocks = thread(path=f"body>div.content>{heading}")
        between = [block(0, "A line", path=CONTENT)] * lines
        return thread_start(at(0, [*blocks[:3], *between, *blocks[3:]])) == 2

    assert holds_up_to(16, lambda n: thread_start(thread(signature="Ellen " * (n - 1) + "2012")) == 2)
    assert holds_up_to(19, lambda n: not has_thread_below(n))
    assert holds_up_to(10, lambda n: is_signed_after(n, "h2"))
    assert holds_up_to(28, lambda n: is_signed_after(n, "h2#comments"))


def test_comments_in_the_text_s_own_container_are_removed_with_their_reason():
    comments = [f"{text} So I remember it, and so does my neighbour at the river." for text in STORY[:3]]
    posted = "".join(f"<p>{text}</p><p class=posted>{POSTED}</p>" for text in comments)
    page = cleaned(f"<div class=content><h2>The mill</h2>{paragraphs(STORY)}<h2>Comments</h2>{posted}</div>")
    assert page.text.split("\n") == STORY
    assert {rules_of(page)[comment] for comment in comments} == {(module.COMMENT_THREAD, RemovalReason.COMMENTS)}


# --- Other articles above and below -----------------------------------------------------------------------------------
def article(
    first: int, container: str, title: str, byline: str = "By Ellen Moor", head: str = "div.head>h1.headline"
) -> list[Block]:
    """A heading, a byline and four paragraphs."""
    heading = block(first, title, kind=BlockKind.HEADING, level=1, path=f"body>{container}>{head}")
    line = block(first + 1, byline, path=f"body>{container}>div.head>p")
    text = [block(first + 2 + n, f"{title} {n}: {PROSE}", path=f"body>{container}>div.text>p") for n in range(4)]
    return [heading, line, *text]


def flat(first: int, title: str, byline: str = "By Ellen Moor", marks: str = "main article") -> list[Block]:
    """An article whose heading, byline and text are in one container."""
    fields = {"landmarks": frozenset(marks.split())}
    heading = block(first, title, kind=BlockKind.HEADING, level=1, path="body>article>h1", **fields)
    texts = [byline, *(f"{title} {n}: {PROSE}" for n in range(4))]
    return [heading, *(block(first + 1 + n, text, path="body>article>p", **fields) for n, text in enumerate(texts))]


def others(*parts: Iterable[Block], title_position: int | None = 0, rule: str = module.NEXT_ARTICLE) -> list[int]:
    found = module.other_articles([b for part in parts for b in part], title_position, RULES)
    return [n for n, of in found.items() if of == rule]


UNSIGNED = "Ellen went home that night"
MILL, BRIDGE = article(0, "article#one", "The mill"), article(6, "article#two", "The bridge")


@pytest.mark.parametrize(
    ("one", "two", "start"),
    [
        (MILL, BRIDGE, 6),
        (article(0, "article", "The mill"), article(6, "article", "The bridge"), 6),
        (article(0, "article", "The mill", "May 3, 2012"), article(6, "div", "The bridge", "May 2, 2012"), 6),
        (MILL, article(6, "article", "The mill"), None),
        (MILL, article(6, "article", "The bridge", UNSIGNED), None),
        (MILL, article(6, "article", "The bridge", head="div.head>h1"), None),
        (MILL, article(6, "article", "The bridge", head="div.box>h1.headline"), None),
        (MILL, BRIDGE[:4], None),
        (MILL, article(6, "article", "The bridge", head="div.text>h1.headline"), None),
        (article(0, "article#one", "The mill", UNSIGNED), BRIDGE, None),
        (article(0, "article", "The mill", head="div.text>h1.headline"),
         article(6, "article", "The bridge", head="div.text>h1.headline"), None),
        (flat(0, "The mill"), flat(6, "The bridge"), 6),
        (flat(0, "The mill"), flat(6, "The bridge", "May 2, 2012"), None),
        (flat(0, "The mill", "It burned down."), flat(6, "The bridge"), None),
        (flat(0, "The mill"), flat(6, "The bridge", marks=""), None),
    ],
    ids=["two", "of one class", "dated", "the title again", "no byline", "another class", "another box", "a short text",
         "a section of the text", "the first unsigned", "sections in the text's container", "in one container",
         "a section may have a date", "a first without a byline", "outside of the article"],
)  # fmt: skip
def test_the_next_article_begins_at_its_heading(one, two, start):
    assert others(one, two)[:1] == ([] if start is None else [start])


def test_a_page_needs_a_line_for_its_title():
    assert others(MILL, BRIDGE, title_position=None) == others(MILL, BRIDGE, title_position=2) == []


def test_articles_above_the_one_that_the_title_names_go_to_their_last_paragraph():
    parts = MILL, BRIDGE, article(12, "article#three", "The ferry")
    assert others(*parts, title_position=6, rule=module.PREVIOUS_ARTICLE) == list(range(6))
    assert others(*parts, title_position=12, rule=module.PREVIOUS_ARTICLE) == list(range(12))
    assert others(*parts, title_position=6)[0] == 12
    assert others(MILL[:4], [block(4, "News")], rule=module.PREVIOUS_ARTICLE) == []
    unsigned = article(0, "article#one", "The mill", UNSIGNED)
    assert others(unsigned, BRIDGE, title_position=6, rule=module.PREVIOUS_ARTICLE) == []


def markup(name: str, title: str, texts: Iterable[str]) -> str:
    head = f"<div class=head><h1 class=headline>{title}</h1><p class=byline>By Ellen Moor</p></div>"
    return f"<article id={name}>{head}<div class=text>{paragraphs(texts)}</div></article>"


TITLES = ("The mill by the river", "The bridge is gone", "A ferry for the town")
STORIES = [[f"{text} So said {name}, who had seen it all." for text in STORY] for name in ("Ann", "Ben", "Cy")]
THREE = f"<main>{''.join(markup(f'a{n}', title, STORIES[n]) for n, title in enumerate(TITLES))}</main>"


@pytest.mark.parametrize(
    ("title", "path", "kept"),
    [*((title, "2012/05/", n) for n, title in enumerate(TITLES)), ("The Paper", "2012/the-bridge-is-gone.html", 1),
     ("The Paper", "2012/mill-by-river/", 0)],
)  # fmt: skip
def test_of_several_articles_the_one_that_the_title_or_else_the_url_names_is_kept(title, path, kept):
    page = cleaned(THREE, title, f"https://mill.example/{path}")
    assert page.text.split("\n") == STORIES[kept]
    rules = [{rules_of(page)[text] for text in texts} for texts in STORIES]
    if title in TITLES:
        assert all(rules[n] == {(module.PREVIOUS_ARTICLE, RemovalReason.RELATED)} for n in range(kept))
        assert all(rules[n] == {(module.NEXT_ARTICLE, RemovalReason.RELATED)} for n in range(kept + 1, 3))


def test_a_text_whose_sections_have_headings_of_the_first_level_is_looked_at_once():
    text = "".join(f"<h1>How the {n} went</h1>{paragraphs(STORIES[n])}" for n in range(2))
    page = cleaned(markup("one", TITLES[0], []).replace("<div class=text>", f"<main><div class=text>{text}"))
    assert {STORIES[0][0], STORIES[1][0]} < set(page.text.split("\n"))
    assert not page.asked_extractor


def test_another_article_s_parts_are_near_one_another_and_of_some_length():
    def cut(blocks: list[Block], count: int) -> list[Block]:
        return [*blocks[:2], replace(blocks[2], text=words(count)), *(replace(b, text="x") for b in blocks[3:])]

    def begins(lines: int, order: str, first: list[Block] = MILL, second: list[Block] = BRIDGE) -> bool:
        parts = {"h": second[:1], "b": second[1:2], "-": [replace(second[1], text="A line")] * lines, "t": second[2:]}
        found = others(first, at(6, [each for part in order for each in parts[part]]))[:1]
        return found == [6 + "hb".index("h") + order.index("h") * lines]

    assert holds_up_to(59, lambda n: not others(cut(MILL, n), BRIDGE))
    assert holds_up_to(59, lambda n: not others(MILL, cut(BRIDGE, n)))
    assert holds_up_to(59, lambda n: not others(cut(MILL, n), BRIDGE, title_position=6, rule=module.PREVIOUS_ARTICLE))
    assert holds_up_to(7, lambda n: begins(n, "h-bt"))
    assert holds_up_to(1, lambda n: begins(n, "h-bt", flat(0, "The mill"), flat(6, "The bridge")))
