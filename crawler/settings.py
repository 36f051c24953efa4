"""Scrapy settings of the project. `scrapy settings --get NAME` shows one; `-s NAME=value` overrides it.

Grouped by what they are for; each default that differs from Scrapy's says why.
"""

import os

from scrapy.settings import default_settings

from . import __version__

BOT_NAME = "broadsheet"
SPIDER_MODULES = ["broadsheet.crawler.crawl"]  # a spider that `scrapy genspider` writes there is found, too
NEWSPIDER_MODULE = "broadsheet.crawler.crawl"

# --- Broadsheet's own -------------------------------------------------------------------------------------------
BROADSHEET_SETTINGS = True  # its priority is that of all of these: what has a higher one, a user has set
BROADSHEET_DB = "archive.db"  # the archive that the crawl writes and goes on from
BROADSHEET_WARC_SIZE = "1G"  # raw responses go to WARC files of this size, one after the other
BROADSHEET_SYNCHRONOUS = "NORMAL"  # FULL: each commit waits for the disk, so that a loss of power costs none
BROADSHEET_ALLOW_PRIVATE = False  # loopback and private addresses are refused
BROADSHEET_PORTS: list[int] = []  # ports that may be requested besides 80, 443 and those of the start URLs
BROADSHEET_DELAY = 1.0  # seconds between two requests to a host at the fastest; 0 turns pacing off
BROADSHEET_CONCURRENCY = 4  # pending requests to one host at most
BROADSHEET_PER_ADDRESS = 0  # pending requests to one IP address, over all crawls with the same folder below; 0: any
BROADSHEET_ADDRESS_FOLDER = ""  # where crawls of one machine share what they know of addresses; empty: nowhere
BROADSHEET_CONTACT = ""  # URL or mail address of who crawls, sent along
BROADSHEET_ROBOTS_AGE = 24 * 3600.0  # seconds after which a robots.txt is read again
BROADSHEET_RETRY_TIMES = 2  # retries of a URL that timed out, was cut off, or answered 429, 500, 503 and the like
BROADSHEET_RETRY_WAIT = 5.0  # seconds before the first of them; later ones wait longer, and Retry-After counts
BROADSHEET_WORKERS = 0  # cleaning processes; 0 is one for each processor
BROADSHEET_PAGE_SECONDS = 60.0  # of CPU: a page that takes more to clean is given up
BROADSHEET_EXTRACTOR = "in-doubt"  # pages on which trafilatura is asked beside the models: always, in-doubt, never
BROADSHEET_BROWSER_NO_SANDBOX = False  # a browser runs without its sandbox, as it must as root
BROADSHEET_COMMAND = False  # run by the command broadsheet, which says itself why a crawl cannot start
BROADSHEET_PROGRESS = False  # a progress display on standard error
BROADSHEET_URL_LINES = False  # a line on standard error for each URL
BROADSHEET_PROGRESS_LOG = ""  # a file that gets a line of JSON each second: pages, articles, waits and why
BROADSHEET_COOKIES = ""  # a cookies.txt file, sent to the hosts that it names
BROADSHEET_CA = ""  # a PEM file with certificate authorities that are trusted beside the usual ones
BROADSHEET_HEADERS = ""  # request headers for the hosts of the start URLs, `NAME: VALUE`, one a line
BROADSHEET_HEADER_HOSTS = ""  # further hosts that these are sent to, with spaces between them; `*` is every host

# An environment variable of the same name changes each of them but the mark and the two that the command itself sets.
# Options of `broadsheet` and `-s NAME=value` of `scrapy` go before it.
INTERNAL_SETTINGS = ("BROADSHEET_SETTINGS", "BROADSHEET_COMMAND", "BROADSHEET_PROGRESS")
ENVIRONMENT_SETTINGS = tuple(
    name for name in list(globals()) if name.startswith("BROADSHEET_") and name not in INTERNAL_SETTINGS
)
ENVIRONMENT_PROBLEMS: list[str] = []
"""Errors in environment variables, a line each; these variables are ignored."""


def _read_value(text: str, default: object) -> object:
    """Read a variable's text as a value of the default's type. KeyError or ValueError if it cannot be read so."""
    if isinstance(default, bool):
        return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}[text.lower()]
    if isinstance(default, list):
        return [int(word) for word in text.replace(",", " ").split()]
    return int(text) if isinstance(default, int) else float(text) if isinstance(default, float) else text


def _values_of_environment() -> dict[str, object]:
    values: dict[str, object] = {}
    for name in ENVIRONMENT_SETTINGS:
        try:
            if name in os.environ:
                values[name] = _read_value(os.environ[name], globals()[name])
        except (KeyError, ValueError):
            ENVIRONMENT_PROBLEMS.append(f"the environment variable {name} cannot be {os.environ[name]!r}")
    return values


def read_environment() -> None:
    """Take the values of the environment's variables: at the import, and in a fork that was given further ones."""
    ENVIRONMENT_PROBLEMS.clear()
    globals().update(_values_of_environment())


read_environment()

# --- The archive is the crawl's state ---------------------------------------------------------------------------
# Components are in the *_BASE settings, so that a user's EXTENSIONS, DOWNLOADER_MIDDLEWARES and so on add to them. What
# is not used of Scrapy's is left out: a component that is merely set to None is imported all the same.


def _without(components: dict[str, int], *path_starts: str) -> dict[str, int]:
    """Return the components without those whose path starts with one of `path_starts`."""
    return {path: order for path, order in components.items() if not path.startswith(path_starts)}


_EXTENSION = "scrapy.extensions."
EXTENSIONS_BASE = _without(
    default_settings.EXTENSIONS_BASE,
    *(f"{_EXTENSION}{name}." for name in ("feedexport", "telnet", "remote_control", "closespider", "throttle")),
) | {
    # CLOSESPIDER_ settings end a crawl in time; in place of Scrapy's
    "broadsheet.crawler.crawl.spiders.CrawlLimits": 0,
    # -O and -o write the articles, as the archive holds them; in place of Scrapy's
    "broadsheet.crawler.items.ArticleFeeds": 0,
    "broadsheet.crawler.cli.progress.ProgressDisplay": 10,
    "broadsheet.crawler.cli.progress.ProgressLog": 10,
    "broadsheet.crawler.cli.progress.OutcomeStats": 10,  # the stats that begin with `broadsheet/`
}
DUPEFILTER_CLASS = "scrapy.dupefilters.BaseDupeFilter"  # `urls` knows what was seen

# Redirects, retries, robots.txt and HTTP errors are outcomes with rows in the archive, which these middlewares would
# bypass. Depth and referers are recorded there too.
_DOWNLOADER = "scrapy.downloadermiddlewares."
DOWNLOADER_MIDDLEWARES_BASE = _without(
    default_settings.DOWNLOADER_MIDDLEWARES_BASE,
    f"{_DOWNLOADER}robotstxt.",
    f"{_DOWNLOADER}redirect.",
    f"{_DOWNLOADER}retry.",
    f"{_DOWNLOADER}httpproxy.",
    f"{_DOWNLOADER}cookies.",  # a session would make pages depend on the order of the crawl
    f"{_DOWNLOADER}offsite.",
    f"{_DOWNLOADER}httpauth.",  # no user name is ever sent
    f"{_DOWNLOADER}httpcache.",  # an answer from a cache is not a capture
    f"{_DOWNLOADER}httpcompression.",
) | {
    # in its place: limits the ratio; completely or not at all
    "broadsheet.crawler.fetch.compression.Decompression": 590,
}
_SPIDER = "scrapy.spidermiddlewares."
SPIDER_MIDDLEWARES_BASE = _without(
    default_settings.SPIDER_MIDDLEWARES_BASE,
    f"{_SPIDER}httperror.",
    f"{_SPIDER}depth.",
    f"{_SPIDER}referer.",
    f"{_SPIDER}urllength.",
)
ROBOTSTXT_OBEY = True  # by our frontier, not by Scrapy's middleware
RETRY_ENABLED = False
REDIRECT_ENABLED = False
COOKIES_ENABLED = False  # a session would make pages depend on the order of the crawl

# --- Politeness -------------------------------------------------------------------------------------------------
USER_AGENT = f"Broadsheet/{__version__} (article archiving crawler)"  # with a contact: Broadsheet/… (+CONTACT)
CONCURRENT_REQUESTS = 0  # in all: 0 follows the hosts, as far as memory and open files allow (fetch/capacity.py)
CONCURRENT_ITEMS = 1  # a response has one outcome, and Scrapy starts this number of tasks for each response
CONCURRENT_REQUESTS_PER_DOMAIN = 1024  # the frontier bounds each host; for Scrapy all ports of a name are one
DOWNLOAD_DELAY = 0  # the frontier paces each host
AUTOTHROTTLE_ENABLED = False
DOWNLOAD_TIMEOUT = 30
DEFAULT_REQUEST_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.5",
    "Accept-Language": "en;q=0.5, *;q=0.4",
}

# --- Safety -----------------------------------------------------------------------------------------------------
TWISTED_DNS_RESOLVER = "broadsheet.crawler.fetch.guard.GuardedResolver"
DOWNLOAD_HANDLERS_BASE = {
    "http": "broadsheet.crawler.fetch.guard.GuardedDownloadHandler",
    "https": "broadsheet.crawler.fetch.guard.GuardedDownloadHandler",
}  # and no other schemes: no files, no FTP
HTTPPROXY_ENABLED = False  # behind a proxy no address could be judged
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_TLS_MIN_VERSION = "TLSv1.2"
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024  # bytes, before and after decompression
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_FAIL_ON_DATALOSS = True
TELNETCONSOLE_ENABLED = False
REMOTE_CONTROL_ENABLED = False  # a local server that would run Python
SCRAPER_SLOT_MAX_ACTIVE_SIZE = 64 * 1024 * 1024  # bytes of responses waiting for the workers before we fetch more

# --- Logging ----------------------------------------------------------------------------------------------------
LOG_LEVEL = "WARNING"
LOG_FORMATTER = (
    "broadsheet.crawler.crawl.scrapy_settings.QuietLogFormatter"  # makes no log record of what the level does not show
)
FEED_EXPORT_ENCODING = "utf-8"
FEED_EXPORTERS_BASE = default_settings.FEED_EXPORTERS_BASE | {
    "csv": "broadsheet.crawler.items.CsvArticles",
    "xml": "broadsheet.crawler.items.XmlArticles",
    "json": "broadsheet.crawler.items.JsonArticles",
    **dict.fromkeys(("jsonlines", "jsonl", "jl"), "broadsheet.crawler.items.JsonLinesArticles"),
}  # cells that no spreadsheet runs, XML that parses, JSON that does nothing on a screen
