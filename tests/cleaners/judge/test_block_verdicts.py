"""Votes to verdicts, on pages of few blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Block, BlockKind, Metadata, Page, RemovalReason, Verdict
from broadsheet.cleaners.judge import block_verdicts
from broadsheet.cleaners.judge.block_features import FirstLook
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
    """Verdicts by text; the extractor is taken to have selected the blocks that begin with `chosen`."""
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
def test_no_article_is_lost_below_a_heading_of_boilerplate_in_a_box(box: str, heading: str) -> None:
    menu = "".join(
        f"<li><a href=/{name}>{name.title()} news</a></li>" for name in ("town", "sport", "culture", "people")
    )
    text = "".join(f"<p>{sentence}</p>" for sentence in LONG)
    body = f"<ul>{menu}</ul><{box}><h2>{heading}</h2><h1>Mill burns down</h1>{text}</{box.split()[0]}>"
    page = f"<html lang=en><title>Mill burns down</title><body>{body}<p><a href=/imprint>Imprint</a></p></body></html>"
    cleaned = clean(Page("https://paper.example/mill", page.encode()))
    assert cleaned.is_article
    assert sum(sentence in cleaned.text for sentence in LONG) >= len(LONG) - 1


def test_a_menu_s_entry_for_jobs_ends_no_section_of_related_stories() -> None:
    entries = "".join(
        f"<li><a href=/{n}>{name}</a></li>" for n, name in enumerate(("Stadt", "Stellenangebote", "Land"))
    )
    body = f"{''.join(STORY)}<h3>Related stories</h3><ul>{entries}</ul>"
    votes = [verdict.votes for verdict in verdicts_by_text(body, judge_all=rule_verdicts).values()][-3:]
    assert all(any(vote.rule == "en/related-heading/section" for vote in given) for given in votes)


@pytest.mark.parametrize("heading", ["Upcoming events", "Job board", "Stellenangebote", "Próximos eventos"])
@pytest.mark.parametrize("rows", [3, 30])
def test_a_letter_s_links_to_events_and_jobs_are_no_text_unless_it_is_made_of_them(heading: str, rows: int) -> None:
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


def test_what_the_first_look_holds_for_sure_never_ends_with_no_text() -> None:
    tree = parse(f"<div>{''.join(f'<p>{sentence}</p>' for sentence in LONG)}</div>")
    assert tree is not None
    blocks = read_blocks(tree)
    sure = reading(blocks, look=FirstLook(np.full(9, 0.76), 0.0))
    rules = [replace(verdict, kept=False) for verdict in judge(sure)]
    assert not any(verdict.kept for verdict in rules)
    assert block_verdicts._is_lost(sure, rules, np.full(9, 0.1), np.full(9, 0.76))
    assert not block_verdicts._is_lost(sure, rules, np.full(9, 0.1), np.full(9, 0.74))
    few = replace(sure, blocks=blocks[:4])
    assert not block_verdicts._is_lost(few, rules[:4], np.full(4, 0.1), np.full(4, 0.76))


def test_a_text_about_a_donation_keeps_what_speaks_of_it() -> None:
    ask = "Please consider making a donation to the mill, said the poster that hung in the window of {} in the spring."
    asked = [f"<p>{ask.format(place)}</p>" for place in ("the bakery", "the school")]
    verdicts = verdicts_by_text("".join([STORY[0], *asked, *STORY[1:4]]), chosen="P", judge_all=rule_verdicts)
    assert all(verdict.kept for verdict in verdicts.values())
    one = verdicts_by_text("".join([STORY[0], asked[0], *STORY[1:4]]), chosen="P", judge_all=rule_verdicts)
    assert [verdict.reason for verdict in one.values() if not verdict.kept] == ["donation"]


def test_a_related_section_ends_at_a_quotation() -> None:
    links = "".join(f"<li><a href=/{n}>Another story of the valley {n}</a></li>" for n in "abc")
    quote = (
        "<blockquote>Nobody asked us what we thought of the weir before it was torn down in the autumn.</blockquote>"
    )
    verdicts = verdicts_by_text(f"{''.join(STORY)}<h3>Related stories</h3><ul>{links}</ul>{quote}", chosen="")
    quoted = next(verdict for text, verdict in verdicts.items() if text.startswith("Nobody asked"))
    assert "section" not in quoted.rule


def test_a_long_paragraph_with_a_credit_is_a_caption_in_a_figure_alone() -> None:
    words = "The water of the river came up to the first floor of the mill and stayed there for a week (Photo: Ann Lee)"
    long = f"Paragraph of the flood: nobody had seen the like of it in the valley. {words}"
    assert verdicts_by_text("".join([*STORY[:3], f"<p>{long}</p>", *STORY[3:]]))[long].kept
    short = f"Paragraph: {words[60:]}"
    assert verdicts_by_text("".join([*STORY[:3], f"<p>{short}</p>", *STORY[3:]]))[short].reason == "caption"
    captioned = f"<div class=wp-caption><p>{long}</p></div>"
    assert not verdicts_by_text("".join([*STORY[:3], captioned, *STORY[3:]]))[long].kept


def test_paragraphs_of_bare_addresses_are_sources_and_no_navigation() -> None:
    url = "https://archive.test/mill/1912"
    verdicts = verdicts_by_text(f"{''.join(STORY)}<p><a href={url}>{url}</a></p>", chosen="Paragraph 1")
    assert all(not vote.rule.endswith("/links") for vote in verdicts[url].votes)
    inner = verdicts_by_text(f"{''.join(STORY)}<p><a href=/mill>the mill</a></p>", chosen="Paragraph 1")
    assert any(vote.rule == "context/links" for vote in inner["the mill"].votes)


def test_a_menu_entry_asks_for_no_donation_and_a_button_does() -> None:
    entry = "<nav><ul><li><a href=/give>Donate now</a></li></ul></nav>"
    menu = verdicts_by_text(f"{entry}{''.join(STORY)}")["Donate now"]
    assert (menu.reason, menu.rule) == ("navigation", "layout/navigation")
    button = verdicts_by_text(f"{''.join(STORY)}<p><a href=/give>Donate now</a></p>")["Donate now"]
    assert button.reason == "donation"


def test_a_name_in_a_box_about_the_author_is_no_byline() -> None:
    metadata = Metadata(language="en", authors=("Ann Lee",))
    box = "<div class=author-box><p class=author>Ann Lee</p><p class=author-role>Reporter</p></div>"
    verdicts = verdicts_by_text(f"{''.join(STORY)}{box}", metadata)
    assert {verdicts[text].reason for text in ("Ann Lee", "Reporter")} == {RemovalReason.AUTHOR_BIO}
    above = verdicts_by_text(f"<div class=head><p class=author>Ann Lee</p></div>{''.join(STORY)}", metadata)
    assert above["Ann Lee"].reason == "byline"


def test_a_card_that_begins_with_the_author_s_name_is_no_note_on_the_author() -> None:
    metadata = Metadata(language="en", authors=("Ann Lee",))
    title = "Ann Lee asks who owns the water of the weir below the town"
    card = f"<div class=related><p><a href=/weir>{title}</a></p></div>"
    assert verdicts_by_text(f"<div>{''.join(STORY)}</div>{card}", metadata)[title].reason == RemovalReason.RELATED
    note = "Ann Lee has written about the water of the weir below the town for ten years."
    told = verdicts_by_text(f"<div>{''.join(STORY)}</div><div class=end><p>{note}</p></div>", metadata)[note]
    assert told.rule == "metadata/author-note"


def test_a_named_rule_goes_before_the_extractor_and_both_are_heard() -> None:
    verdicts = verdicts_by_text("".join([*STORY[:2], "<p>Was this article helpful?</p>", *STORY[2:]]), chosen="")
    verdict = verdicts["Was this article helpful?"]
    assert not verdict.kept
    assert verdict.reason == "feedback"
    assert [(vote.voter, vote.keep) for vote in verdict.votes] == [
        ("rule", False),
        ("extractor", True),
        ("model", True),
    ]
    assert sum(verdict.kept for verdict in verdicts.values()) == 5, "the article goes on after the prompt"


def test_a_line_above_the_tags_heads_no_box_and_one_above_a_newsletter_s_does() -> None:
    ends = ("<p>Tags: mills, rivers</p>", "<p>Sign up for our newsletter to get the news each morning.</p>")
    kept_by_page = []
    for end in ends:
        tree = parse(f"<html><body><div>{''.join(STORY)}</div><div><p>And so it stands.</p>{end}</div></body></html>")
        assert tree is not None
        blocks = read_blocks(tree)
        kept_by_page.append([verdict.kept for verdict in rule_verdicts(reading(blocks, range(6)))][5:])
    assert kept_by_page == [[True, False], [False, False]]


def test_where_the_extractor_finds_nothing_the_main_container_is_read() -> None:
    verdicts = verdicts_by_text(
        "<div class='x'>" + "".join(STORY) + "</div><nav><p>one two three four five</p></nav>", chosen="nothing"
    )
    assert sum(verdict.kept for verdict in verdicts.values()) == 5


def test_a_page_without_blocks_has_no_verdicts() -> None:
    empty = reading((), metadata=Metadata())
    assert judge(empty) == judge(replace(empty, metadata=Metadata(title="x"))) == ()


def test_a_section_of_other_articles_ends_at_a_long_text_whoever_selected_something_else() -> None:
    text = "The council met on Monday and spoke about the old mill by the river for three hours. " * 4
    body = f"<h3>Related stories</h3><ul><li><a href=/a>The lighthouse</a></ul><p>Cut of it …</p><p>{text}</p>"
    tree = parse(f"<html><body>{body}</body></html>")
    assert tree is not None
    blocks = read_blocks(tree)
    rules = [verdict.rule for verdict in rule_verdicts(reading(blocks, (0,)))]
    assert rules[:3] == ["en/related-heading", "en/related-heading/section", "en/related-heading/section"]
    assert "section" not in rules[3]


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
def test_an_item_whose_links_lead_to_other_sites_is_told_from_a_teaser(url: str, target: str, rule: str) -> None:
    item = f"<ul><li><a href='{target}'>The film of the tide and of the mill by the river</a></li></ul>"
    tree = parse(f"<html><body>{''.join(STORY)}{item}</body></html>")
    assert tree is not None
    blocks = read_blocks(tree, url)
    assert rule_verdicts(reading(blocks, range(5), url=url))[-1].rule == rule


@pytest.mark.parametrize(("words", "is_kept"), [(99, True), (100, False)])
def test_words_above_the_title_that_are_a_motto(words: int, is_kept: bool) -> None:
    title = Block(1, BlockKind.HEADING, "The old mill burned", path="body>main>h1", level=1)
    blocks = (
        Block(0, BlockKind.PARAGRAPH, " ".join(["motto"] * words), path="body>div>p"), title,
        Block(2, BlockKind.LIST_ITEM, "A short line", path="body>div.y>ul>li"),
    )  # fmt: skip
    rule = rule_verdicts(reading(blocks, (0, 2), Metadata(title=title.text), ""))[0].rule
    assert (rule == "layout/above-title") is is_kept
