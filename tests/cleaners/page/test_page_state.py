"""page_state: the article in the data of a page's scripts is found in any of its forms, bounded, and nothing raises."""

from __future__ import annotations

import json

import pytest
from lxml import etree, html

from broadsheet.cleaners.page import page_state
from broadsheet.cleaners.page.page_state import StatedText, read_state_texts, state_attributes
from tests.cleaners.building import holds_up_to, words

TITLE = "The mill by the river"
STORY = "The council of the town met on Monday evening and spoke for three hours about the old mill. " * 4
ARTICLE = {"id": 7, "title": TITLE, "body": STORY, "teaser": "short"}
STATE = {"props": {"pageProps": {"article": ARTICLE, "related": [{"title": "Elsewhere", "body": "Four words of it."}]}}}


def texts(source: str, kind: str = "") -> list[StatedText]:
    script = html.Element("script", type=kind)
    script.text = source
    return read_state_texts([script])[0]


def assigned(value: object, name: str = "window.__INITIAL_STATE__") -> str:
    return f"{name} = {json.dumps(value)};"


@pytest.mark.parametrize(
    "source",
    [
        assigned(STATE),
        assigned(STATE, 'window["__APOLLO_STATE__"]'),
        "var a = 1; " + assigned(STATE, "var PRELOADED_STATE") + " start();",
        f"window.__INITIAL_STATE__ = JSON.parse({json.dumps(json.dumps(STATE))});",
        f"self.__DATA__=JSON.parse('{json.dumps(STATE)}')",
        f'window.__NUXT__=(function(a,b){{return {{x:a,article:{{title:"{TITLE}",body:"{STORY}"}}}}}}(1,2))',
        f'window.__STATE__ = {{loading: undefined, article: {{body: "{STORY}", title: "{TITLE}"}}}}',
    ],
)  # fmt: skip
def test_state_that_a_script_assigns_is_read(source):
    assert texts(source) == [StatedText(TITLE, (STORY,))]


def test_a_json_script_is_read_but_not_one_of_statements():
    assert texts(json.dumps(STATE), "application/json") == [StatedText(TITLE, (STORY,))]
    assert texts(json.dumps(STATE), "application/ld+json") == []
    assert texts("let story = " + json.dumps(STORY)) == []


def test_a_flat_list_of_values_is_put_together():
    flat = [{"data": 1}, {"article": 2}, {"title": 3, "body": 4, "none": -1}, TITLE, STORY]
    assert texts(json.dumps(flat), "application/json") == [StatedText(TITLE, (STORY,))]


def test_the_nodes_of_a_rich_text_are_its_paragraphs_and_runs_of_a_line_are_joined():
    lines = [{"type": "p", "content": [{"text": "Said the "}, {"text": "miller", "bold": True}, {"text": " aloud."}]}]
    rich = {"type": "doc", "content": [{"type": "p", "content": [{"text": STORY}]}, *lines]}
    assert texts(assigned({"title": TITLE, "content": rich})) == [StatedText(TITLE, (STORY, "Said the miller aloud."))]


@pytest.mark.parametrize("cut", [1, 30, 150])
def test_state_that_is_cut_gives_the_strings_that_are_there(cut):
    (text,) = texts(assigned(STATE)[:-cut])
    assert text.title == TITLE
    assert STORY.startswith(text.parts[0])


INNER = {"title": "Inner", "body": STORY}
ONE, TWO, THREE = (f"{name} {STORY}" for name in ("One", "Two", "Three"))
LOOSE = [("body", ONE), ("title", "A"), ("headline", "B"), ("Body", TWO), ("text", THREE)]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (
            json.dumps({"content": [{"title": f"Mill {n}", "text": STORY} for n in range(2)]}),
            [("Mill 0", STORY), ("Mill 1", STORY)],
        ),
        (
            json.dumps({"Title": "", "name": TITLE, "text": "short", "Body": STORY, "content": [INNER]}),
            [(TITLE, STORY)],
        ),
        (
            "var state = {x: y, " + ", ".join(f"{name}: {json.dumps(value)}" for name, value in LOOSE),
            [("A", ONE), ("B", TWO), ("", THREE)],
        ),
    ],
    ids=["a list of articles", "the longest member of an object", "strings that are searched by pattern"],
)
def test_each_text_has_its_title(source, found):
    kind = "" if source.startswith("var") else "application/json"
    assert texts(source, kind) == [StatedText(title, (text,)) for title, text in found]


def test_state_nested_thousands_deep_is_searched_by_pattern():
    assert texts('{"a":' * 5_000 + json.dumps(ARTICLE) + "}" * 5_000, "application/json") == [
        StatedText(TITLE, (STORY,))
    ]
    assert texts("[" * 100_000, "application/json") == []


def test_no_more_state_is_read_than_the_bound_and_the_reason_says_so():
    script = html.Element("script", type="application/json")
    script.text = json.dumps({**ARTICLE, "padding": "x" * 5_000_000})
    found, reasons = read_state_texts([script, script])
    assert found == [StatedText(TITLE, (STORY,))]
    assert reasons == ("page_state=read 5000000 characters",)


@pytest.mark.parametrize(
    "source",
    [
        "{" * 100, "window.__STATE__ = " + "{" * 100, 'window.state = {"body": ' + "9" * 5_000 + "}",
        "state = [[[[" * 30, "window.state = JSON.parse('1')" + " " * 99, "state = JSON.parse('\"x\"')" + " " * 99,
        'window.__STATE__ = JSON.parse("\\ud800' + "\\" * 99 + '")', 'state = {"body": "\\ud800' + " x" * 50 + '"}',
        'state = {"body": [1, null, true, {"text": 5}], "title": {"a": [' + "]" * 50 + " " * 100,
    ],
)  # fmt: skip
def test_broken_state_raises_nothing(source):
    for kind in ("", "application/json"):
        assert all(text.words for text in texts(source, kind))


def streamed(*rows: str, chunk_chars: int = 90) -> list[html.HtmlElement]:
    """The scripts that push the rows, in chunks that end anywhere."""
    stream = "".join(rows)
    chunks = [stream[start : start + chunk_chars] for start in range(0, len(stream), chunk_chars)]
    scripts = [html.Element("script") for _ in range(len(chunks) + 1)]
    scripts[0].text = "(self.__next_f=self.__next_f||[]).push([0])"
    for script, chunk in zip(scripts[1:], chunks, strict=True):
        script.text = f"self.__next_f.push([1,{json.dumps(chunk)}])"
    return scripts


def text_row(row: str, text: str) -> str:
    return f"{row}:T{len(text.encode()):x},{text}"


def test_rows_that_scripts_stream_are_read_over_the_ends_of_chunks():
    rows = '1:"$Sreact.fragment"\n', '2:I["app/page.js",["4"],""]\n', f"3:{json.dumps(['$', '$L2', None, STATE])}\n"
    assert read_state_texts(streamed(*rows)) == ([StatedText(TITLE, (STORY,))], ())


def test_a_streamed_row_refers_to_rows_of_text_whose_length_counts_bytes():
    story = f"Größe – “Mühle”\n{STORY}"
    article = {"title": TITLE, "body": "$5"}
    rows = f"0:{json.dumps({'article': article})}\n", text_row("4", "ü"), text_row("5", story), "6:null\n"
    assert read_state_texts(streamed(*rows))[0] == [StatedText(TITLE, (story,))]


@pytest.mark.parametrize(
    "row",
    [
        f'3:{{"title":"{TITLE}","body":"{STORY}"',  # cut
        f'3:{"[" * 5000}{{"title":"{TITLE}","body":"{STORY}"}}',
    ],
)
def test_streamed_rows_that_are_no_json_are_searched_by_pattern(row):
    assert read_state_texts(streamed(row))[0] == [StatedText(TITLE, (STORY,))]


@pytest.mark.parametrize("stream", ["5:Tffffffff,", "5:T0,5:T0,", "zz", '1:{"body":"$1"}\n', "\\ud83d", "1:[\n2:{\n"])
def test_broken_streams_raise_nothing(stream):
    assert read_state_texts(streamed(stream))[0] == []


def page_with_attribute(value: str) -> html.HtmlElement:
    body = html.Element("body")
    etree.SubElement(body, "div", {"data-page": value, "class": "x" * 400})
    return body


def test_an_attribute_that_holds_json_is_state():
    page = page_with_attribute(json.dumps({"component": "Post", "props": STATE}))
    assert read_state_texts([], state_attributes(page)) == ([StatedText(TITLE, (STORY,))], ())


def _is_text(count: int) -> bool:
    sources = {
        json.dumps({"title": TITLE, "body": words(count)}): "application/json",
        f'var state = {{x: y, body: "{words(count)}"}}': "",
    }
    found = {bool(texts(source, kind)) for source, kind in sources.items()}
    assert len(found) == 1
    return found.pop()


def _is_searched(chars: int) -> bool:
    return bool(texts(json.dumps({"body": "磨" * 85}, ensure_ascii=False).ljust(chars), "application/json"))


def _are_read(count: int) -> bool:
    return len(texts("".join(f"var state{n} = {json.dumps(ARTICLE)};" for n in range(count)))) == count


def _is_rich(depth: int) -> bool:
    body = "[" * depth + json.dumps(STORY) + "]" * depth
    return bool(texts(f'{{"title": {json.dumps(TITLE)}, "body": {body}}}', "application/json"))


def _is_referred_to(depth: int) -> bool:
    rows = [
        f"0:{begin * depth}{json.dumps({'title': TITLE, 'body': '$5'})}{end * depth}\n"
        for begin, end in ("[]", ('{"a":', "}"))
    ]
    found = {bool(read_state_texts(streamed(row, text_row("5", STORY)))[0]) for row in rows}
    assert len(found) == 1
    return found.pop()


def test_thresholds(monkeypatch):
    assert holds_up_to(39, lambda n: not _is_text(n)), "words of no text"
    assert holds_up_to(99, lambda n: not _is_searched(n)), "characters of no script"
    assert holds_up_to(20, _are_read), "assignments of a script"
    assert holds_up_to(40, lambda n: texts("a" * n + assigned(ARTICLE, "STATE"))), "characters before a name"
    assert holds_up_to(40, lambda n: texts(assigned(ARTICLE, "state" + "a" * n))), "characters behind a name"
    assert holds_up_to(40, _is_rich), "depth of a rich text"
    assert holds_up_to(39, _is_referred_to), "depth of references"
    value = json.dumps(ARTICLE)
    monkeypatch.setattr(page_state, "MAX_STATE_CHARS", len(value))
    assert read_state_texts([], [value])[0] == [StatedText(TITLE, (STORY,))]
