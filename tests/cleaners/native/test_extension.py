"""The extension in C: used where it fits, and with the results of the Python code beside it."""

from __future__ import annotations

import gzip
import os
import random
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml.html import HtmlElement

from broadsheet.cleaners.clean import clean
from broadsheet.cleaners.compare.page_layouts import layout_signature
from broadsheet.cleaners.document import Page
from broadsheet.cleaners.judge import hashed_words
from broadsheet.cleaners.native import extension
from broadsheet.cleaners.page.elements import TagIndex
from broadsheet.cleaners.page.parsed_page import decode, parse
from broadsheet.cleaners.page.statements import find_bylines_and_dates
from broadsheet.cleaners.page.visible_blocks import read_blocks
from tests.budget_pages import budget_pages

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("BROADSHEET_SHARED") or REPOSITORY.parent / "shared")
CORPORA = [SHARED / "corpus/wcxb/html", SHARED / "corpus/dragnet", SHARED / "corpus/news", SHARED / "corpus/zh69"]
needs_corpus = pytest.mark.skipif(not CORPORA[0].is_dir(), reason="needs the evaluation data in ../shared")
needs_extension = pytest.mark.skipif(extension.native is None, reason=f"no extension in C: {extension.description}")
SAY_NATIVE = "from broadsheet.cleaners.native import extension; print(extension.native is None, extension.description)"


def forget_cached() -> None:
    """Empty the caches of the cleaners' functions, so that neither way finds what the other made."""
    for name, module in list(sys.modules.items()):
        if name.startswith("broadsheet.cleaners"):
            for function in vars(module).values():
                if hasattr(function, "cache_parameters") and function.cache_parameters()["maxsize"]:
                    function.cache_clear()


def both_ways(function: Callable[[], Any], forget: Callable[[], None] = forget_cached) -> tuple[Any, Any]:
    """What a function returns with the extension, and without it, with no caches but those that it does not use."""
    native = extension.native
    assert native is not None
    forget()
    with_extension = function()
    forget()
    try:
        extension.native = None
        return with_extension, function()
    finally:
        extension.native = native


def read_parts(tree: HtmlElement, url: str) -> tuple[Any, ...]:
    """What is read of a tree by code that the extension can do."""
    index = TagIndex(tree)
    typed = [(element.tag, element.get("itemtype")) for element in index.typed_elements]
    links = [element.get("href") for element in index.iter("a")]
    marked = [list(map(etree.tostring, found)) for found in find_bylines_and_dates(index.marked_elements)]
    return read_blocks(tree, url), layout_signature(index), typed, links, marked


def differing(pages: list[Page]) -> list[str]:
    """The addresses of the pages that are cleaned otherwise with the extension than without it."""
    cleaned = zip(*both_ways(lambda: [clean(page) for page in pages]), strict=True)
    return [native.url for native, pure in cleaned if native != pure]


def corpus_pages(count: int) -> Iterator[Page]:
    """About as many pages of each corpus, evenly spread."""
    for folder in CORPORA:
        files = sorted(file for file in folder.rglob("*") if file.name.endswith((".html", ".html.gz")))
        for file in files[:: max(1, len(files) // count)]:
            body = file.read_bytes()
            yield Page(f"https://corpus.example/{file.name}", gzip.decompress(body) if file.suffix == ".gz" else body)


def damaged(page: Page, chance: random.Random) -> Page:
    """The page with some bytes changed, and cut somewhere."""
    body = bytearray(page.body[: chance.randrange(len(page.body) // 2, len(page.body) + 1)])
    for _ in range(1 + len(body) // 300):
        body[chance.randrange(len(body))] = chance.choice(b"<>&\"'/\x00\xff\xc3\xed\xa0 \n#x;=" + chance.randbytes(4))
    return Page(page.url, bytes(body))


@needs_extension
def test_the_extension_is_used_and_says_what_it_was_built_for() -> None:
    assert extension.native is not None
    assert extension.description == f"built for {extension.native.BUILT_FOR}"
    assert extension.native.BUILT_FOR.startswith(f"lxml {etree.__version__.rpartition('.')[0]}.")


def test_a_variable_keeps_it_from_being_used() -> None:
    variables = {**os.environ, "BROADSHEET_PURE": "1"}
    process = subprocess.run(
        [sys.executable, "-c", SAY_NATIVE], env=variables, cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    expected = "BROADSHEET_PURE is set" if extension.native is not None else extension.description
    assert process.stdout == f"True {expected}\n"


@needs_extension
@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("etree.LXML_VERSION = (5, 4, 0, 0)", "built for lxml "),
        ("etree.LIBXML_VERSION = (2, 9, 14)", "built for libxml2 "),
        ("del etree.LXML_VERSION", "lxml's interface for C is another one"),
        ("etree.fromstring = lambda text: etree.Element('p')", "the elements of lxml "),
        ("etree.__pyx_capi__.pop('elementFactory')", "lxml.etree does not export expected C function elementFactory"),
    ],
)
def test_another_lxml_than_it_was_built_for_is_left_to_python(statement: str, reason: str) -> None:
    program = f"from lxml import etree; {statement}; {SAY_NATIVE}"
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert process.stdout.startswith(f"True {reason}")


def test_the_code_in_c_stays_small() -> None:
    sources = (REPOSITORY / "cleaners/native").glob("*.[ch]")
    assert 1_000 < sum(len(source.read_text("utf-8").splitlines()) for source in sources) <= 2_000


@needs_extension
def test_generated_pages_are_cleaned_alike() -> None:
    pages = [page for page in budget_pages() if len(page.body) < 20_000][::6]
    assert len(pages) >= 4
    assert differing(pages) == []


@needs_extension
@pytest.mark.slow
def test_all_generated_pages_are_cleaned_alike() -> None:
    assert differing(budget_pages()) == []


TAGS = (
    "a b br code em h2 i img input kbd li p pre s script section span strong style table td template tr ul nav aside "
    "blockquote dl dt dd figcaption figure body html article o:p label button caption th"
).split()
ATTRIBUTES = (
    "", "", "", " class='story  date'", " id=x1", " class=author id='a b'", " role=navigation", " hidden",
    " style='display:none'", " style=color:red", " aria-hidden=true", " itemtype=T",
    " href='/a b?q=1&amp;x'", " href=#top",
    " href='javascript:go()'", " href='http://[x'", " rel=author", " class='é\u00a0ü'",
)  # fmt: skip
TEXTS = (
    "word", " ", "two words", "\n  ", "\u00a0", "`", "*", "[x]", "a_b", "\u200b", "e\u0301", "漢字かな", "1234567", "²",
    "𝟙𝟚", "ﬁne", "İ", "ß", "&lt;", "&#xd800;", "\x0c", "\x1c", "\u2028", "é", "K\u212a", "اللغة", "ไทย", "-", "…",
)  # fmt: skip
PIECES = st.one_of(
    st.builds(lambda tag, attribute: f"<{tag}{attribute}>", st.sampled_from(TAGS), st.sampled_from(ATTRIBUTES)),
    st.builds(lambda tag: f"</{tag}>", st.sampled_from(TAGS)),
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.sampled_from(("<!-- x -->", "<?php x ?>", "<![CDATA[x]]>", "x" * 600, "<svg xmlns='urn:x'>")),
)


@needs_extension
@settings(max_examples=60)
@example("<p>a<a href=/x> <b> b</a> c</b><br><br>d<code>`</code>")
@example("<pre>\n a\r\n<br>\x0b b \n</pre>")
@example("<a href=/1>x<p>y</a>z<a href=/2><img></a>")
@example("<div hidden><p>" + "A sentence of a hidden part. " * 30 + "</div><p>x")
@given(st.lists(PIECES, max_size=40).map("".join))
def test_made_up_markup_is_read_alike(html: str) -> None:
    tree = parse(html)
    if tree is not None:
        native, pure = both_ways(lambda: read_parts(tree, "https://a.example/b/"))
        assert native == pure


@needs_extension
def test_markup_that_only_a_program_makes_is_read_alike() -> None:
    root = etree.fromstring(
        "<!DOCTYPE d [<!ENTITY e 'entity'>]><div>a<!--c-->b<?x?>c<p>&e;<![CDATA[d]]>e</p>"
        "<s:q xmlns:s='u'>f</s:q></div>",
        etree.XMLParser(resolve_entities=False),
    )
    for tree in (root, root[2], etree.fromstring("<div a:id='x' xmlns:a='u'>t<i>u</i></div>")):
        native, pure = both_ways(lambda tree=tree: read_parts(tree, ""))
        assert native == pure


@needs_extension
def test_a_deep_tree_and_one_of_very_many_tags_are_read_alike() -> None:
    deep: HtmlElement = etree.Element("div")
    innermost = deep
    for _ in range(3_000):
        innermost = etree.SubElement(innermost, "section", {"class": "x"})
        innermost.text = "word"
    many: HtmlElement = parse("".join(f"<x{n} class=a{n % 7}>word {n}<p>x</x{n}>" for n in range(700)))
    for tree in (deep, many):
        native, pure = both_ways(lambda tree=tree: read_parts(tree, ""))
        assert native == pure


def hashed(text: str) -> tuple[Any, ...]:
    return hashed_words._hash_text(text), hashed_words._text_words(text), hashed_words._line_words.__wrapped__(text)


@needs_extension
@settings(max_examples=60)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(TEXTS), max_size=60).map(" ".join)))
@example("")
@example("a" * 2_000)
@example("\ud800x \udfff")
def test_words_of_a_text_are_hashed_alike(text: str) -> None:
    native, pure = both_ways(lambda: hashed(text), forget=lambda: None)
    assert native == pure


STEPS = st.builds(
    lambda tag, names: tag + "".join(names),
    st.sampled_from(["div", "p", "H1", "o:p", "", "émile", "a-b"]),
    st.lists(
        st.sampled_from(["#id", ".Post-Title", ".x", ".a1bc", ".mt-*", ".", "#", ".é", ".İd", ".two words", ".AB"])
    ),
)


@needs_extension
@settings(max_examples=60)
@given(st.lists(STEPS, max_size=7).map(">".join))
@example("div")
@example("body.x>")
def test_names_along_a_path_are_hashed_alike(path: str) -> None:
    native, pure = both_ways(
        lambda: hashed_words._name_hashes.__wrapped__(path), forget=hashed_words._hash_step.cache_clear
    )
    assert native == pure


def composed_ranges() -> list[range]:
    source = (REPOSITORY / "cleaners/native/utf8.c").read_text("utf-8")
    table = source.partition("COMPOSED_RANGES[][2] = {")[2].partition("};")[0]
    return [range(int(low, 16), int(high, 16) + 1) for low, high in re.findall(r"\{(\w+), (\w+)\}", table)]


def test_characters_that_need_no_normalisation_combine_with_none() -> None:
    """Text of such characters alone is in NFC: none has a canonical decomposition, and none is the second of a pair."""
    ranges = composed_ranges()
    assert len(ranges) > 20
    pairs = (unicodedata.decomposition(chr(code)).split() for code in range(sys.maxunicode + 1))
    seconds = {int(pair[1], 16) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    seconds |= {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}  # of Hangul, which is composed by a rule
    for characters in ranges:
        assert seconds.isdisjoint(characters)
        assert all(unicodedata.combining(chr(code)) == 0 for code in characters)
        assert all(unicodedata.is_normalized("NFC", chr(code)) for code in characters)


@needs_extension
@needs_corpus
@pytest.mark.slow
def test_pages_of_the_corpora_are_cleaned_alike() -> None:
    pages = list(corpus_pages(12))
    assert len(pages) > 24
    assert differing(pages) == []


@needs_extension
@needs_corpus
@pytest.mark.slow
def test_damaged_pages_are_cleaned_alike() -> None:
    chance = random.Random(34)
    assert differing([damaged(page, chance) for page in corpus_pages(10)]) == []


@needs_extension
@needs_corpus
@pytest.mark.nightly
def test_many_pages_of_the_corpora_sound_and_damaged_are_cleaned_alike() -> None:
    chance = random.Random()
    pages = list(corpus_pages(400))
    assert differing([*pages, *(damaged(page, chance) for page in pages)]) == []


READ_FOREVER = """
import importlib.util, resource, sys
from broadsheet.cleaners.native import extension
if len(sys.argv) > 2:
    spec = importlib.util.spec_from_file_location("broadsheet.cleaners.native._native", sys.argv[2])
    extension.native = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(extension.native)
from tests.cleaners.native.test_extension import hashed, hashed_words, page_parts, read_parts
assert extension.native is not None
trees, texts = page_parts()
sizes = []
for turn in range(int(sys.argv[1])):
    for tree in trees:
        for block in read_parts(tree, "https://a.example/")[0]:
            hashed_words._name_hashes.__wrapped__(block.path)
    for text in texts:
        extension.native.join_words(text)
        hashed(text)
    if turn % (int(sys.argv[1]) // 4) == 0:
        sizes.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(len(trees), *sizes)
"""


def page_parts() -> tuple[list[HtmlElement], list[str]]:
    """Small trees and texts that the functions of the extension are called with over and over."""
    pages = [page for page in budget_pages() if len(page.body) < 20_000]
    trees = [parse(decode(page.body).text) for page in pages]
    trees += [parse(f"<div><p>{text}<a href=/x>{text}</a><b>y</b></p><o:p>z</o:p></div>") for text in TEXTS]
    return [tree for tree in trees if tree is not None], [*TEXTS, "word " * 200]


def run_forever(turns: int, *arguments: str, **variables: str) -> list[int]:
    process = subprocess.run(
        [sys.executable, "-c", READ_FOREVER, str(turns), *arguments],
        env={**os.environ, **variables}, cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-4_000:]
    return [int(word) for word in process.stdout.split()]


@needs_extension
@pytest.mark.nightly
def test_a_hundred_thousand_pages_leave_no_memory_behind() -> None:
    trees, *kilobytes = run_forever(100_000 // len(page_parts()[0]) + 1)
    assert trees > 20
    assert kilobytes[-1] - kilobytes[1] < 2_000, kilobytes


@needs_extension
@pytest.mark.nightly
def test_a_build_that_watches_memory_finds_no_fault(tmp_path: Path) -> None:
    """Every read and write is checked by AddressSanitizer, as far as this compiler has it."""
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=False)
    if not Path(library.stdout.strip()).is_file():
        pytest.skip("needs a compiler with libasan")
    built = tmp_path / "_native.so"
    program = "import lxml, sysconfig; print(*lxml.get_include(), sysconfig.get_path('include'), sep='\\n')"
    folders = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    sources = sorted(map(str, (REPOSITORY / "cleaners/native").glob("*.c")))
    subprocess.run(
        ["gcc", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-shared", "-fPIC",
         *(f"-I{folder}" for folder in folders), *sources, "-o", built],
        check=True,
    )  # fmt: skip
    assert run_forever(
        8, str(built), LD_PRELOAD=library.stdout.strip(), PYTHONMALLOC="malloc", ASAN_OPTIONS="detect_leaks=0"
    )
