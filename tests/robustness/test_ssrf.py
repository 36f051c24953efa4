"""What a site says to reach services of this machine without --allow-private: by each way, each spelling; none does."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from broadsheet.crawler.rendering.chromium import find_program
from tests.crawler.scripted_site import Reply, Route, ScriptedSite, page
from tests.crawler.shell import environment, rows
from tests.crawler.warm import run
from tests.robustness.public_loopback import PUBLIC

INSIDE = "127.0.0.1"
NAMES = {
    "site.example": [[PUBLIC]],
    "inside.example": [[INSIDE]],
    "mapped.example": [["::ffff:127.0.0.1"]],
    "both.example": [[INSIDE, PUBLIC]],
    "turns.example": [[PUBLIC], [INSIDE]],  # DNS rebinding
    "any.example": [["0.0.0.0"]],
    "metadata.example": [["169.254.169.254"]],
}
HOSTS = (
    "127.0.0.1", "localhost", "LOCALHOST.", "a.localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0",
    "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
    "127.0.0.1.", "127。0。0。1", "①②⑦.⓪.⓪.①", "%31%32%37.0.0.1", "site.example@127.0.0.1", "169.254.169.254",
    "inside.example", "mapped.example", "both.example", "turns.example", "any.example", "metadata.example",
)  # fmt: skip
RENDERED = ("127.0.0.1", "inside.example", "[::ffff:127.0.0.1]")  # hosts that a rendered page asks for
PICTURE = '<figure><img src="{0}/i.png" srcset="{0}/s.png 2x, {0}/t.png 3x"><figcaption>The mill.</figcaption></figure>'
SCRIPTED = """<!DOCTYPE html><html lang="en"><head><title>App</title><link rel="stylesheet" href="{0}/a.css">
<script src="{0}/a.js"></script></head><body><noscript>You need to enable JavaScript to run this app.</noscript>
<div id="root"></div><iframe src="{0}/frame"></iframe><img src="{0}/pixel.png"><script>
for (const path of ['{0}/fetched', '{0}/again']) fetch(path).catch(() => 0);
new WebSocket('{1}/socket'); navigator.sendBeacon('{0}/beacon'); location.hash = 'x';
document.getElementById('root').innerHTML = '<article>' + '<p>Words of the mill.</p>'.repeat(60) + '</article>';
setTimeout(() => {{ location.href = '{0}/moved'; }}, 300);
</script></body></html>"""


@dataclass(frozen=True)
class Attacked:
    """What a crawl came to: the archive, the paths that a public site was asked for, those that one inside was."""

    db: Path
    asked: list[str]
    reached: list[str]


def quoted(url: str) -> str:
    """A header's value: bytes of UTF-8, as browsers take them."""
    return url.encode().decode("latin-1")


def attacks(base: str, port: int) -> dict[str, Route]:
    """A site's answers that lead to each host by each way: redirects, canonical and next links, sitemaps, feeds,
    pictures, frames and the requests of a rendered page."""
    routes: dict[str, Route] = {}
    targets = [f"http://{host}:{port}" for host in HOSTS]
    sitemaps = [f"{target}/map.xml" for target in targets]
    for number, target in enumerate(targets):
        picture = PICTURE.format(target)
        head = (
            f'<link rel="canonical" href="{target}/c"><link rel="amphtml" href="{target}/amp">'
            f'<link rel="next" href="{target}/next"><link rel="alternate" type="application/rss+xml" href="{target}/f">'
            f'<meta property="og:image" content="{target}/og.png"><meta http-equiv="refresh" content="0;{target}/r">'
        )
        routes[f"/page{number}"] = page(f"page{number}", f"{target}/link", head=head, extra=picture)
        routes[f"/moved{number}"] = Reply("", 302, {"Location": quoted(f"{target}/redirect")})
        routes[f"/map{number}.xml"] = Reply("", 302, {"Location": quoted(f"{target}/moved-map.xml")})
        routes[f"/feed{number}.xml"] = Reply(_FEED.format(target, base, number), 200, {"Content-Type": "text/xml"})
        if HOSTS[number] in RENDERED:
            routes[f"/app{number}"] = SCRIPTED.format(target, target.replace("http", "ws"))
    names = [path for path in routes if not path.endswith(".xml")]
    feeds = "".join(
        f'<link rel="alternate" type="application/rss+xml" href="{path}">' for path in routes if "feed" in path
    )
    locations = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in (*sitemaps, f"{base}/urls.xml"))
    routes["/"] = page("home", *names, head=feeds)
    routes["/index.xml"] = Reply(_MAP.format("sitemapindex", locations), 200, {"Content-Type": "text/xml"})
    pages = "".join(f"<url><loc>{target}/mapped</loc></url>" for target in targets)
    routes["/urls.xml"] = Reply(_MAP.format("urlset", pages), 200, {"Content-Type": "text/xml"})
    maps = [*sitemaps, f"{base}/index.xml", *(f"{base}{path}" for path in routes if path.startswith("/map"))]
    lines = "".join(f"Sitemap: {url}\n" for url in maps)
    routes["/robots.txt"] = Reply(f"User-agent: *\nAllow: /\n{lines}", 200, {"Content-Type": "text/plain"})
    return routes


_MAP = '<?xml version="1.0"?><{0} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{1}</{0}>'
_FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title><link>{0}/</link>
<item><title>A</title><link>{0}/entry</link></item><item><title>B</title><link>{1}/moved{2}</link></item></channel></rss>"""


def crawled(folder: Path, base: str, port: int, site: ScriptedSite, *options: str) -> Path:
    words = ["crawl", base + "/", *(f"{base}/moved{n}" for n in range(len(HOSTS))), "--db", "x.db", "--delay", "0"]
    words += ["--keep", "pictures", "--browser-no-sandbox", "-q", *options]
    variables = environment() | {"BROADSHEET_ALLOW_PRIVATE": "0"}
    code, _, errors = run("tests.robustness.public_loopback", [json.dumps(NAMES), *words], variables, folder, 280)
    assert code == 0, errors
    assert "Traceback" not in errors
    return folder / "x.db"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("ssrf")
    inside = ScriptedSite()
    inside.reply = lambda seen: Reply(page("secret"))  # type: ignore[method-assign]
    public = ScriptedSite(address=(PUBLIC, inside.port))
    base = f"http://site.example:{inside.port}"
    public.routes = attacks(base, inside.port)
    is_rendered = find_program() is not None and "BROADSHEET_NO_BROWSER" not in os.environ
    db = crawled(folder, base, inside.port, public, "--browser", "auto" if is_rendered else "never")
    yield Attacked(db, public.paths(), inside.paths())
    inside.close()
    public.close()


@pytest.mark.slow
def test_nothing_that_a_site_says_reaches_this_machine(attacked):
    assert attacked.reached == []
    with closing(sqlite3.connect(attacked.db)) as db:
        assert "secret" not in " ".join(text for (text,) in db.execute("SELECT text FROM articles"))


WAYS = ("moved{}", "page{}", "feed{}.xml", "map{}.xml")


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_each_way_was_gone_and_its_end_is_told(attacked, way):
    paths = {f"/{way.format(number)}" for number in range(len(HOSTS))}
    assert paths <= set(attacked.asked)


@pytest.mark.slow
def test_where_a_redirect_leads_is_refused_with_a_reason(attacked):
    """Not the names that have a public address too."""
    query = "SELECT url, state, reason FROM urls WHERE url LIKE '%/redirect'"
    told = {url: (state, reason) for url, state, reason in rows(attacked.db, query)}
    public = {url for url in told if "both.example" in url or "turns.example" in url}
    assert len(told) > 8
    assert {state for url, (state, _) in told.items() if url not in public} <= {"failed", "skipped"}, told
    assert {reason for url, (_, reason) in told.items() if url not in public} == {"private_address"}, told


@pytest.mark.slow
@pytest.mark.skipif(find_program() is None, reason="needs Chromium")
def test_pages_whose_scripts_ask_were_rendered(attacked):
    assert rows(attacked.db, "SELECT count(*) > 0 FROM captures WHERE rendered_for IS NOT NULL") == [(1,)]
