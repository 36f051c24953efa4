"""Sending the message of a run to its receivers, by Apprise. A message that cannot be sent never costs the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from broadsheet.crawler.notify.receivers import Receiver
from broadsheet.crawler.notify.run_news import NewsItem, NoticeText, compose_notice

_LOGGERS = ("apprise", "requests", "urllib3", "requests_oauthlib", "oauthlib")
"""What would log addresses, tokens and answers of receivers."""

Send = Callable[[Receiver, NoticeText], bool]


def send_notices(name: str, news: Iterable[NewsItem], receivers: Sequence[Receiver], send: Send) -> list[str]:
    """Send each receiver its message, one at most; returns a line for each that could not be reached."""
    items = list(news)
    problems = []
    for receiver in receivers:
        notice = compose_notice(name, items, receiver)
        if notice and not send(receiver, notice):
            problems.append(f"the message to {receiver.label} could not be sent")
    return problems


def send_by_apprise(receiver: Receiver, notice: NoticeText) -> bool:
    """Send a message; False if it could not be, for whatever reason. Nothing is logged: an address is a secret."""
    import apprise

    _silence_loggers()
    messenger = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True, storage_mode="memory"))
    try:
        has_address = messenger.add(receiver.url)
        return bool(has_address and messenger.notify(notice.body, notice.title, body_format=apprise.NotifyFormat.TEXT))
    except Exception:  # noqa: BLE001 - over a hundred services; what they raise would quote addresses
        return False


def is_known_address(receiver: Receiver) -> bool:
    """Whether Apprise knows what the address of a receiver means; nothing is sent."""
    import apprise

    _silence_loggers()
    return bool(apprise.Apprise().add(receiver.url))


def _silence_loggers() -> None:
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
