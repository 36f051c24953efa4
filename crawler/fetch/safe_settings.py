"""Checks that Scrapy's settings keep the guard, limits and decompressor of a crawl; a problem is one line.

A user's middlewares, extensions and pipelines are added to ours, which are in the `*_BASE` settings. A setting that
removes one of ours, or adds a Scrapy component that bypasses it, is treated as a mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from inspect import isasyncgenfunction
from math import inf
from typing import Any

from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from scrapy.utils.conf import build_component_list
from scrapy.utils.misc import load_object

from .compression import Decompression
from .guard import PORTS_SETTING, GuardedDownloadHandler, GuardedResolver

_SCRAPY_DOWNLOADER = "scrapy.core.downloader.Downloader"
_REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"
_DECOMPRESSION = "broadsheet.crawler.fetch.compression.Decompression"
_MIDDLEWARE = "scrapy.downloadermiddlewares."
_EXTENSION = "scrapy.extensions."
_CACHED = "an answer from a cache would be stored as one that the site gave now"
_REFUSED_COMPONENTS: Mapping[str, str] = {
    f"{_MIDDLEWARE}httpcompression.HttpCompressionMiddleware": "it unpacks without a limit on the ratio",
    f"{_MIDDLEWARE}redirect.BaseRedirectMiddleware": "the archive would not know of redirects",
    f"{_MIDDLEWARE}retry.RetryMiddleware": "it asks again without regard to a host's pace",
    f"{_MIDDLEWARE}robotstxt.RobotsTxtMiddleware": "the frontier reads robots.txt",
    f"{_MIDDLEWARE}httpcache.HttpCacheMiddleware": _CACHED,
    f"{_MIDDLEWARE}httpproxy.HttpProxyMiddleware": "behind a proxy no address could be judged",
    f"{_MIDDLEWARE}httpauth.HttpAuthMiddleware": "no user name is ever sent",
    f"{_EXTENSION}telnet.TelnetConsole": "it runs Python for whoever connects",
    f"{_EXTENSION}remote_control.RemoteControl": "it runs Python for whoever connects",
}
"""Scrapy components that would bypass ours or open a door, with the reason; subclasses are refused too. By name, since
importing them takes time.
"""

_SYNCHRONOUS = (
    "its process_spider_output is not asynchronous, and Scrapy from 2.19 on takes no other; make it an `async def` "
    "with yield, or add process_spider_output_async"
)
_LIMIT_SETTINGS: Mapping[str, str] = {
    "DOWNLOAD_MAXSIZE": "an answer could be of any size",
    "DOWNLOAD_TIMEOUT": "an answer could take any time",
    "SCRAPER_SLOT_MAX_ACTIVE_SIZE": "answers that wait could take any memory",
    "BROADSHEET_PAGE_SECONDS": "a page could take a worker any time",
}
"""Settings that bound what an answer may cost, and what would be without."""


class _SettingsError(Exception):
    """An unusable setting; the text says which and why, in one line."""


def settings_problem(settings: BaseSettings) -> str:
    """Return the reason, in one line, why a crawl with these settings would not be safe; empty if it would be."""
    try:
        for check in _CHECKS:
            check(settings)
    except _SettingsError as error:
        return str(error)
    return ""


def running_problem(crawler: Crawler) -> str:
    """Return the reason, in one line, why a crawl whose components are running is not safe; empty if it is.

    Add-ons may change settings after a spider has read them, and a component may decline to start.
    """
    if problem := settings_problem(crawler.settings):
        return problem
    has_decompression = crawler.get_downloader_middleware(Decompression) is not None
    return "" if has_decompression else f"{_DECOMPRESSION} does not run: answers would not be unpacked within limits"


def _check_resolver(settings: BaseSettings) -> None:
    if not _is_subclass(settings["TWISTED_DNS_RESOLVER"], GuardedResolver):
        raise _SettingsError(
            "TWISTED_DNS_RESOLVER must be broadsheet.crawler.fetch.guard.GuardedResolver: no address would be judged"
        )
    if settings["TWISTED_REACTOR"] != _REACTOR:
        raise _SettingsError(f"TWISTED_REACTOR must be {_REACTOR}: the spider runs on asyncio")
    if not settings.getbool("TWISTED_REACTOR_ENABLED", True):
        raise _SettingsError("TWISTED_REACTOR_ENABLED must be on: addresses are judged by the reactor's resolver")

    if settings.getpriority("DNS_RESOLVER") and not _is_subclass(settings["DNS_RESOLVER"], GuardedResolver):
        raise _SettingsError("DNS_RESOLVER must not be set: no address would be judged")


def _check_cache(settings: BaseSettings) -> None:
    if settings.getbool("HTTPCACHE_ENABLED"):
        raise _SettingsError(f"HTTPCACHE_ENABLED must be off: {_CACHED}; the archive keeps every answer for reclean")


def _check_downloader(settings: BaseSettings) -> None:
    if settings["DOWNLOADER"] != _SCRAPY_DOWNLOADER:
        raise _SettingsError("DOWNLOADER must be Scrapy's own: another one may bypass the guard")
    handlers = {scheme: path for scheme, path in settings.getwithbase("DOWNLOAD_HANDLERS").items() if path}
    if set(handlers) != {"http", "https"} or not all(
        _is_subclass(path, GuardedDownloadHandler) for path in handlers.values()
    ):
        raise _SettingsError(
            "DOWNLOAD_HANDLERS must be broadsheet.crawler.fetch.guard.GuardedDownloadHandler for http and https, "
            "else None"
        )


def _check_components(settings: BaseSettings) -> None:
    for name in ("DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "EXTENSIONS"):
        components = dict(_components(settings, name))
        for path, component in components.items():
            if reason := _component_refusal(component):
                raise _SettingsError(f"{name} must not have {path}: {reason}")
            if name == "SPIDER_MIDDLEWARES" and _is_synchronous(component):
                raise _SettingsError(f"{name} cannot have {path}: {_SYNCHRONOUS}")
        if name == "DOWNLOADER_MIDDLEWARES" and not any(_is_subclass(c, Decompression) for c in components.values()):
            raise _SettingsError(f"{name} must have {_DECOMPRESSION}: answers would not be unpacked within limits")


def _check_limits(settings: BaseSettings) -> None:
    for name, consequence in _LIMIT_SETTINGS.items():
        try:
            is_limit = 0 < settings.getfloat(name) < inf
        except (TypeError, ValueError):
            is_limit = False
        if not is_limit:
            raise _SettingsError(f"{name} must be a number above 0, not {settings[name]}: {consequence}")
    if not settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS"):
        raise _SettingsError("DOWNLOAD_FAIL_ON_DATALOSS must be on: half a page would pass for one")


def _check_ports(settings: BaseSettings) -> None:
    if not all(
        str(port).isdecimal() and len(str(port)) <= 5 and 0 < int(port) < 65536
        for port in settings.getlist(PORTS_SETTING)
    ):
        raise _SettingsError(f"{PORTS_SETTING} must be port numbers, not {settings[PORTS_SETTING]}")


_CHECKS: tuple[Callable[[BaseSettings], None], ...] = (
    _check_resolver,
    _check_cache,
    _check_downloader,
    _check_components,
    _check_limits,
    _check_ports,
)


def _components(settings: BaseSettings, name: str) -> Iterator[tuple[str, Any]]:
    """Load the components that a setting turns on, by their paths. _SettingsError if one names nothing."""
    try:
        for path in build_component_list(settings.get_component_priority_dict_with_base(name)):
            yield str(path), load_object(path)
    except (ImportError, NameError, TypeError, ValueError) as error:
        raise _SettingsError(f"{name} cannot be used: {' '.join(str(error).split())}") from error


def _component_refusal(component: Any) -> str:
    """Return the reason why a component may not run, by the classes that it is derived from; empty if it may."""
    class_names = (f"{base.__module__}.{base.__qualname__}" for base in getattr(component, "__mro__", ()))
    return next((reason for name in class_names if (reason := _REFUSED_COMPONENTS.get(name))), "")


def _is_synchronous(middleware: Any) -> bool:
    """Tell whether a spider middleware supports only synchronous spiders' output, for which Scrapy raises an error."""
    method = getattr(middleware, "process_spider_output", None)
    is_modern = isasyncgenfunction(method) or hasattr(middleware, "process_spider_output_async")
    return method is not None and not is_modern


def _is_subclass(path: Any, base_class: type) -> bool:
    """Tell whether a setting names a class, by its path or itself, that is `base_class` or derived from it."""
    try:
        loaded_object = load_object(path)
    except (ImportError, NameError, TypeError, ValueError):
        return False
    return isinstance(loaded_object, type) and issubclass(loaded_object, base_class)
