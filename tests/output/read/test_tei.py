"""TEI documents: valid by the TEI's own RELAX NG, and with the structure of the text."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from lxml import etree

from broadsheet.output.read.article_rows import iter_articles
from broadsheet.output.read.tei import tei_document
from tests.output import told
from tests.tools import ToolsMissingError, programs

NAMESPACE = "{http://www.tei-c.org/ns/1.0}"
MARKDOWN = """Before any *heading* with **bold**, `code` and a [link](https://a.test/x?a=1&b=2).

# One

A paragraph\\
of two lines.

- a
- b

  with a second paragraph

  1. nested

## Two

> A quotation
>
> ### with a heading

| a | b |
| --- | --- |
| 1 | *2* |

```
code  <b>
```

---

#### Last"""
TRIALS = [
    *(MARKDOWN, "", "# Heading alone", "# One\n\n# Two", "- # heading in a list", "> > # deep", "***both***"),
    *("1. a\n\n   ```\n   x\n   ```", "| a |\n| --- |", "text\n\n---", "---\n\n# x", "- \n- ", "> ", "- > - > x"),
    *("[](https://a.test/)", "[**bold** link](https://a.test/)", "**[x](javascript:y)**", "[a](mailto:x@a.test)"),
    "# [a](https://a.test) `b`",
]

STATED = {
    "authors": '["Ann", "Bo"]', "tags": '["x", "News", "x"]', "section": "News", "description": "Short",
    "language": "de", "sitename": "The Daily", "licence": "CC BY 4.0", "published": "2024-05-03T13:47:42Z",
    "published_day": "2024-05-03", "published_stated": "2024-05-03T15:47:42+02:00",
}  # fmt: skip
UNSTATED = {
    "title": "", "authors": "[]", "sitename": "", "language": None, "published": None, "published_day": None,
    "published_stated": "soon", "licence": "",
}  # fmt: skip


@pytest.fixture
def articles(archive, make):
    archive.save([make.outcome("http://a.test/1", "one two three", title="A & B")])

    def with_values(**values):
        for name, value in values.items():
            archive.db.execute(f"UPDATE articles SET {name} = ?", [value])
        return next(iter(iter_articles(archive.db)))

    return with_values


@pytest.mark.slow
def test_every_structure_and_header_is_valid_and_the_schema_refuses_what_is_wrong(archive, articles):
    """By TEI's schema of all its modules, as a package of the registry carries it."""
    try:
        [file] = programs("tei").parent.rglob("tei_all.rng")
    except ToolsMissingError as error:
        pytest.skip(f"the schema of TEI cannot be had here: {error}")
    schema = etree.RelaxNG(etree.parse(str(file)))
    for values in [
        *({"markdown": markdown} for markdown in TRIALS),
        STATED,
        UNSTATED,
        {"published_stated": "x", "published_day": "soon", "language": "not a tag"},
    ]:
        archive.db.execute("SAVEPOINT plain")
        document = tei_document(articles(**values))
        assert schema.validate(etree.fromstring(document)), f"{schema.error_log.last_error}\n{document.decode()}"
        archive.db.execute("ROLLBACK TO plain")
    document = tei_document(articles()).replace(b"<body>", b"<body><chapter/>")
    assert not schema.validate(etree.fromstring(document))


def test_an_article_without_markdown_has_its_text_a_paragraph_a_line(articles):
    root = ElementTree.fromstring(tei_document(articles(markdown="", text="# one\n*two*")))
    assert [p.text for p in root.find(f".//{NAMESPACE}body").iter(f"{NAMESPACE}p")] == ["# one", "*two*"]


@pytest.mark.parametrize(("target", "is_safe"), [("https://b.test/x", True), ("intent:x", False), ("ftp://b/x", False)])
def test_a_reference_leads_where_a_reader_may_go(articles, target, is_safe):
    root = ElementTree.fromstring(tei_document(articles(markdown=f"A [link]({target}).")))
    assert [ref.get("target") for ref in root.iter(f"{NAMESPACE}ref")] == ([target] if is_safe else [])


@pytest.mark.parametrize(
    ("asked", "values", "usage"),
    [("all is stated", STATED, ["no training", "no search"]), ("little is stated", UNSTATED, [])],
    ids=["all", "little"],
)
def test_a_whole_document(articles, asked, values, usage):
    """Run with BROADSHEET_EXPECT=1 to write what is expected anew."""
    file = Path(__file__).with_name("whole_tei.txt")
    every_kind = f"{MARKDOWN}\n\nA soft\nbreak, [one](javascript:x).\n\n- # In a list\n\n      indented"
    fixed = {"last_seen": "2026-01-01T00:00:00Z", "usage": usage, "cleaner_version": "7"}
    article = dict(articles(**values, markdown=every_kind if usage else "One.")) | fixed
    document = tei_document(article).decode().replace("><", ">\n<").splitlines()
    shown = told.told(document)
    assert shown == told.expected(file, asked, shown)
