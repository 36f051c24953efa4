"""Checks of a command line before anything heavy is imported or any file is made. Light: no Scrapy, no database."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click

from broadsheet.cleaners.document import ExtractorUse
from broadsheet.cleaners.page.canonical_urls import canonicalise
from broadsheet.output.archive.archive_errors import NotReachable
from broadsheet.output.raw.redaction import is_credential_name, without_userinfo

from ..cli.command_line import CommandError
from ..discovery.scope import Scope
from ..fetch.addresses import PRIVATE_VERDICTS, check_url, port_of
from ..fetch.request_headers import read_cookies
from ..options import DISCOVERY_SOURCES, CrawlOptions, OptionError, read_extractor_use

_ARGUMENT_OPTIONS = (
    "urls_file", "include", "exclude", "max_pages", "max_depth", "max_time", "max_size", "since", "obey_directives",
    "site_rules", "keep_credentials", "ignore_robots",
    "revisit", "every", "keep", "only_missing", "only_pages", "browser", "watch",
)  # fmt: skip


def check_crawl(options: Mapping[str, Any]) -> None:
    """Check that a crawl can start.

    CommandError for its options, ArchiveError for a folder that is not there, ClickException (exit code 1) if no start
    URL of a new archive has a known host.
    """
    archive = Path(options["db"])
    is_new = not archive.is_file() or archive.stat().st_size == 0
    if not options["urls"] and not options["urls_file"]:
        if is_new:
            raise CommandError("say where to start: broadsheet crawl https://…")
        return
    seeds = check_options(options)
    if archive.is_dir():
        raise NotReachable(f"{archive.absolute()} is a folder, not an archive file")
    if not archive.parent.is_dir():
        raise NotReachable(f"the folder {archive.absolute().parent} does not exist")
    if is_new:
        hosts = dict.fromkeys(urlsplit(seed).hostname or "" for seed in seeds)
        if not any(_is_known_host(host) for host in hosts):
            raise click.ClickException(f"no such host, or no network: {', '.join(hosts)}; no archive was made")


def check_options(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Check a crawl's options, and return its start URLs in canonical form. CommandError for unusable options."""
    try:
        seeds = check_arguments(spider_arguments(options), options["allow_private"])
        read_cookies(options["cookies"] or "")
    except OptionError as error:
        raise CommandError(str(error)) from error
    return seeds


def check_arguments(arguments: Mapping[str, Any], allow_private: bool) -> tuple[str, ...]:
    """Check a spider's arguments, and return its start URLs in canonical form. OptionError for unusable ones."""
    crawl_options = CrawlOptions.from_arguments(arguments)
    seeds = checked_seeds(crawl_options.seeds, allow_private)
    Scope.from_seeds(seeds, crawl_options.include, crawl_options.exclude)
    return seeds


def check_files(names: Iterable[str], *, folder_hint: str = "") -> None:
    """Raise CommandError for a missing or unreadable file; with a `folder_hint`, also for a folder."""
    for name in names:
        path = Path(name)
        if path.is_dir():
            if folder_hint:
                raise CommandError(f"{name} is a folder: {folder_hint}")
            continue
        try:
            # Opening a named pipe would block until its other end is opened.
            os.close(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)))
        except OSError as error:
            raise CommandError(f"cannot read {name}: {error.strerror}") from error


def checked_seeds(urls: tuple[str, ...], allow_private: bool) -> tuple[str, ...]:
    """Return the start URLs in canonical form, each once. OptionError for one that is not http(s), or a refused
    address.
    """
    seeds = []
    for url in urls:
        seed = canonicalise(url)
        if seed is None:
            raise OptionError(_unusable_seed(url))
        if reason := check_url(seed, allow_private, (port_of(seed),)):
            hint = " (--allow-private opens it)" if reason in PRIVATE_VERDICTS else ""
            raise OptionError(f"refused: {url} is a {reason.replace('_', ' ')} address{hint}")
        seeds.append(seed)
    return tuple(dict.fromkeys(seeds))


def _unusable_seed(url: str) -> str:
    """Say why a start URL cannot be used, without the password that may be in it."""
    with_slashes = url if "//" in url else f"//{url}"
    bare_url = without_userinfo(with_slashes)
    if bare_url == with_slashes or url.lower().startswith("mailto:"):
        return f"not an http or https URL: {url}"
    return f"{bare_url.removeprefix('//')} was given with a user name, which no URL sends: use --header or --cookies"


def stored_credentials(seeds: Iterable[str]) -> list[str]:
    """Return the names of the arguments in start URLs that look like credentials: URLs are stored as they are.

    >>> stored_credentials(["https://a.example/feed?page=2&access_token=u7Yt"])
    ['access_token']
    """
    pairs = (pair for seed in seeds for pair in parse_qsl(urlsplit(seed).query))
    return list(dict.fromkeys(name for name, _ in pairs if is_credential_name(name.lower())))


def spider_arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spider's arguments, by the names of `broadsheet.crawler.options.CrawlOptions`."""
    arguments = {name: options[name] for name in _ARGUMENT_OPTIONS if options.get(name) not in (None, ())}
    disabled = {name: False for name in DISCOVERY_SOURCES if options[f"no_{name}"]}
    disabled |= {"warc": False} if options["no_warc"] else {}
    disabled |= {"sampling": False} if options.get("no_sampling") else {}
    identity = {"contact": options["contact"] or "", "user_agent": options["user_agent"] or ""}
    return arguments | disabled | identity | {"seeds": options["urls"], "languages": options["language"]}


def _is_known_host(host: str) -> bool:
    try:
        return bool(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        return isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN


_EXTRACTOR_VARIABLE = "BROADSHEET_EXTRACTOR"  # read here: Scrapy's settings cost half a second to import


def extractor_setting() -> ExtractorUse:
    """Read the setting from the environment. CommandError for an unknown word."""
    try:
        return read_extractor_use(os.environ.get(_EXTRACTOR_VARIABLE, ExtractorUse.IN_DOUBT), _EXTRACTOR_VARIABLE)
    except OptionError as error:
        raise CommandError(str(error)) from error
