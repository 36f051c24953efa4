"""Scrapy's settings as a crawl takes them: ours below a user's own, and what a user sets of Scrapy's in our terms.

In a project of a user's own, ours have the priority of an add-on, so that whatever the project, a spider or the command
line sets goes first. Settings of Scrapy's that the frontier has taken over keep their meaning where a user sets them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from scrapy.settings import BaseSettings

from broadsheet.crawler import settings as own_settings

_PRIORITY = "addon"
_OF_THE_PROJECT = frozenset(("BOT_NAME", "SPIDER_MODULES", "NEWSPIDER_MODULE", "LOG_LEVEL"))
"""What a project of a user's own decides for itself."""

_MARK = "BROADSHEET_SETTINGS"
_TAKEN_OVER: Mapping[str, str] = {
    "DOWNLOAD_DELAY": "BROADSHEET_DELAY",
    "CONCURRENT_REQUESTS_PER_DOMAIN": "BROADSHEET_PER_HOST",
    "RETRY_TIMES": "BROADSHEET_RETRY_TIMES",
}
"""Settings of Scrapy's, and ours that does the same."""

_logger = logging.getLogger(__name__)


def bring_settings(settings: BaseSettings) -> None:
    """Put our settings below those that a user has set."""
    for name, value in _own_values():
        settings.set(name, value, priority=_PRIORITY)


def translate_settings(settings: BaseSettings) -> None:
    """Give what a user set of Scrapy's to the parts of ours that have taken it over."""
    for name, own_name in _TAKEN_OVER.items():
        if _is_user_set(settings, name) and not _is_user_set(settings, own_name):
            settings.set(own_name, settings[name], priority=settings.getpriority(name) or 0)
        settings.set(name, getattr(own_settings, name, None), priority=_above_user(settings, name))
    if _is_user_set(settings, "RETRY_ENABLED") and not settings.getbool("RETRY_ENABLED"):
        settings.set("BROADSHEET_RETRY_TIMES", 0, priority="cmdline")
    if settings["JOBDIR"]:
        _logger.warning("JOBDIR is not needed and not used: the archive is the crawl's state, and goes on by itself")
        settings.set("JOBDIR", None, priority=_above_user(settings, "JOBDIR"))


def depth_limit(settings: BaseSettings) -> int | None:
    """How many links to follow from a seed, by DEPTH_LIMIT; None without a limit."""
    return settings.getint("DEPTH_LIMIT") or None


def _is_user_set(settings: BaseSettings, name: str) -> bool:
    """Whether a setting has a higher priority than ours."""
    return (settings.getpriority(name) or 0) > (settings.getpriority(_MARK) or 0)


def _above_user(settings: BaseSettings, name: str) -> int:
    """A priority above the user's own, whose value Scrapy sets a second time when it runs a crawl of a project."""
    return (settings.getpriority(name) or 0) + 1


def _own_values() -> Iterator[tuple[str, Any]]:
    """Our settings that are for any project."""
    names = (name for name in dir(own_settings) if name.isupper() and not name.startswith("_"))
    return ((name, getattr(own_settings, name)) for name in names if name not in _OF_THE_PROJECT)
