"""A process that fetches URLs with the project's own settings and says what came of each: no queue, no archive.

Options are one JSON argument: `urls`, `settings`, and `names`, a map from host to the addresses that it resolves to
(none: there is no such host).
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tests.crawler.warm import run


def fetch(
    urls: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, list[Any]]:
    """By URL: ["ok", status, body's length, its beginning] or [reason, the guard's verdict or an error's name]."""
    options = {"urls": list(urls), "settings": dict(settings or {}), "names": dict(names or {})}
    code, out, errors = run("tests.crawler.probe", [json.dumps(options)], {**os.environ, **(environment or {})})
    assert code == 0, errors
    return {outcome[0]: outcome[1:] for outcome in map(json.loads, out.splitlines())}


def resolve_as(names: Mapping[str, Sequence[str]]) -> None:
    """Answer for some names in place of the name server; to be called before Scrapy puts its resolver before this."""
    from twisted.internet import reactor
    from twisted.internet._resolver import GAIResolver

    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host in names and not names[host]:
            raise socket.gaierror("no such name")
        return [answer for each in names.get(host, [host]) for answer in real(each, *args, **kwargs)]

    socket.getaddrinfo = getaddrinfo
    reactor.installNameResolver(GAIResolver(reactor, reactor.getThreadPool, getaddrinfo))  # type: ignore[attr-defined]


def main(options: Mapping[str, Any]) -> None:
    import scrapy
    from scrapy.crawler import CrawlerProcess
    from scrapy.settings import Settings

    from broadsheet.crawler.fetch.exchange_recorder import ExchangeRecorder
    from broadsheet.crawler.fetch.faults import fault_of

    class Probe(scrapy.Spider):
        name = "probe"

        async def start(self) -> Any:
            for url in options["urls"]:
                meta = {"exchange": ExchangeRecorder(keeps_bytes=False)}
                yield scrapy.Request(
                    url, self.fetched, errback=self.failed, dont_filter=True, cb_kwargs={"asked": url}, meta=meta
                )

        def fetched(self, response: Any, asked: str) -> None:
            print(json.dumps([asked, "ok", response.status, len(response.body), response.body[:80].decode("latin-1")]))

        def failed(self, failure: Any) -> None:
            error = failure.value
            why = getattr(error, "reason", type(error).__name__)
            print(json.dumps([failure.request.cb_kwargs["asked"], fault_of(error).reason, why]))

    settings = Settings()
    settings.setmodule("broadsheet.crawler.settings", priority="project")
    settings.update({"ITEM_PIPELINES": {}, "EXTENSIONS": {}, "LOG_LEVEL": "CRITICAL", **options["settings"]}, "cmdline")
    process = CrawlerProcess(settings)
    process.crawl(Probe)
    resolve_as(options["names"])
    process.start()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
