"""What is asked for wrongly is a page of one line; every page is there as JSON; text of the web never acts."""

from dataclasses import replace

import lxml.html
import pytest

from broadsheet.cleaners.document import Metadata
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import SITE, RoomClient, article_id, visible_text
from tests.output.cleaned_pages import cleaned_page, with_page
from tests.output.conftest import GONE

ONE = article_id(f"{SITE}/1")
PAYLOADS = (
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onfocus=alert(1) autofocus='",
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "<svg onload=alert(1)>",
    "{{ 7191 * 7193 }} {% raw %}",
    "]]><![CDATA[ <b>",
    "\u202egnp.exe\u2066",
    "</textarea></details></style>",
)


NOT_THERE = [
    ("a/article/7/diff", 404, "the archive has no article of that number"),
    ("a/article/7", 404, "the archive has no article of that number"),
    ("a/articles/at?at=1&of=1", 404, "the address names no list"),
    ("a/articles.atom?q=...", 400, "q has no word to search for"),
    ("a/capture/7", 404, "the archive has no capture of that number"),
    ("a/picture/7", 404, "the archive has no picture of that number"),
    ("a/article/99999999999999999999", 400, "id is not a number that can be here"),
    ("a/article/x", 404, "there is no such page"),
    ("a/coverage/urls?source=feed&state=failed&reason=x", 200, "None."),
    *((f"a/{path}", 400, "") for path in (
        f"article/{'9' * 5000}", "capture/99999999999999999999/record", f"capture/{'9' * 5000}/record",
        "articles?page=x", "articles?page=-1", "articles?sort=random", f"articles?q={'x' * 2000}",
        "articles.json?sort=random", "ruling?block=x&article=1", "coverage/urls?source=wiki",
    )),
    *((path, 404, "") for path in (
        "a/ruling?block=1&article=1", "nothing/articles", "static/..%2f..%2fapp.py", "%00/", "a/url/999",
    )),
]  # fmt: skip


def test_what_is_not_there_or_cannot_be_asked_is_said_in_a_line(client):
    for path, status, words in NOT_THERE:
        answer = client.get(path)
        assert (answer.status_code, words in visible_text(answer.text)) == (status, True), visible_text(answer.text)[
            :200
        ]
        assert "Traceback" not in answer.text, path


def test_a_twin_that_cannot_be_shown_says_so_as_json(client):
    answer = client.get("a/articles.json?sort=random")
    assert answer.json()["status"] == 400
    assert client.get("a/article/1.json").json() == {
        "status": 404, "message": "the archive has no article of that number",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_of_the_web_is_text_wherever_it_stands(file, make, payload):
    url = f"{SITE}/{payload}"
    outcome = make.outcome(url, payload, f"harbour {payload}", removed=(payload,), title=payload)
    metadata = Metadata(
        title=payload, authors=(payload,), description=payload, section=payload, tags=(payload,), sitename=payload,
        canonical_url=payload, image=payload, licence=payload, language="en", sources={"title": payload},
    )  # fmt: skip
    page = replace(cleaned_page(outcome), metadata=metadata, markdown=f"harbour\n\n{payload}")
    verdicts = tuple(replace(verdict, rule=payload) if verdict == GONE else verdict for verdict in page.verdicts)
    page = replace(page, verdicts=verdicts, verdict=replace(page.verdict, evidence=(payload,)))
    with Archive.open(file, make.clock) as archive:
        archive.save([with_page(outcome, page)])
        ((number, block),) = archive.db.execute(
            "SELECT article_id, block_id FROM removed JOIN articles ON articles.id = article_id LIMIT 1"
        ).fetchall()
    client = RoomClient(file)
    for path in (
        "a/", "a/articles", "a/articles?q=harbour", f"a/articles?section={payload}", f"a/article/{number}",
        f"a/article/{number}?view=blocks", f"a/ruling?article={number}&block={block}&keep=1",
    ):  # fmt: skip
        assert_inert(client.page(path))


def assert_inert(html: str) -> None:
    """Nothing of the page acts but its own script, and links lead to the web or to its own pages."""
    tree = lxml.html.document_fromstring(html)
    assert [script.get("src") for script in tree.iter("script")] == ["/static/keys.js"]
    loaded = tree.iter("img", "iframe", "object", "embed", "video", "base", "meta")
    assert [each.tag for each in loaded if each.get("http-equiv") or each.tag != "meta"] == []
    names = {name for element in tree.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or name in ("style", "srcdoc", "autofocus")]
    targets = [element.get("href") for element in tree.iter("a")]
    assert [target for target in targets if not target.startswith(("/", "#", "https://", "http://"))] == []
    assert "51724863" not in visible_text(html)
    assert not set(html) & {"\u202e", "\u2066"}


def test_every_page_is_there_as_json_and_names_it(client):
    for path in ("a/", "a/articles", f"a/article/{ONE}"):
        page = lxml.html.document_fromstring(client.page(path))
        (twin,) = [link.get("href") for link in page.iter("a") if link.text == "this page as JSON"]
        assert client.json(twin)


def test_numbers_of_blocks_are_numbers(client, block_of):
    numbers = [block["block_id"] for block in client.json(f"a/article/{ONE}.json")["blocks"]]
    assert numbers[1:] == [block_of("Share this story"), block_of("Only here")]
    assert str(numbers[2]) in client.page(f"a/article/{ONE}?view=blocks")


def test_what_is_not_listed_is_counted(file, make):
    """Authors in the list; addresses and captures beside an article."""
    with Archive.open(file, make.clock) as archive:
        outcome = make.outcome(f"{SITE}/1", "Words.", title="One")
        archive.save([with_page(outcome, metadata=Metadata(title="One", authors=("Ann", "Bob", "Cy", "Di", "Ed")))])
    client = RoomClient(file)
    assert "Ann, Bob, Cy and 2 more" in visible_text(client.page("a/articles"))
    assert "there may be more" not in client.page(f"a/article/{ONE}")
    client.room.renderer.environment.globals["most_rows"] = 1
    text = visible_text(client.page(f"a/article/{ONE}"))
    assert "The first 1; there may be more." in text
    assert "The latest 1; there may be more." in text


def test_blocks_say_in_which_language_they_are(file, make):
    """A reader aloud, and a font for Japanese, go by it."""
    with Archive.open(file, make.clock) as archive:
        outcome = make.outcome(f"{SITE}/1", "港の水位が上がった。", removed=("共有",))
        archive.save([with_page(outcome, metadata=Metadata(title="港", language="ja"))])
    tree = lxml.html.document_fromstring(RoomClient(file).page(f"a/article/{ONE}?view=blocks"))
    assert [words.get("lang") for words in tree.find_class("words")] == ["ja", "ja"]


def test_keys_reach_a_removed_block_that_is_shown_in_part(file, make):
    with Archive.open(file, make.clock) as archive:
        archive.save([make.outcome(f"{SITE}/1", "Kept. " * 60, removed=("Gone. " * 60, "Gone."))])
    client = RoomClient(file)
    page = client.page(f"a/article/{ONE}?view=blocks")
    stops = [words.get("tabindex") for words in lxml.html.document_fromstring(page).find_class("words")]
    assert stops == [None, "0", None]
    [block, _] = [block for block in client.json(f"a/article/{ONE}.json")["blocks"] if not block["is_kept"]]
    ruling = client.page(f"a/ruling?article={ONE}&block={block['block_id']}&keep=1")
    assert [words.get("tabindex") for words in lxml.html.document_fromstring(ruling).find_class("words")] == ["0"]
