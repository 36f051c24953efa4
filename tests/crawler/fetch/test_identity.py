"""Which headers and cookies count as given by a person.

Who the crawler says it is.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broadsheet.crawler.fetch.identity import Credentials, Identity, read_contact, read_user_agent
from broadsheet.crawler.fetch.request_headers import read_cookies
from broadsheet.crawler.options import OptionError
from broadsheet.crawler.settings import DEFAULT_REQUEST_HEADERS, USER_AGENT
from tests.crawler.scripted_site import ScriptedSite
from tests.crawler.warm import run


def test_the_project_s_own_headers_are_none() -> None:
    assert Credentials.from_options(DEFAULT_REQUEST_HEADERS, ()) == Credentials()


def test_headers_that_were_given_count_by_name_and_value() -> None:
    headers = DEFAULT_REQUEST_HEADERS | {"Accept": "text/plain", "X-Reader": "Bearer abcdefgh", "X-None": None}
    credentials = Credentials.from_options(headers, ())
    assert credentials.header_names == {"accept", "x-reader"}
    assert credentials.values == ("Bearer abcdefgh", "text/plain", "abcdefgh", "Bearer")
    assert "abcdefgh" not in repr(credentials)


def test_cookies_count_by_value_unless_they_are_short(tmp_path: Path) -> None:
    lines = [
        "# Netscape HTTP Cookie File",
        "a.test\tFALSE\t/\tFALSE\t0\tsid\t123456789",
        "a.test\tFALSE\t/\tFALSE\t0\tx\t1",
    ]
    (tmp_path / "cookies.txt").write_text("\n".join(lines) + "\n")
    assert Credentials.from_options({}, read_cookies(tmp_path / "cookies.txt")).values == ("123456789",)


PRODUCT = USER_AGENT.split(" (")[0]
PAGE = "https://a.example/about-our-crawls"
MAIL = "crawls@a.example"


def test_the_contact_is_in_the_user_agent() -> None:
    assert Identity.with_contact(USER_AGENT, PAGE) == Identity(f"{PRODUCT} (+{PAGE})")
    assert Identity.with_contact("Reader/1 (compatible)", PAGE).user_agent == f"Reader/1 (compatible) (+{PAGE})"
    assert Identity.with_contact(f"Reader/1 (+{PAGE})", PAGE).user_agent == f"Reader/1 (+{PAGE})"
    assert Identity.with_contact(USER_AGENT, "") == Identity(USER_AGENT)


def test_a_mail_address_is_the_sender_too() -> None:
    assert Identity.with_contact(USER_AGENT, MAIL).headers() == {"User-Agent": f"{PRODUCT} (+{MAIL})", "From": MAIL}
    assert Identity.with_contact(USER_AGENT, PAGE).headers() == {"User-Agent": f"{PRODUCT} (+{PAGE})"}
    assert "From" not in Identity.with_contact(USER_AGENT, "https://social.example/@us").headers()


@pytest.mark.parametrize(
    ("agent", "robot"), [(USER_AGENT, "broadsheet"), ("Reader/2", "reader"), ("My_Bot-x 1", "my_bot-x"), ("1", "")]
)
def test_directives_call_it_by_its_product(agent: str, robot: str) -> None:
    assert Identity.with_contact(agent, "").robot_name == robot


@pytest.mark.parametrize(
    ("contact", "read"),
    [
        (f" {PAGE} ", PAGE),
        (f"mailto:{MAIL}", MAIL),
        ("HTTPS://A.example", "https://a.example/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("", ""),
    ],
)
def test_contacts_as_they_are_sent(contact: str, read: str) -> None:
    assert read_contact(contact) == read


@pytest.mark.parametrize(
    "contact",
    [
        "a.example", "ftp://a.example/", "me at a.example", "me@", "@a.example", "a@b@c", f"{MAIL}\r\nX-Evil: 1",
        f"{PAGE}\nX: y", "(me)@a.example", "https://a.example/) (Googlebot", "é@a.example", "a@b." + "c" * 300,
        "x y@a.example",
    ],
)  # fmt: skip
def test_what_is_no_contact(contact: str) -> None:
    with pytest.raises(OptionError, match="a contact must be a URL or a mail address") as error:
        read_contact(contact)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("user_agent", ["", "  ", "a\r\nb: c", "a\nb", "x\x00", "Zeitungsträger/1"])
def test_what_is_no_user_agent(user_agent: str) -> None:
    with pytest.raises(OptionError, match="one line of printable ASCII") as error:
        read_user_agent(user_agent)
    assert "\n" not in str(error.value)


def crawled(tmp_path: Path, *options: str, **environment: str) -> list[str]:
    """What `broadsheet crawl` of a site without pages says on standard error."""
    inherited = {name: value for name, value in os.environ.items() if name != "BROADSHEET_CONTACT"}
    site = ScriptedSite()
    command = ["crawl", f"{site.url}/", "--allow-private", *options, "--db", str(tmp_path / "a.db")]
    _, _, errors = run("broadsheet.crawler.cli", command, inherited | environment)
    site.close()
    return errors.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "environment"),
    [([], {}), (["--contact", MAIL], {}), (["-q"], {}), ([], {"BROADSHEET_CONTACT": PAGE})],
    ids=["this machine", "contact", "quiet", "environment"],
)
def test_nobody_else_is_told(tmp_path: Path, options: list[str], environment: dict[str, str]) -> None:
    assert len(crawled(tmp_path, *options, **environment)) == 1


@pytest.mark.parametrize(
    ("options", "environment", "message"),
    [
        (["--contact", "me\r\nX-Evil: 1"], {}, "a contact must be a URL or a mail address"),
        ([], {"BROADSHEET_CONTACT": "nobody"}, "a contact must be a URL or a mail address"),
        (["--user-agent", "a\nb"], {}, "one line of printable ASCII"),
    ],
    ids=["contact", "environment", "agent"],
)
def test_nonsense_is_one_line(tmp_path: Path, options: list[str], environment: dict[str, str], message: str) -> None:
    (line,) = crawled(tmp_path, *options, **environment)
    assert line.startswith("broadsheet: ")
    assert message in line
    assert not (tmp_path / "a.db").exists()


def test_a_contact_has_two_hundred_characters_at_most() -> None:
    assert read_contact(f"https://a.example/{'x' * 182}").endswith("x")
    with pytest.raises(OptionError):
        read_contact(f"https://a.example/{'x' * 183}")


def test_a_secret_has_six_characters_at_least() -> None:
    assert Credentials.from_options({"X-Reader": "abcdef abcde"}, ()).values == ("abcdef abcde", "abcdef")
