"""The benchmark of whole sites: what a side costs, the generated site, the table in the document."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.document import Page
from tests.bench.load.story_sites import DoubledSite, FurnitureSite, HeavySite, ScriptedSite, StorySite
from tests.bench.load.wordpress_site import WordPressSite
from tests.bench.sites import ROOT
from tests.bench.whole_sites import BEGIN, END, summarize, table, with_table

ORIGIN = "http://127.0.0.1:1"
_BURN = "import time\nwhile time.process_time() < .4: pass"
_LEAVES_A_PROCESS = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {_BURN!r}])"


def _row(ours_cpu: float) -> dict[str, object]:
    costs = {"cpu": ours_cpu, "seconds": 5.0, "pages": 46, "rounds": [ours_cpu]}
    return {"site": "gate", "ours": costs, "naive": costs | {"cpu": 10.0}}


def _result(*rows: dict[str, object]) -> dict[str, object]:
    versions = dict.fromkeys(("python", "broadsheet", "scrapy", "trafilatura", "lxml"), "1")
    return {"date": "2026-11-26", "cores": 2, "corpus": "abc", "versions": versions, "sites": list(rows)}


@pytest.mark.slow
def test_a_command_costs_what_the_processes_cost_that_it_leaves_behind(tmp_path: Path) -> None:
    report = tmp_path / "cost.json"
    command = [sys.executable, "-m", "tests.bench.load.session_cpu", str(report)]
    subprocess.run([*command, sys.executable, "-c", _LEAVES_A_PROCESS], cwd=ROOT, check=True, timeout=60)
    cost = json.loads(report.read_text())
    assert cost["exit_code"] == 0
    assert cost["cpu"] >= 0.4


def test_the_table_replaces_the_last_one_and_leaves_the_rest_of_the_page() -> None:
    page = with_table("# Performance\n\nText.\n", table(_result(_row(4.0))))
    assert "| gate | 46 | 46 | 4.0 | 10.0 | 0.40 | 5 | 5 |" in page
    again = with_table(page + "\n## After\n", table(_result(_row(8.0))))
    assert "| 0.80 |" in again
    assert "| 0.40 |" not in again
    assert again.startswith("# Performance\n\nText.\n")
    assert again.endswith("## After\n")
    assert (again.count(BEGIN), again.count(END)) == (1, 1)


def test_a_site_that_one_side_alone_has_crawled_is_not_in_the_table() -> None:
    assert "gate" not in table(_result({"site": "gate", "ours": _row(1.0)["ours"]}))


def test_the_summary_has_the_mean_ratio_and_counts_on_demand_large_sites_that_both_fetched_alike() -> None:
    large = {"cpu": 10.0, "pages": 300}
    rows = [
        {"site": "alike", "naive": large | {"cpu": 20.0, "pages": 333}, "ours": large},
        {"site": "other", "naive": large | {"cpu": 40.0, "pages": 334}, "ours": large},
        {"site": "small", "naive": large | {"cpu": 30.0, "pages": 299}, "ours": large},
        {"site": "half", "ours": large},
    ]
    everything = summarize(rows, comparable_only=False)
    assert everything is not None
    assert (everything["sites"], everything["mean_ratio"]) == (["alike", "other", "small"], 3.0)
    comparable = summarize(rows, comparable_only=True)
    assert comparable == {"sites": ["alike"], "comparable_only": True, "mean_ratio": 2.0, "least_ratio": 2.0}
    assert summarize(rows[2:], comparable_only=True) is None
    page = table(_result() | {"summary": everything})
    assert "Mean ratio naive / ours of the 3 sites: **3.00**, the least 2.00." in page


def _crawl(site: WordPressSite | StorySite) -> dict[str, bytes | None]:
    """The answer of each path that the site's pages link to, from its first page on."""
    waiting, bodies = ["/"], {}
    while waiting:
        path = waiting.pop()
        bodies[path] = body = site.answer(path)
        for link in re.findall(rf'href="{ORIGIN}(/[^"]*)"', (body or b"").decode()):
            waiting += [link] if link not in bodies and link not in waiting else []
    return bodies


def test_the_generated_site_has_a_page_for_each_of_its_links_and_the_same_one_each_time() -> None:
    bodies = _crawl(WordPressSite(ORIGIN, articles=12))
    dead = {path.rpartition("-")[0].strip("/") or path for path, body in bodies.items() if body is None}
    assert not {name for name in dead if not name.startswith(("/author", "page", "20"))}
    assert sum(path.startswith("/20") and body is not None for path, body in bodies.items()) == 12
    again = WordPressSite(ORIGIN, articles=12)
    assert all(again.answer(path) == bodies[path] for path in sorted(bodies)[::20])


@pytest.mark.parametrize("kind", [HeavySite, ScriptedSite, FurnitureSite])
def test_each_link_of_a_site_of_stories_leads_to_a_page_of_it_and_every_story_is_met(
    kind: type[HeavySite | ScriptedSite | FurnitureSite],
) -> None:
    bodies = _crawl(kind(ORIGIN, articles=22))
    assert None not in bodies.values()
    assert len(bodies) == 22 + 2 + 1  # sections, and the first page
    again = kind(ORIGIN, articles=22)
    assert all(again.answer(path) == body for path, body in bodies.items())
    assert again.answer("/stories/none-3") is None


def test_each_article_of_a_doubled_site_has_the_same_bytes_at_two_addresses_that_its_pages_link_to() -> None:
    bodies = _crawl(DoubledSite(ORIGIN, articles=22))
    assert None not in bodies.values()
    pairs = [(path, f"{path}index.html") for path in bodies if path.startswith("/stories/") and path.endswith("/")]
    assert len(pairs) == 22
    assert all(bodies[folder] == bodies[index] for folder, index in pairs)


def test_a_heavy_page_has_hundreds_of_kilobytes_and_few_blocks_one_with_furniture_seventy_that_go() -> None:
    heavy, full = HeavySite(ORIGIN), FurnitureSite(ORIGIN)
    body, other = (site.answer(site.article_path(5)) or b"" for site in (heavy, full))
    assert 350_000 < len(body) < 500_000
    assert len(clean(Page(ORIGIN + heavy.article_path(5), body)).blocks) < 40
    cleaned = clean(Page(ORIGIN + full.article_path(5), other))
    removed = [block for block, verdict in zip(cleaned.blocks, cleaned.verdicts, strict=True) if not verdict.kept]
    assert len(removed) == 70 + 2  # the headline and the byline are in the metadata


def test_a_scripted_page_is_mostly_scripts_and_a_third_of_the_pages_has_little_prose() -> None:
    site = ScriptedSite(ORIGIN)
    bodies = [(site.answer(site.article_path(number)) or b"").decode() for number in range(6)]
    for body in bodies:
        assert 350_000 < len(body) < 450_000
        assert 0.8 < len("".join(re.findall("(?s)<script>(.*?)</script>", body))) / len(body) < 0.95
    texts = [re.search('(?s)<div class="story-body">(.*?)</div>', body)[1] for body in bodies]  # type: ignore[index]
    assert [len(text.split()) < 40 for text in texts] == [True, False, False] * 2


def test_the_frame_of_the_generated_site_varies_and_its_menu_repeats() -> None:
    site = WordPressSite(ORIGIN)
    pages = [(site.answer(site._article_path(number)) or b"").decode() for number in (1, 2, 41)]
    frames = [re.sub(r"(?s)<main.*</main>", "", page) for page in pages]
    assert len(set(frames)) == len(frames)
    menus = [re.search(r'(?s)<nav id="site-navigation".*?</nav>', page)[0] for page in pages]  # type: ignore[index]
    assert menus[0] == menus[2] != menus[1]
