"""Documents, docstrings and SQL say what is so, and what the documents name and link to is there."""

import doctest
import importlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from broadsheet.crawler.cli import _SECTIONS
from broadsheet.output.archive.schema_doc import column_meanings
from tests.pictures import FOLDER, NAMES, main

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("broadsheet", "cleaners", "crawler", "output")
PAGES = sorted((REPOSITORY / "docs").glob("*.md"))
DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *PAGES]
TEXTS = {document: document.read_text("utf-8") for document in DOCUMENTS}
SOURCES = {
    path: path.read_text("utf-8") for package in PACKAGES for path in sorted((REPOSITORY / package).rglob("*.py"))
}
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?:crawler|cleaners|output|tests)/[\w./*]+|\w+\.py")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_INCLUDE = re.compile(r"^```\{include\} (\S+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]*)(?:#([\w-]+))?\)")


def anchors(document: Path) -> set[str]:
    """The places in a document that a link can lead to: its headings, and those of a document that it includes."""
    text = TEXTS.get(document) or document.read_text("utf-8")
    headings = (heading.lower() for heading in _HEADING.findall(_FENCE.sub("", text)))
    words = Counter(re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings)
    included = {place for name in _INCLUDE.findall(text) for place in anchors(document.parent / name)}
    return included | {f"{place}{suffix}" for place, times in words.items() for suffix in ("", "-1")[:times]}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_and_links_to_is_there(document):
    modules = {path.name for path in (*SOURCES, *(REPOSITORY / "tests").rglob("*.py"))}
    named = [span for span in _CODE.findall(TEXTS[document]) if _PATH.fullmatch(span)]
    patterns = ("NAME", "/vN_")  # of new files
    assert [
        name for name in named
        if name not in modules and not any(word in name for word in patterns)
        and ("/" not in name or not list(REPOSITORY.glob(name.rstrip("/"))))
    ] == []  # fmt: skip
    links = [(page, place) for page, place in _LINK.findall(TEXTS[document]) if "://" not in page]
    targets = [(document.parent / page if page else document, place) for page, place in links]
    assert [
        (page.name, place) for page, place in targets if not page.exists() or (place and place not in anchors(page))
    ] == []


@pytest.mark.parametrize(
    "document", [each for each in DOCUMENTS if each.name != "architecture.md"], ids=lambda p: p.name
)
def test_no_document_sends_a_reader_to_an_internal_table_or_column(document):
    """Nor does a word of the schema, since docs/schema.md and the dictionary of a file are made of those."""
    names = {name for table, columns in column_meanings().items() for name in (table, *columns) if re.match("_.", name)}
    assert len(names) > 40
    assert [name for name in re.findall(r"(?<![\w./])_\w+", TEXTS[document]) if name in names] == []


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.name)
def test_a_page_opens_with_what_one_can_do_and_has_an_example(document):
    opening = " ".join(TEXTS[document].partition("\n## ")[0].split())
    is_way_in = document.name in ("index.md", "tutorial.md")
    assert is_way_in or ("With this page you" in opening and "```" in opening)
    assert document.name == "index.md" or "```" in TEXTS[document] or "\n    $ " in TEXTS[document]


def test_the_index_leads_to_each_page_and_links_and_the_help_call_it_by_its_title():
    titles = {page.name: _HEADING.findall(TEXTS[page])[0] for page in PAGES}
    listed = dict(re.findall(r"^- \[[^]]+\]\(([\w-]+\.md)\)()", TEXTS[REPOSITORY / "docs/index.md"], re.MULTILINE))
    assert titles.keys() - listed.keys() - {"index.md"} == set()
    links = re.findall(r"\[([A-Z][^]]+)\]\(([\w-]+\.md)\)", "".join(map(TEXTS.__getitem__, PAGES)))
    assert [text for text, page in links if " ".join(text.split()) != titles[page]] == []
    assert [name for name in _SECTIONS if name not in {title.partition(", and ")[0] for title in titles.values()}] == []


def test_each_picture_is_there_and_shown():
    shown = set(re.findall(r"pictures/(\w+)\.png", "".join(map(TEXTS.__getitem__, PAGES))))
    assert {file.stem for file in FOLDER.iterdir()} == set(NAMES) == shown


@pytest.mark.slow
def test_the_pictures_can_be_taken_anew(tmp_path):
    main(tmp_path)
    assert {file.stem for file in tmp_path.iterdir()} == set(NAMES)
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in tmp_path.iterdir())


# Docstrings

QUESTIONS = {"which", "what", "how", "whether", "where", "when", "who", "whose", "why"}
NOUN_OPENERS = {"the", "a", "an", "all", "each", "every", "these", "those"}
"""Words before a noun, with which a function's docstring names its result instead of what it does."""
_DEFINITION = re.compile(r'^ *(class|def|async def) (\w+)|(?:\A|:\n) *"""(\w+)', re.MULTILINE)
_DOTTED = re.compile(r"`(?:broadsheet\.)?((?:cleaners|crawler|output)(?:\.\w+)+)`")
_FILE = re.compile(r"`([\w/]+\.(?:py|sql))`")


def misopened(source: str) -> Iterator[str]:
    """Name and first word of each docstring that opens with a question word, or a function's with no verb."""
    kind, name = "", "module"
    for found in _DEFINITION.finditer(source):
        kind, name, word = (found[1] or kind, found[2] or name, (found[3] or "").lower())
        if word in QUESTIONS or (word in NOUN_OPENERS and kind.endswith("def")):
            yield f"{name}: {word}"


def test_a_docstring_opens_with_a_noun_or_for_a_function_a_verb():
    assert {path: words for path, source in SOURCES.items() if (words := [*misopened(source)])} == {}
    wrong = '"""What a room is."""\nclass A:\n    """The row."""\n    async def f(\n    ):\n        """The rows."""\n'
    assert [*misopened(wrong)] == ["module: what", "f: the"]


def is_named(name: str) -> bool:
    """Whether a dotted name leads to a module, or to a name in one."""
    path, owner = REPOSITORY / name.replace(".", "/"), REPOSITORY / name.rpartition(".")[0].replace(".", "/")
    if path.is_dir() or path.with_suffix(".py") in SOURCES:
        return True
    source = SOURCES.get(owner.with_suffix(".py")) or SOURCES.get(owner / "__init__.py", "")
    return re.search(rf"\b{name.rpartition('.')[2]}\b", source) is not None


def test_the_modules_and_files_that_docstrings_and_comments_name_exist():
    dotted = {name for source in SOURCES.values() for name in _DOTTED.findall(source)}
    assert {name for name in dotted if not is_named(name)} == set()
    folders = [REPOSITORY, *REPOSITORY.glob("*/")]
    named = {(path, name) for path, source in SOURCES.items() for name in _FILE.findall(source)}
    assert [one for one in named if not any((place / one[1]).exists() for place in (one[0].parent, *folders))] == []


@pytest.mark.parametrize(
    "path", [path.relative_to(REPOSITORY) for path, source in SOURCES.items() if ">>> " in source], ids=str
)
def test_the_examples_are_true(path):
    name = ".".join(path.with_suffix("").parts).removeprefix("broadsheet.")
    results = doctest.testmod(importlib.import_module(f"broadsheet.{name}"))
    assert (results.failed, results.attempted > 0) == (0, True)


# SQL names the columns that it writes, so that a column that a user adds makes no statement fail and mixes no values.

MISTAKES = {
    "an INSERT without its columns": re.compile(r"\bINTO\s+(?:[\w.]|\{[^}]*\})+\s+(?!\()(?:VALUES|SELECT|WITH)\b"),
    "a SELECT of all columns": re.compile(r"\bSELECT\s+(?:DISTINCT\s+)?(?:\w+\.)?\*"),
    "a REPLACE, which loses the columns that it does not name": re.compile(r"\bOR\s+REPLACE\b|\bREPLACE\s+INTO\b"),
}
_JOINT = re.compile(r"""(["'])\s*\n\s*f?\1""")


def mistakes(source: str) -> list[str]:
    """What is wrong with the SQL in a source, whose texts may be written in parts."""
    text = _JOINT.sub("", source)
    return [f"{name}: {found[0]}" for name, form in MISTAKES.items() for found in form.finditer(text)]


def test_sql_names_the_columns_that_it_writes_and_copies():
    rooms = {path: source for path, source in SOURCES.items() if {"output", "crawler"} & {*path.parts}}
    assert {path: lines for path, source in rooms.items() if (lines := mistakes(source))} == {}
    wrong = ["INSERT INTO a SELECT *, ? FROM b", "INSERT OR REPLACE INTO a (b)", "SELECT DISTINCT a.* FROM a"]
    right = ["INSERT INTO a (b) SELECT b FROM c", "SELECT count(*) FROM a"]
    assert len(mistakes(f"{wrong}\n{right}\nf'INSERT INTO {{a}} '\n  f'VALUES (?)'")) == 5
