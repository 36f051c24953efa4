"""Only this server's own pages may ask it for anything: other names, other sites and other ports are refused."""

import pytest

from broadsheet.output.browse.raw_responses import raw_headers
from broadsheet.output.browse.strict_requests import (
    Arguments,
    BadArgumentError,
    is_token,
    loopback_authorities,
    page_headers,
)
from tests.output.browse.conftest import ORIGIN, PORT, RoomClient, article_id

FIELDS = {"article": article_id("https://a.example/1"), "keep": 1, "scope": "article"}


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}", f"LOCALHOST:{PORT}"])
def test_it_answers_to_the_names_of_loopback(client, host):
    assert client.get("a/articles", host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", "", f"a@localhost:{PORT}"]
)
def test_it_answers_to_no_other_name(client, host):
    """A name of another site that leads to this machine (DNS rebinding) would be that site's own origin."""
    answer = client.get("a/articles", host=host)
    assert answer.status_code == 421
    assert "harbour" not in answer.text


@pytest.mark.parametrize("path", ["a/articles", "a/articles.json", "a/articles.atom", "static/style.css"])
def test_nothing_is_read_on_behalf_of_another_site(client, path):
    for site, status in (
        ("none", 200), ("same-origin", 200), (None, 200), ("same-site", 403), ("cross-site", 403), ("CROSS-SITE", 403),
    ):  # fmt: skip
        answer = client.get(path, **({"sec-fetch-site": site} if site else {}))
        assert answer.status_code == status, site
        assert status == 200 or answer.text.count("\n") == 1, site


def rule(client, block_of, headers):
    return client.post("a/rulings", headers, block=block_of("Only here"), **FIELDS)


@pytest.mark.parametrize("origin", [ORIGIN, ORIGIN.upper().replace("HTTP", "http")])
def test_a_form_of_its_own_page_is_taken(client, block_of, origin):
    assert rule(client, block_of, {"origin": origin, "sec-fetch-site": "same-origin"}).status_code == 303


ELSEWHERE = [
    {},
    *(
        {"origin": origin}
        for origin in (
            "null",
            "https://evil.example",
            "http://127.0.0.1",
            f"http://127.0.0.1:{PORT + 1}",
            f"https://127.0.0.1:{PORT}",
            f"http://localhost:{PORT}",
        )
    ),
    *({"origin": ORIGIN, "sec-fetch-site": site} for site in ("cross-site", "same-site", "none")),
]


def test_a_form_from_elsewhere_changes_nothing(client, block_of):
    """Another port of this host is another origin, though a browser calls it the same site."""
    for headers in ELSEWHERE:
        assert rule(client, block_of, headers).status_code == 403, headers
        assert client.json(f"a/article/{FIELDS['article']}.json")["blocks"][2]["is_kept"] is False


@pytest.mark.parametrize("token", ["", "x", "ü", None])
def test_a_form_without_the_token_of_this_run_changes_nothing(client, block_of, token):
    fields = {} if token is None else {"token": token}
    answer = client.http.post(
        "/a/rulings", data={**FIELDS, "block": block_of("Only here"), **fields}, headers={"origin": ORIGIN}
    )
    assert answer.status_code == 403
    assert client.json(f"a/article/{FIELDS['article']}.json")["blocks"][2]["is_kept"] is False


def test_read_only_takes_no_form_and_shows_none(filled, block_of):
    client = RoomClient(filled, may_write=False)
    assert rule(client, block_of, {"origin": ORIGIN}).status_code == 403
    page = client.page(f"a/article/{FIELDS['article']}?view=blocks")
    assert "Restore" not in page
    assert "read only" in page


@pytest.mark.parametrize(("length", "status"), [(100_000, 403), (100_001, 413), (10**9, 413)])
def test_a_form_is_short(client, length, status):
    headers = {"origin": ORIGIN, "content-length": str(length)}
    assert client.http.post("/a/rulings", content=b"x" * min(length, 100_001), headers=headers).status_code == status


def test_a_form_says_how_long_it_is(client):
    answer = client.http.post("/a/rulings", content=iter([b"token=x"]), headers={"origin": ORIGIN})
    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(client, method):
    assert client.http.request(method, "/a/articles").status_code == 405


def test_every_answer_says_what_may_act_on_it(client):
    for path in ("a/articles", "a/articles.json", "static/style.css", "a/nothing", "nowhere/articles"):
        answer = client.get(path)
        assert page_headers().items() <= dict(answer.headers).items()
    assert "access-control-allow-origin" not in answer.headers


def test_no_page_has_code_or_style_of_its_own(client):
    for path in ("a/articles", f"a/article/{FIELDS['article']}", f"a/article/{FIELDS['article']}?view=blocks"):
        page = client.page(path)
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert page.count("<script") == page.count('<script src="/static/keys.js" defer></script>') == 1


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("0000000000000000007", 7), ("9223372036854775807", 2**63 - 1), ("9223372036854775808", None),
     ("00000000000000000007", None), ("-1", None), ("1.0", None), ("\u0663", None), ("", None)],
)  # fmt: skip
def test_a_number_has_63_bits(text, number):
    if number is None:
        with pytest.raises(BadArgumentError, match=r"^n is not a number that can be here$"):
            Arguments({"n": text}).number("n")
    else:
        assert Arguments({"n": f" {text} "}).number("n") == number


def test_a_text_has_at_most_a_thousand_characters():
    assert Arguments({"q": f" {'x' * 1000}\n"}).text("q") == "x" * 1000
    with pytest.raises(BadArgumentError, match=r"^q is too long$"):
        Arguments({"q": "x" * 1001}).text("q")
    assert Arguments({"q": "x" * 5}).text("q", 5) == "x" * 5
    with pytest.raises(BadArgumentError):
        Arguments({"q": "x" * 6}).text("q", 5)


def test_what_a_page_may_do_stands_in_these_headers():
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; frame-src "
    )
    others = {
        "referrer-policy": "same-origin", "x-content-type-options": "nosniff",
        "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }  # fmt: skip
    assert page_headers() == {"content-security-policy": f"{policy}'none'", **others}
    assert page_headers("http://[::1]:9") == {"content-security-policy": f"{policy}http://[::1]:9", **others}
    sandbox = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline' http://127.0.0.1:2/x/file/ http://localhost:2/x/file/; "
        "img-src data: http://127.0.0.1:2/x/file/ http://localhost:2/x/file/; form-action 'none'; base-uri 'none'; "
        "frame-ancestors http://127.0.0.1:1 http://localhost:1"
    )
    assert raw_headers(loopback_authorities(1), loopback_authorities(2), "x") == {
        "content-security-policy": sandbox, "referrer-policy": "no-referrer", "x-content-type-options": "nosniff",
        "x-dns-prefetch-control": "off", "cross-origin-resource-policy": "cross-origin", "cache-control": "no-store",
    }  # fmt: skip


def test_tokens_and_names():
    assert is_token("abc", "abc")
    assert not is_token(None, "abc")
    assert loopback_authorities(1, ["room.example"])[-1] == "room.example:1"
