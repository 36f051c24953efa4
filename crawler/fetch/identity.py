"""Identity of a crawl: User-Agent with a contact, From header, and a user's own headers and cookies. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import Cookie

from broadsheet.cleaners.page.canonical_urls import canonicalise

from ..options import OptionError
from ..settings import DEFAULT_REQUEST_HEADERS, USER_AGENT

_MAIL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*", re.IGNORECASE)
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_PRODUCT_TOKEN = re.compile(r"[A-Za-z_-]+")  # RFC 9309, section 2.2.1
_MAX_CONTACT_CHARS = 200  # characters of a contact
_COMMENT_BREAKERS = frozenset('()\\<>"')


@dataclass(frozen=True, slots=True)
class Identity:
    """The User-Agent header, `user_agent`, and the mail address for the From header, `sender`, or an empty string."""

    user_agent: str
    sender: str = ""

    @classmethod
    def with_contact(cls, user_agent: str, contact: str) -> Identity:
        """Append the contact to the user agent, unless that contains it.

        In our default user agent it replaces the comment in brackets. OptionError if one of the two cannot be sent.
        """
        contact, agent = read_contact(contact), read_user_agent(user_agent)
        if contact and contact not in agent:
            agent = f"{agent.partition(' (')[0] if agent == USER_AGENT else agent} (+{contact})"
        return cls(agent, contact if "@" in contact and "://" not in contact else "")

    @property
    def robot_name(self) -> str:
        """Return the product token in lower case: the crawler's name in robots metas and X-Robots-Tag."""
        token_match = _PRODUCT_TOKEN.match(self.user_agent)
        return token_match[0].lower() if token_match else ""

    def headers(self) -> dict[str, str]:
        """Return the request headers User-Agent and, if there is a sender, From."""
        return {"User-Agent": self.user_agent} | ({"From": self.sender} if self.sender else {})


def read_contact(value: str) -> str:
    """Read a contact: an http(s) URL, a mail address, or empty. OptionError for other text."""
    contact = value.strip().removeprefix("mailto:")
    if not contact:
        return ""
    url = canonicalise(contact) if contact.lower().startswith(("http://", "https://")) else None
    valid_contact = url or (contact if _MAIL.fullmatch(contact) else "")
    is_printable = _PRINTABLE.fullmatch(contact) or url is not None
    if (
        not is_printable
        or not valid_contact
        or len(valid_contact) > _MAX_CONTACT_CHARS
        or _COMMENT_BREAKERS & set(valid_contact)
        or " " in contact
    ):
        raise OptionError(f"a contact must be a URL or a mail address, not {value!r}")
    return valid_contact


def read_user_agent(value: str) -> str:
    """Read a User-Agent: one line of printable ASCII. OptionError for other text."""
    if not _PRINTABLE.fullmatch(value) or not value.strip():
        raise OptionError(f"a User-Agent must be one line of printable ASCII, not {value!r}")
    return value.strip()


_MIN_SECRET_CHARS = 6  # shorter values, such as 1 or en, are not secrets and occur in any log line


@dataclass(frozen=True, slots=True)
class Credentials:
    """Names of request headers, in lower case, whose values must not be stored, and values that must not be logged."""

    header_names: frozenset[str] = frozenset()
    values: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def from_options(cls, headers: Mapping[str, object], cookies: Iterable[Cookie]) -> Credentials:
        """Collect the headers of DEFAULT_REQUEST_HEADERS that are not the project's, and the values of the cookies."""
        given_headers = {
            name.lower(): str(value)
            for name, value in headers.items()
            if value is not None and DEFAULT_REQUEST_HEADERS.get(name) != value
        }
        values = [value for text in given_headers.values() for value in (text, *text.split())]
        values += [cookie.value or "" for cookie in cookies]
        long_values = {value for value in values if len(value) >= _MIN_SECRET_CHARS}
        return cls(frozenset(given_headers), tuple(sorted(long_values, key=len, reverse=True)))
