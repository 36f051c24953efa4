"""Pictures of the documentation, taken from the sample site: `make pictures`, or `python -m tests.pictures FOLDER`.

The steps of `docs/tutorial.md` are done in a temporary folder, and Chromium takes each picture from the running reading
room or Datasette.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from broadsheet.crawler.demo.server import DemoServer
from tests.bench.load.site import free_port, running
from tests.browser import loopback_browser
from tests.tools import REPOSITORY

FOLDER = REPOSITORY / "docs" / "pictures"
NAMES = ("home", "articles", "blocks", "diff", "datasette")
_SIZE = {"width": 1120, "height": 700}
_PROGRAMS = Path(sys.executable).parent
_START_SECONDS = 60


def main(folder: Path = FOLDER) -> None:
    """Take each picture and write it into the folder as a PNG file."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, DemoServer() as site:
        db = Path(name) / "news.db"
        _broadsheet("crawl", f"{site.url}/", "--db", str(db))
        site.correct_story()
        _broadsheet("update", str(db), "--all")
        room, tables = ["broadsheet", "browse", str(db)], ["datasette", str(db)]
        with _served(room) as room_url, _served(tables) as tables_url:
            take(picture_urls(db, room_url, tables_url), folder)


def picture_urls(db: Path, room_url: str, tables_url: str) -> Mapping[str, str]:
    """Return the address of each picture by name."""
    found = _broadsheet("search", str(db), "harbour survey", "--json")
    [article_id] = re.findall(r'"id": "?(\d+)', found)[:1]
    room = f"{room_url}/{db.stem}"
    return {
        "home": f"{room}/",
        "articles": f"{room}/articles?q=water",
        "blocks": f"{room}/article/{article_id}?view=blocks",
        "diff": f"{room}/article/{article_id}/diff",
        "datasette": f"{tables_url}/{db.stem}/articles?_col=title&_col=published_day&_col=language&_col=word_count",
    }


def take(urls: Mapping[str, str], folder: Path) -> None:
    """Photograph each address; raise SystemExit for one that is not answered with 200."""
    with loopback_browser() as browser:
        page = browser.chromium.new_page(viewport=_SIZE, color_scheme="light")  # type: ignore[arg-type]
        for name, url in urls.items():
            answer = page.goto(url, wait_until="networkidle")
            if answer is None or answer.status != 200:
                sys.exit(f"{name}: {url} is not answered")
            page.screenshot(path=folder / f"{name}.png")


def _broadsheet(*arguments: str) -> str:
    settings = {"BROADSHEET_ALLOW_PRIVATE": "1", "BROADSHEET_DELAY": "0", "BROADSHEET_RETRY_TIMES": "0"}
    command = [str(_PROGRAMS / "broadsheet"), *arguments]
    ended = subprocess.run(command, env=settings | {"PATH": str(_PROGRAMS)}, capture_output=True, text=True, check=True)
    return ended.stdout


@contextmanager
def _served(command: list[str]) -> Iterator[str]:
    """Run a server's command at a free port while the context is open; yield its address."""
    port = free_port()
    with running([str(_PROGRAMS / command[0]), *command[1:], "--port", str(port)], port, _START_SECONDS):
        yield f"http://127.0.0.1:{port}"


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
