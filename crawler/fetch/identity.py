"""Who the crawler says it is: the User-Agent header, whom to ask about it, and a From header. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cleaners.urls.canonical import canonicalise
from crawler.options import OptionError
from crawler.settings import USER_AGENT

_MAIL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9-]+)*", re.IGNORECASE)
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_NAME = re.compile(r"[A-Za-z_-]+")  # a product token by RFC 9309, section 2.2.1
_MOST = 200  # characters of a contact
_BREAKS_COMMENT = frozenset('()\\<>"')


@dataclass(frozen=True, slots=True)
class Identity:
    """The User-Agent, and the mail address for From or an empty string."""

    user_agent: str
    sender: str = ""

    @classmethod
    def of(cls, user_agent: str, contact: str) -> Identity:
        """The identity with the contact after the user agent, unless it is in it. OptionError if one cannot be sent.

        In our own user agent it takes the place of the words that stand there without one.
        """
        contact, agent = read_contact(contact), read_user_agent(user_agent)
        if contact and contact not in agent:
            agent = f"{agent.partition(' (')[0] if agent == USER_AGENT else agent} (+{contact})"
        return cls(agent, contact if "@" in contact and "://" not in contact else "")

    @property
    def robot(self) -> str:
        """The name by which robots metas and X-Robots-Tag call it, lower case."""
        name = _NAME.match(self.user_agent)
        return name[0].lower() if name else ""

    def headers(self) -> dict[str, str]:
        """The request headers that say it."""
        return {"User-Agent": self.user_agent} | ({"From": self.sender} if self.sender else {})


def read_contact(value: str) -> str:
    """A contact as it is sent: an http or https URL, or a mail address. OptionError, in one line, for anything else."""
    contact = value.strip().removeprefix("mailto:")
    if not contact:
        return ""
    url = canonicalise(contact) if contact.lower().startswith(("http://", "https://")) else None
    found = url or (contact if _MAIL.fullmatch(contact) else "")
    whole = _PRINTABLE.fullmatch(contact) or url is not None
    if not whole or not found or len(found) > _MOST or _BREAKS_COMMENT & set(found) or " " in contact:
        raise OptionError(f"a contact must be a URL or a mail address, not {value!r}")
    return found


def read_user_agent(value: str) -> str:
    """A User-Agent header that can be sent: one line of printable ASCII. OptionError for anything else."""
    if not _PRINTABLE.fullmatch(value) or not value.strip():
        raise OptionError(f"a User-Agent must be one line of printable ASCII, not {value!r}")
    return value.strip()
