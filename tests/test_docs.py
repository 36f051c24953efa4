"""What the documents say of the code is there: files, folders, and the pages that they link to."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from broadsheet.crawler.cli import _SECTIONS

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:crawler|cleaners|output|tests)/[\w./*]+")
_MODULE = re.compile(r"\w+\.py")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_INCLUDE = re.compile(r"^```\{include\} (\S+)$", re.MULTILINE)
_PLACE = re.compile(r"\]\(([^)#\s]*)#([\w-]+)\)")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)")


def named_paths(text: str) -> list[str]:
    """Paths of this repository that a document gives as code; one with a capital `N` is a pattern for a new file."""
    spans = [span for span in _CODE.findall(text) if _PATH.fullmatch(span)]
    return [span for span in spans if "NAME" not in span and "/vN_" not in span]


def named_modules(text: str) -> list[str]:
    """File names of modules that a document gives without their folder."""
    return [span for span in _CODE.findall(text) if _MODULE.fullmatch(span)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_paths_that_a_document_names_are_there(document: Path):
    paths = named_paths(document.read_text("utf-8"))
    assert [path for path in paths if not list(REPOSITORY.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_modules_that_a_document_names_are_there(document: Path):
    modules = named_modules(document.read_text("utf-8"))
    there = {
        path.name
        for package in ("broadsheet", "crawler", "cleaners", "output", "tests")
        for path in REPOSITORY.glob(f"{package}/**/*.py")
    }
    assert [module for module in modules if module not in there] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_pages_that_a_document_links_to_are_there(document: Path):
    targets = [target for target in _LINK.findall(document.read_text("utf-8")) if "://" not in target]
    assert [target for target in targets if not (document.parent / target).exists()] == []


def anchors(document: Path) -> set[str]:
    """The places in a document that a link can lead to: its headings, and those of a document that it includes."""
    text = _FENCE.sub("", document.read_text("utf-8"))
    words = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(text))
    included = {
        place for name in _INCLUDE.findall(document.read_text("utf-8")) for place in anchors(document.parent / name)
    }
    return included | {f"{place}{suffix}" for place, times in Counter(words).items() for suffix in ("", "-1")[:times]}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_places_in_pages_that_a_document_links_to_are_there(document: Path):
    links = [link for link in _PLACE.findall(document.read_text("utf-8")) if "://" not in link[0]]
    assert [link for link in links if link[1] not in anchors(document.parent / link[0] if link[0] else document)] == []


def test_the_index_calls_each_page_by_its_title():
    names = re.findall(
        r"^- \[([^]]+)\]\(([\w-]+\.md)\)", (REPOSITORY / "docs/index.md").read_text("utf-8"), re.MULTILINE
    )
    assert [
        name for name, page in names if _HEADING.findall((REPOSITORY / "docs" / page).read_text("utf-8"))[0] != name
    ] == []


def test_a_link_and_the_help_call_a_page_by_its_title():
    pages = sorted((REPOSITORY / "docs").glob("*.md"))
    titles = {page.name: _HEADING.findall(page.read_text("utf-8"))[0] for page in pages}
    links = re.findall(r"\[([A-Z][^]]+)\]\(([\w-]+\.md)\)", "".join(page.read_text("utf-8") for page in pages))
    assert [text for text, page in links if " ".join(text.split()) != titles[page]] == []
    assert [name for name in _SECTIONS if name not in {title.partition(", and ")[0] for title in titles.values()}] == []


def test_what_is_not_there_is_seen():
    assert named_paths("`output/write/url_queue.py` and `output/archive/sources/vN_x.py`, not output/x.py") == [
        "output/write/url_queue.py"
    ]
    assert named_modules("`rows.py`, `queue/rows.py`") == ["rows.py"]


def test_the_index_leads_to_every_page():
    targets = set(_LINK.findall((REPOSITORY / "docs" / "index.md").read_text("utf-8")))
    pages = {path.name for path in (REPOSITORY / "docs").glob("*.md")} - {"index.md"}
    assert pages - targets == set()


@pytest.mark.parametrize("document", sorted((REPOSITORY / "docs").glob("*.md")), ids=lambda path: path.name)
def test_each_page_opens_with_what_one_can_do_and_a_command(document: Path):
    opening = document.read_text("utf-8").partition("\n## ")[0]
    is_way_in = document.name in {"index.md", "tutorial.md"}
    assert is_way_in or ("With this page you" in " ".join(opening.split()) and "\n```" in opening)


@pytest.mark.parametrize("document", sorted((REPOSITORY / "docs").glob("*.md")), ids=lambda path: path.name)
def test_every_page_has_an_example(document: Path):
    """A block of code, or a command with its output."""
    text = document.read_text("utf-8")
    is_list = document.name == "index.md"  # links to the others
    assert is_list or "```" in text or "\n    $ " in text
