"""What counts as a credential, and what is left of a request and of a text without it."""

import pytest

from broadsheet.output.raw.redaction import is_credential_name, redact_request, without_userinfo

HEAD = b"GET /?token=1 HTTP/1.1\r\nHost: a.test\r\nUser-Agent: Mill/1 (key: none)\r\n"


def request(*lines: bytes, body: bytes = b"", end: bytes = b"\r\n") -> bytes:
    return (HEAD + b"".join(line + b"\r\n" for line in lines) + b"\r\n").replace(b"\r\n", end) + body


def test_a_request_without_them_is_as_it_was():
    plain = request(b"Accept: text/html", b'If-None-Match: "secret"')
    assert redact_request(plain).data == plain
    assert redact_request(plain).header_names == ()
    assert redact_request(b"").data == b""
    assert redact_request(b"GET / HTTP/1.1").data == b"GET / HTTP/1.1"


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_values_go_and_the_rest_stays_byte_for_byte(end):
    sent = request(b"AUTHORIZATION:Basic abc", b"cookie: \t a=1; b=2", b"X-Mine : x", b"Accept: */*", end=end)
    redacted = redact_request(sent, {"x-mine"})
    kept = request(
        b"AUTHORIZATION:[redacted]", b"cookie: \t [redacted]", b"X-Mine : [redacted]", b"Accept: */*", end=end
    )
    assert redacted.data == kept
    assert redacted.header_names == ("authorization", "cookie", "x-mine")


def test_folded_and_repeated_values_go_whole():
    sent = request(b"X-Token: one", b" two", b"\tthree", b"Accept: */*", b"x-token: four")
    assert redact_request(sent).data == request(b"X-Token: [redacted]", b"Accept: */*", b"x-token: [redacted]")


def test_a_body_is_not_looked_at_and_twice_is_as_once():
    sent = request(b"Cookie: a=1", body=b"\r\nCookie: in the body\r\n")
    redacted = redact_request(sent)
    assert redacted.data == request(b"Cookie: [redacted]", body=b"\r\nCookie: in the body\r\n")
    assert redact_request(redacted.data).data == redacted.data
    assert redact_request(redacted.data).header_names == ()


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "proxy-authorization", "cookie", "x-api-key", "x-apikey", "x_api_key", "x-auth", "x-site-auth",
        "x-access-token", "x-accesstoken", "x-client-secret", "x-csrf-token", "x-amz-security-token", "x-session-id",
        "ocp-apim-subscription-key", "x-password", "php-auth-user", "x-goog-signature", "cf-access-jwt-assertion",
    ],
)  # fmt: skip
def test_names_of_credentials(name):
    assert is_credential_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "host", "user-agent", "from", "accept", "accept-language", "accept-encoding", "connection", "if-none-match",
        "if-modified-since", "referer", "cache-control", "x-author", "x-authored-by", "range", "dnt", "x-forwarded-for",
        "x-keyboard", "x-compass", "x-side",
    ],
)  # fmt: skip
def test_names_of_others(name):
    assert not is_credential_name(name)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("https://me:pw@a.test/x", "https://a.test/x"),
        ("refused: http://me@a.test:80/ and http://you:pw@b.test", "refused: http://a.test:80/ and http://b.test"),
        ("https://me:p/w@a.test/x", "https://a.test/x"),
        ("https://me:p@w@a.test/x", "https://a.test/x"),
        ("https://me:1234@a.test/@me", "https://a.test/@me"),
        ("https://me:p?w#@a.test", "https://a.test"),
        ("http://[::1]:8080/@me", "http://[::1]:8080/@me"),
        ("https://a.test/@me/1 https://a.test:8080/@me", "https://a.test/@me/1 https://a.test:8080/@me"),
        ("socks5://me:pw@10.0.0.1:1080", "socks5://10.0.0.1:1080"),
        ("//me:pw@a.test/", "//a.test/"),
        ("mail me@a.test", "mail me@a.test"),
        (f"https://me:p/{'w' * 298}@a.test/", "https://a.test/"),
        (f"https://me:p/{'w' * 299}@a.test/", f"https://me:p/{'w' * 299}@a.test/"),
        (r"^https://a\.test/(\d+)@\w", r"^https://a\.test/(\d+)@\w"),
    ],
)
def test_user_names_in_urls(text, without):
    assert without_userinfo(text) == without
