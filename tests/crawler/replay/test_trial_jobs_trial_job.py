"""Site rules are tried on a stored page: what they change, which line did it, and what is wrong with a line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from broadsheet.cleaners.document import CleanedPage, Metadata, PageType
from broadsheet.crawler.replay import trial_jobs
from broadsheet.crawler.replay.recorded_response import UnreadResponse
from broadsheet.crawler.replay.trial_jobs import rule_problems, try_on_page
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.browse.page_trials import PageTrial, RuleDraft
from tests.crawler.replay.test_trial_jobs_judge_job import URL, stored
from tests.crawler.scripted_site import page
from tests.output.conftest import Maker

BODY = page("river", "/home").replace(
    "</h1>", '</h1><p class="note">A note that the editors left about the river.</p>', 1
)


def tried(folder: Path, *lines: str, body: str = BODY) -> PageTrial:
    outcome = try_on_page(RuleDraft("a.example:8080", "\n".join(lines)), stored(folder, body.encode()))
    assert isinstance(outcome, PageTrial)
    return outcome


def test_a_rule_takes_out_and_cites_its_line(tmp_path: Path) -> None:
    trial = tried(tmp_path, "# mine", "strip: //p[contains(., 'River paragraph 0')]")
    (removed,) = trial.removed
    assert removed.text.startswith("River paragraph 0")
    assert (removed.reason, removed.rule) == ("a site rule of yours", "site:a.example.txt:2/strip")
    assert (trial.kind, trial.words_after < trial.words_before, trial.restored) == ("changed", True, ())
    (match,) = trial.matches
    assert (match.line, match.directive, match.pages, match.matches) == (2, "strip", 1, 1)
    assert match.sample.startswith("River paragraph 0")


def test_a_rule_brings_back_what_was_removed_and_says_what_had_removed_it(tmp_path: Path) -> None:
    trial = tried(tmp_path, "body: //body", "prune: no")
    assert trial.restored
    assert all(block.reason and block.rule for block in trial.restored)


def test_metadata_is_compared_too(tmp_path: Path) -> None:
    trial = tried(tmp_path, "title: //p[@class='note']")
    assert [(field.name, field.after) for field in trial.fields] == [
        ("title", "A note that the editors left about the river.")
    ]
    assert trial.is_changed


def test_lines_that_match_nothing_or_fail_are_named(tmp_path: Path) -> None:
    trial = tried(tmp_path, "strip: //section[@id='none']")
    assert [(match.line, match.pages, match.matches) for match in trial.matches] == [(1, 0, 0)]
    assert not trial.is_changed


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("strip //aside", "a.example.txt:1"),
        ("strip: //p[", "a.example.txt:1"),
        ("tidy: yes", "tidy has no effect"),
        ("http_header(Cookie): a=b", "is not sent"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(line: str, problem: str) -> None:
    (message,) = rule_problems(RuleDraft("a.example", line))
    assert problem in message


def test_a_record_that_is_gone_is_said(tmp_path: Path) -> None:
    response = stored(tmp_path, b"x")
    (tmp_path / "x.warc").unlink()
    assert try_on_page(RuleDraft("a.example", ""), response) == UnreadResponse(OutcomeReason.RAW_MISSING)


MADE = Maker()


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        (MADE.cleaned(URL, "one two", "three"), MADE.cleaned(URL, "one two"), "changed", (3, 2)),
        (MADE.cleaned(URL, "one two"), MADE.cleaned(URL, "one two", title="Other"), "same", (2, 2)),
        (MADE.cleaned(URL, "one", page_type=PageType.LIST), MADE.cleaned(URL, "one"), "gained", (0, 1)),
        (MADE.cleaned(URL, "one"), MADE.cleaned(URL, "one", page_type=PageType.LIST), "lost", (1, 0)),
        (MADE.cleaned(URL, "one", page_type=PageType.LIST), MADE.cleaned(URL, page_type=PageType.LIST), "same", (0, 0)),
    ],
)
def test_a_page_is_gained_lost_changed_or_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: CleanedPage, new: CleanedPage, kind: str,
    words: tuple[int, int],
) -> None:  # fmt: skip
    pages = {0: old, 1: new}
    monkeypatch.setattr(trial_jobs, "clean", lambda page, *rules: pages[len(rules)])
    trial = tried(tmp_path, "")
    assert (trial.kind, (trial.words_before, trial.words_after)) == (kind, words)
    fields = [(field.name, field.before, field.after) for field in trial.fields]
    assert fields == ([("title", f"Title of {URL}", "Other")] if new.metadata.title == "Other" else [])


def test_forty_blocks_of_four_hundred_characters_are_shown_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts that are kept elsewhere have no reason, and come first; a text that is there twice is lost once."""
    texts = [f"{number:02} {'x' * 400}" for number in range(42)]
    metadata = Metadata(title="A", authors=("B", "C"), published="2024-01-01")
    old = replace(MADE.cleaned(URL, *texts, "here", "here"), metadata=metadata)
    new = replace(MADE.cleaned(URL, "here", removed=(*texts[:41],)), metadata=replace(metadata, authors=("B",)))
    pages = {0: old, 1: new}
    monkeypatch.setattr(trial_jobs, "clean", lambda page, *rules: pages[len(rules)])
    trial = tried(tmp_path, "")
    assert [block.text for block in trial.removed] == [texts[41][:400], "here", *(text[:400] for text in texts[:38])]
    assert [(block.reason, block.rule) for block in trial.removed[:3]] == [
        ("", ""), ("", ""), ("share buttons", "share.icons"),
    ]  # fmt: skip
    assert trial.restored == ()
    assert [(field.name, field.before, field.after) for field in trial.fields] == [("authors", "B, C", "B")]


def test_problems_come_in_the_order_of_the_lines() -> None:
    lines = ["tidy: yes", "strip //aside", "title: //h1", "http_header(Cookie): a=b", "strip: //p["]
    problems = rule_problems(RuleDraft("a.example", "\n".join(lines)))
    assert [line.partition(" ")[0] for line in problems] == [f"a.example.txt:{number}:" for number in (1, 2, 4, 5)]
