"""Archive of two hosts with rows of all kinds, made by an import, and transcripts of verbs that are run on it."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path

from tests.crawler.scripted_site import page as whole_page
from tests.crawler.shell import verb_here
from tests.crawler.warcs import answer, record, write

A, B = "https://a.example", "https://b.example"
ROBOTS = f"User-agent: *\nDisallow: /private\nSitemap: {A}/sitemap.xml"
SITEMAP = (
    f"<urlset><url><loc>{A}/listed</loc><lastmod>2024-02-02</lastmod></url><url><loc>{A}/unread</loc></url></urlset>"
)
SHARE = "<p>Share this story</p>"
PROMO = "<p>Read our other 12 stories about the harbour town, and subscribe to the newsletter.</p>"
_VOLATILE = (
    (r"in \d+ s\b", "in N s"),
    (r"\bin (?:\d+h)?\d+m\b", "in N m"),
    (r"\d+(?:\.\d)? MB\b", "N MB"),
    (r"-[0-9a-f]{12}$", "-DIGEST"),
    (r'(cleaner_version": )"\d+"', r'\1"N"'),
)


def page(name: str, *links: str, **changes: str) -> str:
    """Return an article page of few words."""
    return whole_page(name, *links, words=24, **changes)


def _head(published: str, author: str = "", section: str = "") -> str:
    metas = {"article:published_time": published, "article:author": author, "article:section": section}
    return "".join(f'<meta property="{name}" content="{value}">' for name, value in metas.items() if value)


def records() -> list[bytes]:
    """Records of four days: stories that are edited, withdrawn, copied or undated, and what is no story."""
    minutes = count()

    def at(day: int) -> str:
        return f"2024-03-{day:02}T10:{next(minutes):02}:00Z"

    tower = _head("2024-02-01T08:00:00+02:00", "Bo Quist", "Town")
    stories = [f"{A}/{name}" for name in ("river", "tower", "listed", "empty", "moved", "gone", "busy", "print.pdf")]
    return [
        record("", b"software: tests\r\n", kind="warcinfo", WARC_Target_URI=""),
        record(f"{A}/robots.txt", answer(ROBOTS, content_type="text/plain"), at(1)),
        record(f"{A}/sitemap.xml", answer(SITEMAP, content_type="application/xml"), at(1)),
        record(f"{A}/", b"GET / HTTP/1.1\r\n\r\n", at(1), "request"),
        record(f"{A}/", answer(page("home", *stories, f"{B}/quay", f"{A}/never")), at(1)),
        record(f"{A}/river", answer(page("river", head=RIVER, extra=SHARE + PROMO)), at(1)),
        record(f"{A}/tower", answer(page("tower", head=tower)), at(1)),
        record(f"{A}/listed", answer(page("listed", head=_head("2024-02-02"))), at(1)),
        record(f"{A}/moved", answer("", "301 Moved", location="/river"), at(1)),
        record(f"{A}/gone", answer("gone", "410 Gone"), at(1)),
        record(f"{A}/busy", answer("busy", "503 Busy"), at(1)),
        record(f"{A}/empty", answer("<title>Empty</title><body></body>"), at(1)),
        record(f"{A}/print.pdf", answer("%PDF", content_type="application/pdf"), at(1)),
        record(f"{B}/quay", answer(page("quay", head=_head("2024-03-01", "Cy Dunn"))), at(1)),
        record(f"{B}/copy", answer(page("tower", head=_head("2024-02-03", "Bo Quist"))), at(2)),
        record(f"{A}/river", answer(page("river", head=RIVER, extra=f"<p>{NEWS}</p>{SHARE}")), at(2)),
        record(f"{A}/quay", answer("moved", "302 Found", location=f"{B}/quay"), at(2)),
        record(f"{A}/listed", answer("gone", "404 Not Found"), at(3)),
        record(
            f"{A}/river",
            answer(page("river", head=RIVER, extra=f"<p>{NEWS}</p>{SHARE}{PROMO}").replace("The story", "A story")),
            at(3),
        ),
    ]


FLEET = """[fleet]
folder = "."
[groups.coast]
[sites.town]
urls = ["https://a.example/", "https://b.example/"]
groups = ["coast"]
[sites.other]
urls = ["https://b.example/"]
"""
A_RULES = """title: //h1
body: //article
strip: //p[2]
author: //nobody
find_string: neighbouring
http_header(Cookie): a=b
test_url: https://a.example/river
test_contains: River paragraph 0
test_contains: no such words
"""
GONE_RULES = """test_url: https://a.example/gone
test_contains: gone
test_url: https://b.example/quay
test_contains: Quay
"""
RIVER = _head("2024-02-29T23:30:00-05:00", "Ada Miller", "Harbour")
NEWS = (
    "The harbour master said on Tuesday that the dredger, which has worked the inner channel since 2018, would be sold "
    "to the neighbouring port before the summer, and that no successor had been found for it so far."
)


def make_town(folder: Path) -> None:
    """Make `town.warc` and the archive `town.db` of it."""
    write(folder / "town.warc", records(), packed=False)
    write(
        folder / "other.warc",
        [record(f"{B}/x", answer(page("other"))), record(f"{B}/busy", answer("", "503 Busy"))],
        packed=False,
    )
    garbage = b"no record at all" * 9 + b"\r\n\r\n"
    write(folder / "lost.warc", [records()[0], garbage, record(f"{B}/x", answer(page("other"))), garbage], packed=False)
    (folder / "fleet.toml").write_text(FLEET)
    (folder / "odd.txt").write_text("no records here")
    (folder / "page.html").write_text(page("river", head=RIVER, extra=SHARE + PROMO))
    (folder / "plain.txt").write_text("A plain text that another tool has made.")
    (folder / "empty.html").write_text("<title>Empty</title>")
    (folder / "pages").mkdir()
    (folder / "pages" / "one.html").write_text(page("one"))
    (folder / "pages" / "two.htm").write_text(page("two"))
    (folder / "pages" / "notes.md").write_text("no page")
    (folder / "rules").mkdir()
    (folder / "rules" / "a.example.txt").write_text(A_RULES)
    (folder / "gone.txt").write_text(GONE_RULES)
    (folder / "rules" / "b.example.txt").write_text("body: //main[\n\nstripp: //aside\nstrip: //nav\n")
    code, _, errors = verb_here("import", folder / "town.warc", "--db", folder / "town.db", "-q")
    assert (code, errors) == (0, "")


def transcript(commands: Iterator[str]) -> str:
    """Run commands here and return them with what they print, as a terminal shows it; `!` precedes errors."""
    lines: list[str] = []
    for command in commands:
        lines += ["", f"$ {command}", *_printed(shlex.split(command))]
    return "\n".join(lines[1:]) + "\n"


def _printed(words: list[str]) -> list[str]:
    match words:
        case ["sql", db, query]:
            with closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
                return [_stable(" | ".join(map(str, row))) for row in connection.execute(query)]
        case ["cat", file]:
            return _stable(Path(file).read_text()).splitlines()
        case ["touch", file]:
            Path(file).touch()
            return []
        case ["ls"]:
            return sorted(_stable(str(path)) for path in Path().rglob("*"))
    code, out, errors = verb_here(*words)
    ports: dict[str, int] = {}
    out = re.sub(r":(\d{5})\b", lambda found: f":PORT{ports.setdefault(found[1], len(ports) + 1)}", out)
    said = [*_shortened(out), *(f"! {line}" for line in errors.splitlines())]
    return [_stable(line).rstrip() for line in said] + ([f"[{code}]"] if code else [])


def _shortened(out: str) -> list[str]:
    """Return the lines of an output; of indented JSON a line for each value of an object and each object of a list."""
    if not out.startswith("{\n"):
        return out.splitlines()
    lines: list[str] = []
    for name, value in json.loads(out).items():
        objects = value if isinstance(value, list) and all(isinstance(item, dict) for item in value) else []
        first, *others = map(json_line, objects or [value])
        lines += [f"{json_line(name)}: {first}", *(f"    {other}" for other in others)]
    return lines


json_line = partial(json.dumps, ensure_ascii=False)


def _stable(text: str) -> str:
    """Put fixed words where a text names the time of now, a duration or this folder."""
    for pattern, fixed in _VOLATILE:
        text = re.sub(pattern, fixed, text)
    for days in (0, 1):
        text = text.replace(str((datetime.now(UTC) + timedelta(days)).date()), "2030-01-01")
    text = re.sub(r"(2030-01-01[ T])\d\d:\d\d(:?)", r"\g<1>12:34\2", text)
    text = re.sub(r"(2030-01-01T12:34:)\d\d", r"\g<1>56", text)
    return text.replace(str(Path.cwd()), "…")
