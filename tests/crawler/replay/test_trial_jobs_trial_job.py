"""Site rules are tried on a stored page: what they change, which line did it, and what is wrong with a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from broadsheet.crawler.replay.recorded_response import UnreadResponse
from broadsheet.crawler.replay.trial_jobs import rule_problems, try_on_page
from broadsheet.output.archive.url_words import OutcomeReason
from broadsheet.output.browse.page_trials import PageTrial, RuleDraft
from tests.crawler.replay.test_trial_jobs_judge_job import stored
from tests.crawler.scripted_site import page

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
