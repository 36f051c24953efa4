"""Hosts, stories, pages of blocks and a promo for archives that are settled."""

import random

from broadsheet.cleaners.document import Block, BlockKind, Verdict
from broadsheet.cleaners.judge.article_text import assemble
from broadsheet.output.write.outcome import Outcome
from tests.output.cleaned_pages import with_page

HOSTS = ("a.test", "b.test", "c.test")
PROMO = "Support this magazine with a small gift for its next issue of the year"


def story(seed: str) -> str:
    dice = random.Random(seed)
    return " ".join("".join(dice.choices("abcdefghijklmnop", k=6)) for _ in range(60))


def prose(seed: int, count: int = 300) -> list[str]:
    """Words as they come in a text: a few of them often, most of them seldom."""
    dice = random.Random(seed)
    return [f"w{int(20 * dice.paretovariate(0.7)) % 5000}" for _ in range(count)]


def edited(words: list[str], one_in: int) -> list[str]:
    """Words of which one in so many is another."""
    return [f"new{index}" if index % one_in == one_in - 1 else word for index, word in enumerate(words)]


KEPT = Verdict(True, "selected", "extractor/selected")
LEFT = Verdict(False, "closing line", "model/closing-line")
BODY, BOX = "body>main>div.text>p", "body>main>div.box>p"


def with_blocks(outcome: Outcome, *rows: tuple[str, str, Verdict], **changes: object) -> Outcome:
    """The outcome with a page of blocks: text, path and verdict."""
    blocks = tuple(Block(n, BlockKind.PARAGRAPH, text, "", path) for n, (text, path, _) in enumerate(rows))
    verdicts = tuple(verdict for *_, verdict in rows)
    text, markdown = assemble(blocks, verdicts)
    return with_page(outcome, blocks=blocks, verdicts=verdicts, text=text, markdown=markdown, **changes)
