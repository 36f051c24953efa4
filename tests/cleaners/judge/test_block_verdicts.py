"""Votes to verdicts, on pages of few blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, Metadata, Page, Verdict
from broadsheet.cleaners.judge.block_features import Reading
from broadsheet.cleaners.judge.block_verdicts import judge, rule_verdicts
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks
from tests.cleaners.building import reading

STORY = [
    f"<p>Paragraph {n} of the story tells at some length what the council did about the old mill in {1990 + n}.</p>"
    for n in range(5)
]


def verdicts_by_text(
    body: str, metadata: Metadata | None = None, chosen: str = "Paragraph", judge_all: Callable[..., Any] = judge
) -> dict[str, Verdict]:
    """Verdicts by text; the judge is taken to have selected the blocks that begin with `chosen`."""
    tree = parse(f"<html><body>{body}</body></html>")
    assert tree is not None
    blocks = read_blocks(tree)
    selected = frozenset(block.position for block in blocks if block.text.startswith(chosen))
    return {
        block.text: verdict
        for block, verdict in zip(blocks, judge_all(reading(blocks, selected, metadata)), strict=True)
    }


LONG = [
    "The mill by the river burned down on Monday night, and the people of the valley talked of nothing else for days.",
    "The fire brigade came from three towns with eleven engines, but the old beams had been dry since the spring.",
    "Nobody was hurt, the mayor said in the morning, though the miller and his dog had slept in the house next door.",
    "The owner wants to build it up again before the winter, with the help of the neighbours and of the insurance.",
    "Its wheel had turned for two hundred years, and the last flour was ground there in the week before the fire.",
    "In the council the parties fought over the weir, which had been in need of repair for longer than anybody knew.",
    "A teacher from the upper village wrote down what the oldest of them remembered of the mill and of the men there.",
    "When the water rose in the spring of that year it carried away the bridge, and the carts had to go by the ford.",
    "Now the young people meet there in the evenings, and some of them say that they would rather swim.",
]


@pytest.mark.parametrize("box", ["aside class=sidebar", "aside class=modal", "form id=page action=/x"])
@pytest.mark.parametrize("heading", ["Comments", "Related stories"])
def test_no_article_is_lost_below_a_heading_of_boilerplate_in_a_box(box, heading):
    menu = "".join(
        f"<li><a href=/{name}>{name.title()} news</a></li>" for name in ("town", "sport", "culture", "people")
    )
    text = "".join(f"<p>{sentence}</p>" for sentence in LONG)
    body = f"<ul>{menu}</ul><{box}><h2>{heading}</h2><h1>Mill burns down</h1>{text}</{box.split()[0]}>"
    page = f"<html lang=en><title>Mill burns down</title><body>{body}<p><a href=/imprint>Imprint</a></p></body></html>"
    cleaned = clean(Page("https://paper.example/mill", page.encode()))
    assert cleaned.is_article
    assert sum(sentence in cleaned.text for sentence in LONG) >= len(LONG) - 1


@pytest.mark.parametrize("heading", ["Upcoming events", "Job board", "Stellenangebote", "Próximos eventos"])
@pytest.mark.parametrize("rows", [3, 30])
def test_a_letter_s_links_to_events_and_jobs_are_no_text_unless_it_is_made_of_them(heading, rows):
    entries = [f"Evening {n} at the old mill with the miller and his dog" for n in range(rows)]
    links = "".join(f"<li><a href=https://valley{n}.example/>{entry}</a></li>" for n, entry in enumerate(entries))
    upper, lower = ("".join(f"<p>{sentence}</p>" for sentence in part) for part in (LONG[:5], LONG[5:]))
    body = f"<h1>The mill letter</h1><div class=body>{upper}<h3>{heading}</h3><ul>{links}</ul>{lower}</div>"
    page = f"<html><title>The mill letter</title><body>{body}</body></html>"
    cleaned = clean(Page("https://letter.example/p/mill", page.encode()))
    removed = {block.text for block, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True) if not verdict.kept}
    if rows == 3:
        assert removed >= {heading, *entries}
        assert all(sentence in cleaned.text for sentence in LONG)
    else:
        assert "any/listing-heading" not in {verdict.rule for verdict in cleaned.verdicts}


ALL = "".join(STORY)
CREDIT = "the water of the river came up to the first floor of the mill and stayed there for a week (Photo: Ann Lee)"
FLOOD, FLOODED = f"Paragraph of the flood: nobody had seen the like of it. {CREDIT}", f"Paragraph: {CREDIT[60:]}"
ANN, BIO = "<p class=author>Ann Lee</p>", "<p class=author-role>Reporter</p>"
OWNS = "Ann Lee asks who owns the water of the weir below the town"
WROTE = "Ann Lee has written about the water of the weir below the town for ten years."
SAID = "Nobody asked us what we thought of the weir before it was torn down in the autumn."
RELATED = "<h3>Related stories</h3><ul><li><a href=/a>The lighthouse</a></ul>"
JOBS = (
    "<h3>Related stories</h3><ul><li><a href=/a>Stadt</a><li><a href=/b>Stellenangebote</a><li><a href=/c>Land</a></ul>"
)
LENGTHY = "The council met on Monday and spoke about the old mill by the river for three hours. " * 4
ASK = "Paragraph on giving: please consider making a donation to the mill, said the poster in the window of the {}."
BAKERY, SCHOOL = ASK.format("bakery"), ASK.format("school")
SIGN_UP = "Sign up for our newsletter to get the news each morning."


@pytest.mark.parametrize(
    ("body", "text", "reason", "rule"),
    [
        (f"{ALL}<p>{FLOOD}</p>{ALL}", FLOOD, "selected", ""),
        (f"{ALL}<p>{FLOODED}</p>{ALL}", FLOODED, "caption", ""),
        (f"{ALL}<div class=wp-caption><p>{FLOOD}</p></div>{ALL}", FLOOD, "caption", ""),
        (f"<nav><a href=/give>Donate now</a></nav>{ALL}", "Donate now", "navigation", "layout/navigation"),
        (f"{ALL}<p><a href=/give>Donate now</a></p>", "Donate now", "donation", ""),
        (f"{ALL}<div class=author-box>{ANN}{BIO}</div>", "Ann Lee", "about the author", ""),
        (f"{ALL}<div class=author-box>{ANN}{BIO}</div>", "Reporter", "about the author", ""),
        (f"<div class=head>{ANN}</div>{ALL}", "Ann Lee", "byline", ""),
        (f"<div>{ALL}</div><div class=related><p><a href=/weir>{OWNS}</a></p></div>", OWNS, "other articles", ""),
        (f"<div>{ALL}</div><div class=end><p>{WROTE}</p></div>", WROTE, "about the author", "metadata/author-note"),
        (f"{STORY[0]}<p>{BAKERY}</p><p>{SCHOOL}</p>{''.join(STORY[1:])}", BAKERY, "selected", ""),
        (f"{STORY[0]}<p>{BAKERY}</p>{''.join(STORY[1:])}", BAKERY, "donation", ""),
        (f"<div>{ALL}</div><div><p>Paragraph that ends it.</p><p>Tags: mills, rivers</p></div>",
         "Paragraph that ends it.", "selected", ""),
        (f"<div>{ALL}</div><div><p>Paragraph that ends it.</p><p>{SIGN_UP}</p></div>",
         "Paragraph that ends it.", "newsletter", ""),
        *((ALL + JOBS, name, "other articles", "en/related-heading/section") for name in ("Stellenangebote", "Land")),
        (f"{RELATED}<p>Cut of it …</p><p>{LENGTHY}</p>", "Cut of it …", "other articles", "en/related-heading/section"),
    ],
)  # fmt: skip
def test_a_block_has_a_reason(body, text, reason, rule):
    metadata = Metadata(language="en", authors=("Ann Lee",))
    found = verdicts_by_text(body, metadata, judge_all=rule_verdicts)[text]
    assert (found.reason, found.kept) == (reason, reason == "selected")
    assert rule in ("", found.rule)


@pytest.mark.parametrize(
    ("body", "text"),
    [(f"{ALL}{RELATED}<blockquote>{SAID}</blockquote>", SAID), (f"{RELATED}<p>{LENGTHY}</p>", LENGTHY.strip())],
)
def test_a_section_of_other_articles_ends_at_a_quotation_and_at_a_long_text(body, text):
    assert "section" not in verdicts_by_text(body, judge_all=rule_verdicts)[text].rule


def test_where_nothing_is_selected_the_main_container_is_read():
    verdicts = verdicts_by_text(f"<div class=x>{ALL}</div><nav><p>one two three four five</p></nav>", chosen="nothing")
    assert sum(verdict.kept for verdict in verdicts.values()) == 5


def test_paragraphs_of_bare_addresses_are_sources_and_no_navigation():
    url = "https://archive.test/mill/1912"
    verdicts = verdicts_by_text(f"{''.join(STORY)}<p><a href={url}>{url}</a></p>", chosen="Paragraph 1")
    assert all(not vote.rule.endswith("/links") for vote in verdicts[url].votes)
    inner = verdicts_by_text(f"{''.join(STORY)}<p><a href=/mill>the mill</a></p>", chosen="Paragraph 1")
    assert any(vote.rule == "context/links" for vote in inner["the mill"].votes)


def test_a_named_rule_goes_before_the_judge_and_all_are_heard():
    def judge_all(page: Reading) -> Any:
        return judge(replace(page, extracted=page.selected))

    body = "".join([*STORY[:2], "<p>Was this article helpful?</p>", *STORY[2:]])
    verdicts = verdicts_by_text(body, chosen="", judge_all=judge_all)
    verdict = verdicts["Was this article helpful?"]
    assert not verdict.kept
    assert verdict.reason == "feedback"
    assert [(vote.voter, vote.keep) for vote in verdict.votes] == [
        ("rule", False),
        ("model", True),
        ("extractor", True),
    ]
    assert sum(verdict.kept for verdict in verdicts.values()) == 5, "the article goes on after the prompt"


def test_a_page_without_blocks_has_no_verdicts():
    empty = reading((), metadata=Metadata())
    assert judge(empty) == judge(replace(empty, metadata=Metadata(title="x"))) == ()


@pytest.mark.parametrize(
    ("url", "target", "rule"),
    [
        ("https://www.a-paper.example/x", "https://tide.example/film", "context/teaser-elsewhere"),
        ("https://www.a-paper.example/x", "https://video.a-paper.test/film", "context/teaser"),
        ("https://www.a-paper.co.example/x", "https://a-paper.example/film", "context/teaser"),
        ("https://www.a-paper.example/x", "/film", "context/teaser"),
        ("", "https://tide.example/film", "context/teaser"),
    ],
)
def test_an_item_whose_links_lead_to_other_sites_is_told_from_a_teaser(url, target, rule):
    item = f"<ul><li><a href='{target}'>The film of the tide and of the mill by the river</a></li></ul>"
    tree = parse(f"<html><body>{''.join(STORY)}{item}</body></html>")
    assert tree is not None
    blocks = read_blocks(tree, url)
    assert rule_verdicts(reading(blocks, range(5), url=url))[-1].rule == rule


@pytest.mark.parametrize(("words", "is_kept"), [(99, True), (100, False)])
def test_words_above_the_title_that_are_a_motto(words, is_kept):
    title = Block(1, BlockKind.HEADING, "The old mill burned", path="body>main>h1", level=1)
    blocks = (
        Block(0, BlockKind.PARAGRAPH, " ".join(["motto"] * words), path="body>div>p"), title,
        Block(2, BlockKind.LIST_ITEM, "A short line", path="body>div.y>ul>li"),
    )  # fmt: skip
    rule = rule_verdicts(reading(blocks, (0, 2), Metadata(title=title.text), ""))[0].rule
    assert (rule == "layout/above-title") is is_kept
