"""A Scrapy add-on that brings Broadsheet into a project of one's own: `ADDONS = {"broadsheet.Addon": 0}`.

`scrapy crawl site -a url=https://news.example/ -a db=news.db` works there then, and spiders may be derived from
`broadsheet.crawler.spiders.site.SiteSpider`. The project's other spiders stay as they are, but for one thing: names
resolve to public addresses only, unless BROADSHEET_ALLOW_PRIVATE is on.
"""

from __future__ import annotations

from scrapy.settings import BaseSettings

_SPIDERS = "broadsheet.crawler.spiders"
_RESOLVER = "broadsheet.crawler.fetch.guard.GuardedResolver"


class Addon:
    """Adds our spiders to the project, and judges the addresses that names resolve to.

    All other settings come with `SiteSpider`, for its crawls alone.
    """

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """Called by Scrapy before it looks for spiders and starts its reactor."""
        modules = settings.getlist("SPIDER_MODULES")
        if _SPIDERS not in modules:
            settings.set("SPIDER_MODULES", [*modules, _SPIDERS], priority=settings.getpriority("SPIDER_MODULES") or 0)
        settings.set("TWISTED_DNS_RESOLVER", _RESOLVER, priority="addon")
