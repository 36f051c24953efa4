"""A block is restored or removed with a preview and an undo; while a crawl owns the file the ruling waits."""

import re

import pytest

from broadsheet.output.write.archive_writer import Archive
from broadsheet.output.write.revisit_schedule import find_url_row
from tests.output.browse.conftest import ORIGIN, SITE, article_id, visible_text

ONE, TWO = article_id(f"{SITE}/1"), article_id(f"{SITE}/2")


def verdicts(client, number=ONE):
    return {block["text"]: block["is_kept"] for block in client.json(f"a/article/{number}.json")["blocks"]}


def rule(client, block, *, keep=1, scope="article", **fields):
    answer = client.post("a/rulings", block=block, article=ONE, keep=keep, scope=scope, **fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_a_block_is_restored_in_one_article_and_the_ruling_taken_back(client, block_of):
    block = block_of("Share this story")
    location = rule(client, block, position=1)
    assert location.endswith("#b1")
    page = client.page(location)
    assert "Restored." in page
    assert "by a person, in this article" in visible_text(page)
    assert verdicts(client) == {"The harbour was closed.": True, "Share this story": True, "Only here": False}
    assert verdicts(client, TWO)["Share this story"] is False
    assert "Taken back" in client.page(rule(client, block, undo=1))
    assert verdicts(client)["Share this story"] is False


@pytest.mark.parametrize("scope", ["host", "everywhere"])
def test_a_ruling_may_hold_wherever_the_block_stands(client, block_of, scope):
    rule(client, block_of("Share this story"), scope=scope)
    assert verdicts(client)["Share this story"] is verdicts(client, TWO)["Share this story"] is True


def test_to_ask_for_the_opposite_takes_the_ruling_back(client, block_of):
    block = block_of("Only here")
    rule(client, block)
    assert "done=taken" in rule(client, block, keep=0)
    assert client.json(f"a/article/{ONE}.json")["blocks"][2]["own_rule"] is None
    assert verdicts(client)["Only here"] is False


def test_while_a_crawl_owns_the_file_a_ruling_waits_and_is_shown_to(client, block_of, filled, make):
    block = block_of("Only here")
    with Archive.open(filled, make.clock):
        location = rule(client, block, note="wait")
        assert "done=waiting" in location
        page = visible_text(client.page(location))
        assert "1 decision of yours waiting" in page
        assert "a ruling on it waits for the crawl to end" in page
        assert verdicts(client)["Only here"] is False
    with Archive.open(filled, make.clock):
        pass
    assert verdicts(client)["Only here"] is True


WRONG_FORMS = [
    *(
        ("rulings", {"back": back}, 400)
        for back in ("https://evil.example/", "//evil.example/", "/b/", "/a\\..\\x", "javascript:alert(1)")
    ),
    *(("rulings", fields, 404) for fields in ({"block": 5}, {"article": 5})),
    *(("rulings", fields, 400) for fields in ({"scope": "world"}, {"keep": "yes"}, {"block": "x"})),
    ("rulings", {f"f{number}": "" for number in range(217)}, 400),  # with the token 221 fields
    ("reviews", {"page": 99, "answer": "right"}, 404),
    ("reviews", {"block": 5, "answer": "right"}, 404),
    *(
        ("corrections", field, 400)
        for field in (
            {"published": "2024-13-01"},
            {"language": "?!"},
            {"title": " "},
            {"kind": "article"},
            {"watch": "hourly"},
        )
    ),
]


def test_what_is_not_there_or_cannot_be_is_refused_and_changes_nothing(client, block_of):
    before = client.json(f"a/article/{ONE}.json")
    for path, fields, status in WRONG_FORMS:
        given = {"block": block_of("Only here"), "keep": 1} if path == "rulings" else {}
        assert client.post(f"a/{path}", **({"article": ONE} | given | fields)).status_code == status, (path, fields)
        assert client.json(f"a/article/{ONE}.json") == before, (path, fields)


def test_a_form_may_have_twenty_fields(client, block_of):
    rule(client, block_of("Only here"), **{f"f{number}": "" for number in range(215)})


@pytest.mark.parametrize("body", ["token=\xff", "&".join(f"f{number}=1" for number in range(299))])
def test_what_is_no_form_of_the_room_is_refused_in_a_line(client, body):
    headers = {"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"}
    answer = client.http.post("/a/rulings", content=body.encode("latin-1"), headers=headers)
    assert answer.status_code == 400


@pytest.mark.parametrize("back", ["/a/", "/a/articles?q=x&page=2#b1"])
def test_a_form_leads_back_to_where_it_was_asked_for(client, block_of, back):
    assert rule(client, block_of("Only here"), back=back) == back


def test_a_ruling_leads_to_its_block_with_all_that_it_was(client, block_of):
    block = block_of("Only here")
    page = f"/a/article/{ONE}?view=blocks"
    for fields, asked in (
        ({}, f"done=ruled&block={block}&keep=1&scope=article"),
        ({"undo": 1}, f"done=undone&block={block}&keep=1&scope=article"),
        ({"scope": "host", "position": 2}, f"done=ruled&block={block}&keep=1&scope=host&position=2#b2"),
        ({"scope": "host", "keep": 0}, f"done=taken&block={block}&keep=0&scope=host"),
    ):
        assert rule(client, block, **fields) == f"{page}&{asked}"


def correct(client, **fields):
    answer = client.post("a/corrections", article=ONE, **fields)
    return client.page(answer.headers["location"]) if answer.status_code == 303 else answer.text


def test_fields_are_corrected_where_they_stand_and_show_what_the_page_says(client):
    before = client.json(f"a/article/{ONE}.json")
    page = correct(
        client, title="The  quay", authors="Ann Moor\r\n\r\nBo Tide ", tags="", published="2024-05-03", language="fr"
    )
    assert "Corrected." in page
    after = client.json(f"a/article/{ONE}.json")
    names = ("title", "authors", "published_day", "language")
    assert [after[name] for name in names] == ["The quay", ["Ann Moor", "Bo Tide"], "2024-05-03", "fr"]
    assert f"corrected; the page says {before['title']}" in visible_text(page)
    for name in ("title", "authors", "published", "language"):
        assert "Taken back" in correct(client, undo=name)
    assert client.json(f"a/article/{ONE}.json") | {"revisions": []} == before | {"revisions": []}


def test_how_closely_an_article_is_watched_is_said_where_it_is_corrected(client):
    assert "watched close corrected Take back" in visible_text(correct(client, watch="close"))
    assert client.json(f"a/article/{ONE}.json")["watch"] == "close"
    with client.room.archive("a").open() as db:
        assert find_url_row(db, f"{SITE}/1").watch == "close", "its visits follow the word"
    assert correct(client, watch="close", note="again").count("Corrected.") == 1
    assert "watched close" not in visible_text(correct(client, undo="watch"))
    assert client.json(f"a/article/{ONE}.json")["watch"] == ""


def test_a_page_is_called_no_article_where_it_is_read_and_one_after_all(client):
    assert "a person says that it is no article" in correct(client, kind="none")
    assert "It is an article after all" not in correct(client, undo="kind")
    assert client.json(f"a/article/{ONE}.json")["shelving_reason"] == ""


def articles_shown(client):
    return {article["url"] for article in client.json("a/articles.json")["articles"]}


def test_ticked_articles_are_taken_out_with_the_others_of_their_folder_and_come_back(client):
    before = articles_shown(client)
    assert {f"{SITE}/1", f"{SITE}/2"} <= before
    preview = client.json(f"a/take-out.json?tick{ONE}=1")
    assert [article["url"] for article in preview["ticked"]] == [f"{SITE}/1"]
    [folder] = preview["folders"]
    assert (folder["host"], folder["path"], folder["others"]) == ("a.example", "/…", len(before) - 1)
    location = client.post("a/take-outs", **{f"tick{ONE}": 1}).headers["location"]
    page = client.page(location)
    assert "Taken out: 1." in page
    assert articles_shown(client) == before - {f"{SITE}/1"}
    [undo] = re.findall(r'name="undo" value="([^"]+)"', page)
    client.post("a/take-outs", undo=undo)
    assert articles_shown(client) == before
    location = client.post("a/take-outs", **{f"tick{ONE}": 1, "folder0": 1}).headers["location"]
    assert f"Taken out: {len(before)}." in client.page(location)
    assert articles_shown(client) == set()


@pytest.mark.parametrize(
    ("asked", "status"), [("", 400), ("?tick7=1", 404), ("?" + "&".join(f"tick{n}=1" for n in range(101)), 400)]
)
def test_nothing_ticked_too_much_or_what_is_gone_is_refused(client, asked, status):
    assert client.get(f"a/take-out{asked}").status_code == status
