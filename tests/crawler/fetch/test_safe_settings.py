"""Which settings leave a crawl without its guard, its bounds or its decompressor."""

import pytest

from broadsheet.crawler.commands.spider_run import project_settings
from broadsheet.crawler.fetch.safe_settings import settings_problem

UNSAFE = {
    "TWISTED_DNS_RESOLVER=scrapy.resolver.CachingHostnameResolver": "TWISTED_DNS_RESOLVER",
    "TWISTED_DNS_RESOLVER=no.such.thing": "TWISTED_DNS_RESOLVER",
    'DOWNLOAD_HANDLERS={"http": "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"}': "DOWNLOAD_HANDLERS",
    'DOWNLOAD_HANDLERS={"file": "scrapy.core.downloader.handlers.file.FileDownloadHandler"}': "DOWNLOAD_HANDLERS",
    'DOWNLOAD_HANDLERS={"https": "scrapy.core.downloader.handlers.http2.H2DownloadHandler"}': "DOWNLOAD_HANDLERS",
    # One of the two that are wrong is enough, whichever it is and however right the other one.
    'DOWNLOAD_HANDLERS={"https": "scrapy.core.downloader.handlers.http11.HTTP11DownloadHandler"}': "DOWNLOAD_HANDLERS",
    'DOWNLOAD_HANDLERS={"http": null}': "DOWNLOAD_HANDLERS",
    'DOWNLOAD_HANDLERS={"ftp": "broadsheet.crawler.fetch.guard.GuardedDownloadHandler"}': "DOWNLOAD_HANDLERS",
    'DOWNLOAD_HANDLERS={"http": "broadsheet.crawler.fetch.guard.GuardedResolver"}': "DOWNLOAD_HANDLERS",
    "TWISTED_DNS_RESOLVER=broadsheet.crawler.fetch.guard.GuardedDownloadHandler": "TWISTED_DNS_RESOLVER",
    **{
        f"BROADSHEET_PORTS={value}": "BROADSHEET_PORTS"
        for value in ("0", "65536", "000080", "²", "-1", "99999,80", "80,http", "99999")
    },
    **{f"DOWNLOAD_TIMEOUT={value}": "DOWNLOAD_TIMEOUT" for value in ("0", "inf", "soon")},
    **{f"BROADSHEET_PAGE_SECONDS={value}": "BROADSHEET_PAGE_SECONDS" for value in ("0", "nan")},
    **{f"SCRAPER_SLOT_MAX_ACTIVE_SIZE={value}": "SCRAPER_SLOT_MAX_ACTIVE_SIZE" for value in ("0", "-1")},
    "TWISTED_REACTOR_ENABLED=False": "TWISTED_REACTOR_ENABLED",
    "DOWNLOADER=scrapy.core.downloader.Other": "DOWNLOADER",
    'DOWNLOAD_HANDLERS={"https": null}': "DOWNLOAD_HANDLERS",
    "DOWNLOAD_HANDLERS_BASE={}": "DOWNLOAD_HANDLERS",
    'DOWNLOADER_MIDDLEWARES={"broadsheet.crawler.fetch.compression.Decompression": null}': (
        "DOWNLOADER_MIDDLEWARES must have"
    ),
    "DOWNLOADER_MIDDLEWARES_BASE={}": "DOWNLOADER_MIDDLEWARES must have",
    'DOWNLOADER_MIDDLEWARES={"scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 600}': (
        "DOWNLOADER_MIDDLEWARES must not have scrapy.downloadermiddlewares.httpcompression"
    ),
    'DOWNLOADER_MIDDLEWARES={"scrapy.downloadermiddlewares.redirect.RedirectMiddleware": 1}': (
        "DOWNLOADER_MIDDLEWARES must not have"
    ),
    'DOWNLOADER_MIDDLEWARES={"tests.crawler.user_components.UserRetry": 1}': "DOWNLOADER_MIDDLEWARES must not have",
    'DOWNLOADER_MIDDLEWARES={"no.such.Middleware": 1}': "DOWNLOADER_MIDDLEWARES cannot be used: No module named",
    'DOWNLOADER_MIDDLEWARES={"tests.crawler.user_components.UserSpiderMiddleware": "x"}': (
        "DOWNLOADER_MIDDLEWARES cannot be used: Invalid value x"
    ),
    'SPIDER_MIDDLEWARES={"no.such.Middleware": 1}': "SPIDER_MIDDLEWARES cannot be used",
    'EXTENSIONS={"scrapy.extensions.telnet.TelnetConsole": 1}': "EXTENSIONS must not have",
    "DOWNLOAD_MAXSIZE=0": "DOWNLOAD_MAXSIZE must be a number above 0, not 0",
    "DOWNLOAD_MAXSIZE=inf": "DOWNLOAD_MAXSIZE",
    "DOWNLOAD_FAIL_ON_DATALOSS=0": "DOWNLOAD_FAIL_ON_DATALOSS",
    "DNS_RESOLVER=scrapy.resolver.CachingThreadedResolver": "DNS_RESOLVER must not be set",
    "HTTPCACHE_ENABLED=1": "HTTPCACHE_ENABLED must be off: an answer from a cache would be stored as one that",
    'DOWNLOADER_MIDDLEWARES={"scrapy.downloadermiddlewares.httpcache.HttpCacheMiddleware": 900}': (
        "DOWNLOADER_MIDDLEWARES must not have scrapy.downloadermiddlewares.httpcache"
    ),
}


@pytest.mark.parametrize("setting", UNSAFE)
def test_a_setting_that_takes_guard_bounds_or_decompressor_away_is_a_fault(setting):
    settings = project_settings()
    assert settings_problem(settings) == ""
    name, _, value = setting.partition("=")
    settings.set(name, value, priority="cmdline")
    fault = settings_problem(settings)
    assert fault.startswith(UNSAFE[setting])
    assert "\n" not in fault


@pytest.mark.parametrize(
    "setting",
    ["BROADSHEET_PORTS=1,65535", "DOWNLOAD_MAXSIZE=1", 'DOWNLOAD_HANDLERS={"ftp": null}',
     'DOWNLOAD_HANDLERS={"http": "tests.crawler.user_components.UserDownloadHandler"}',
     'DOWNLOADER_MIDDLEWARES={"broadsheet.crawler.fetch.compression.Decompression": null, '
     '"tests.crawler.user_components.DecliningDecompression": 590}'],
)  # fmt: skip
def test_a_setting_that_leaves_them_in_place_is_none(setting):
    settings = project_settings()
    name, _, value = setting.partition("=")
    settings.set(name, value, priority="cmdline")
    assert settings_problem(settings) == ""


@pytest.mark.parametrize("name", ["DOWNLOADER_MIDDLEWARES", "SPIDER_MIDDLEWARES", "EXTENSIONS"])
def test_a_users_own_parts_are_added_to_ours(name):
    settings = project_settings()
    ours = set(settings.get_component_priority_dict_with_base(name))
    settings.set(name, '{"tests.crawler.user_components.UserExtension": 543}', priority="cmdline")
    assert settings_problem(settings) == ""
    assert set(settings.get_component_priority_dict_with_base(name)) == {
        *ours, "tests.crawler.user_components.UserExtension"
    }  # fmt: skip
