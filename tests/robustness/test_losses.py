"""losses: the cleaner tried on pages of an archive says what their texts lose, and the worst page is first."""

from dataclasses import replace
from typing import Any

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import CleanedPage, RemovalReason, Verdict
from tests.crawler.shell import demo_archive
from tests.robustness.losses import lines_of, losses_first, try_archive


def without_first_kept(*arguments: Any) -> CleanedPage:
    """A cleaner that loses the first block of each text."""
    page = clean(*arguments)
    first = next((n for n, verdict in enumerate(page.verdicts) if verdict.kept), None)
    lost = Verdict(False, RemovalReason.PROMO, "layout/too-eager")
    verdicts = tuple(lost if n == first else verdict for n, verdict in enumerate(page.verdicts))
    text = "\n".join(block.text for block, verdict in zip(page.blocks, verdicts, strict=True) if verdict.kept)
    return replace(page, verdicts=verdicts, text=text)


@pytest.mark.slow
def test_lost_blocks_are_shown_with_the_rule_that_takes_them(tmp_path, tmp_path_factory, monkeypatch):
    archive = demo_archive(tmp_path_factory, tmp_path)
    trials = list(try_archive(archive, 8, seed=1))
    assert (len(trials), losses_first(trials)) == (8, []), "by the cleaner that made it"
    monkeypatch.setattr("broadsheet.cleaners.clean.clean", without_first_kept)
    changed = losses_first(list(try_archive(archive, 30, seed=1)))
    lost = [trial.lost_words for trial in changed]
    assert (lost, lost[0] > 0) == (sorted(lost, reverse=True), True)
    head, first, *_ = lines_of(changed[0])
    assert changed[0].change.url in head
    assert first.startswith("  - [layout/too-eager] ")
