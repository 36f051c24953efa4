"""Credentials: what counts as one, what is left without them, and those in WARC files of before."""

import gzip
import json
import zipfile

import pytest

from broadsheet.output.raw.raw_exchange import warc_digest
from broadsheet.output.raw.redaction import is_credential_name, redact_request, without_userinfo
from broadsheet.output.raw.stored_credentials import count_stored_credentials, credentials_warning, redacted_span
from broadsheet.output.raw.warc_reader import iter_records
from broadsheet.output.raw.warc_writer import RecordMaker
from broadsheet.output.read.wacz import export_wacz
from tests.internal_tables import WARC_FILES
from tests.output.wires import archive_with_warcs, fetched, make_exchange, warcs

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


SENT = b"GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer s3cret-0f-old\r\nX-Mine: kept\r\n\r\n"
WITHOUT = b"GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: [redacted]\r\nX-Mine: kept\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"


@pytest.fixture
def old_file(file):
    """An archive of several files whose requests hold a credential, but for one."""
    with archive_with_warcs(file, 6_000) as archive:
        for number in range(9):
            secret = {"request": SENT, "interim_responses": EARLY} if number != 4 else {}
            archive.save([fetched(f"http://a.test/{number}", number, b"page %d " % (number // 2) * 400, **secret)])
    return file


def test_they_are_counted_and_told_in_a_line(old_file):
    with archive_with_warcs(old_file) as archive:
        assert count_stored_credentials(archive.db, old_file) == {"authorization": 8}
        warning = credentials_warning(archive.db, old_file)
    assert "(authorization in 8)" in warning
    assert "\n" not in warning
    assert "s3cret" not in warning


def test_an_archive_without_any_says_nothing(file):
    with archive_with_warcs(file) as archive:
        assert credentials_warning(archive.db, file) == ""
        archive.save([fetched("http://a.test/")])
        assert credentials_warning(archive.db, file) == ""


def test_files_that_are_damaged_or_gone_cost_only_themselves(old_file):
    first, second, *_ = warcs(old_file)
    first.unlink()
    data = bytearray(second.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    second.write_bytes(data)
    with archive_with_warcs(old_file) as archive:
        assert 0 < count_stored_credentials(archive.db, old_file)["authorization"] < 8
        archive.db.execute("UPDATE captures SET warc_offset = 'nonsense'")
        assert "authorization" in credentials_warning(archive.db, old_file)
        archive.db.execute(f"UPDATE {WARC_FILES} SET name = '../../etc/' || name")
        assert credentials_warning(archive.db, old_file) == ""


def test_a_redacted_record_keeps_all_else():
    maker = RecordMaker()
    exchange = make_exchange(request=SENT, interim_responses=EARLY)
    data = maker.exchange_records("http://a.test/", "2026-01-01T00:00:00Z", exchange, "sha1:x").companions
    redacted = redacted_span(data)
    (_, before), (offset, _) = iter_records(data, "before")
    (_, after), (new_offset, _) = iter_records(redacted, "after")
    assert (after.block, after.fields.pop("broadsheet-redacted")) == (WITHOUT, "authorization")
    assert after.fields.pop("warc-block-digest") == warc_digest(WITHOUT)
    assert after.fields.pop("content-length") == str(len(WITHOUT))
    before.fields.pop("warc-block-digest")
    before.fields.pop("content-length")
    assert after.fields == before.fields
    assert redacted[new_offset:] == data[offset:]
    assert redacted_span(redacted) == redacted


def test_what_is_no_record_is_left_out():
    exchange = make_exchange(request=SENT)
    data = RecordMaker().exchange_records("http://a.test/", "2026-01-01T00:00:00Z", exchange, "sha1:x").companions
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 0xFF
    assert redacted_span(data) != b""
    for remains in (data[:-30], bytes(damaged), b"s3cret-0f-old", b""):
        assert redacted_span(remains) == b""
        assert redacted_span(data + remains) == redacted_span(data)


def test_a_wacz_is_without_them_and_its_index_leads_to_its_records(old_file, tmp_path):
    from tests.output.read.test_wacz import assert_index, members

    target, with_all = tmp_path / "out.wacz", tmp_path / "all.wacz"
    with archive_with_warcs(old_file) as archive:
        assert export_wacz(archive.db, target).captures == 9
        assert export_wacz(archive.db, with_all, keeps_credentials=True).captures == 9
    contents = members(target)
    assert_index(contents)
    assert_index(members(with_all))
    packed = {name: data for name, data in contents.items() if name.startswith("archive/")}
    assert len(packed) > 1
    requests = []
    for name, data in packed.items():
        unpacked = gzip.decompress(data)
        assert b"s3cret-0f-old" not in unpacked
        requests += [record for _, record in iter_records(data, name) if record.kind == "request"]
        assert len(data) > 1000
    assert sum(record.block == WITHOUT for record in requests) == 8
    kept = members(with_all)
    assert {name: data for name, data in kept.items() if name.startswith("archive/")} == {
        f"archive/{path.name}": path.read_bytes() for path in warcs(old_file)
    }
    package = json.loads(contents["datapackage.json"])
    assert {resource["path"] for resource in package["resources"]} >= set(packed)
    assert zipfile.ZipFile(target).testzip() is None
