"""losses: the cleaner tried on pages of an archive says what their texts lose, and the worst page is first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import CleanedPage, RemovalReason, Verdict
from broadsheet.output.settle.own_reading import PageChange
from tests.crawler.shell import demo_archive
from tests.robustness.losses import Trial, lines_of, losses_first, try_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_archive(tmp_path_factory.mktemp("sample"))


def test_the_cleaner_that_made_an_archive_changes_none_of_its_texts(archive: Path) -> None:
    trials = list(try_archive(archive, 8, seed=1))
    assert len(trials) == 8
    assert losses_first(trials) == []


def without_first_kept(*arguments: Any) -> CleanedPage:
    """A cleaner that loses the first block of each text."""
    page = clean(*arguments)
    first = next((n for n, verdict in enumerate(page.verdicts) if verdict.kept), None)
    lost = Verdict(False, RemovalReason.PROMO, "layout/too-eager")
    verdicts = tuple(lost if n == first else verdict for n, verdict in enumerate(page.verdicts))
    text = "\n".join(block.text for block, verdict in zip(page.blocks, verdicts, strict=True) if verdict.kept)
    return replace(page, verdicts=verdicts, text=text)


def test_lost_blocks_are_shown_with_the_rule_that_takes_them(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broadsheet.cleaners.clean.clean", without_first_kept)
    changed = losses_first(list(try_archive(archive, 30, seed=1)))
    assert changed
    lost = [trial.lost_words for trial in changed]
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 0
    head, first, *_ = lines_of(changed[0])
    assert changed[0].change.url in head
    assert first.startswith("  - [layout/too-eager] ")


def test_pages_that_lose_come_before_pages_that_gain() -> None:
    trials = [
        Trial(PageChange("changed", url, ""), lost, gained)
        for url, lost, gained in (("a", 0, 90), ("b", 3, 0), ("c", 0, 0), ("d", 40, 1))
    ]
    assert [trial.change.url for trial in losses_first(trials)] == ["d", "b", "a"]
