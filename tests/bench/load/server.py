"""A small server for benchmarks: `python -m tests.bench.load.server PORT WHAT`.

WHAT is a folder, or `--light PAGES`, or `--site NAME`, one of `GENERATED`.

One thread, keep-alive, GET alone. The light site has an index page for each fifty pages, and each page its own words,
a menu, and links to its neighbours and sections, as a small news site has.
"""

from __future__ import annotations

import asyncio
import pathlib
import random
import sys
from collections.abc import Callable

from tests.bench.load.story_sites import DoubledSite, FurnitureSite, HeavySite, ScriptedSite
from tests.bench.load.wordpress_site import WORDS, WordPressSite

_GROUP = 50
_TYPES = {".html": "text/html; charset=utf-8", ".xml": "application/xml", ".txt": "text/plain"}
Answer = Callable[[str], bytes | None]
GENERATED = {
    "doubled": DoubledSite,
    "furniture": FurnitureSite,
    "heavy": HeavySite,
    "scripted": ScriptedSite,
    "wordpress": WordPressSite,
}
"""The generated sites of the benchmark of whole sites, by name."""


def from_folder(folder: pathlib.Path) -> Answer:
    """Answers with the files of a folder."""
    root = folder.resolve()

    def answer(path: str) -> bytes | None:
        file = (root / path.lstrip("/")).resolve()
        return file.read_bytes() if file.is_relative_to(root) and file.is_file() else None

    return answer


def light(pages: int) -> Answer:
    """Answers with a site of `pages` short articles."""
    groups = range((pages + _GROUP - 1) // _GROUP)

    def answer(path: str) -> bytes | None:
        if path == "/robots.txt":
            return b"User-agent: *\nAllow: /\n"
        if path == "/index.html":
            return _list("Home", [f"/index-{group}.html" for group in groups])
        if path.startswith("/index-"):
            first = _GROUP * int(path[len("/index-") : -len(".html")])
            return _list(path, [f"/a/{at}.html" for at in range(first, min(first + _GROUP, pages))])
        return _article(int(path[3:-5]), pages) if path.startswith("/a/") else None

    return answer


def _list(title: str, paths: list[str]) -> bytes:
    links = "".join(f'<li><a href="{path}">{path}</a></li>' for path in paths)
    return f"<!doctype html><title>{title}</title><h1>{title}</h1><ul>{links}</ul>".encode()


def _article(number: int, pages: int) -> bytes:
    words = random.Random(number)
    paragraphs = "".join(f"<p>{_sentence(words)} {_sentence(words)} {_sentence(words)}</p>" for _ in range(8))
    title = _sentence(words)[:-1]
    near = "".join(
        f'<li><a href="/a/{(number + step) % pages}.html">Page {number + step}</a></li>' for step in (1, 2, 3)
    )
    menu = "".join(f'<a href="/index-{group}.html">Section {group}</a>' for group in range(8))
    return f"""<!doctype html><html lang="en"><head><title>{title}</title>
        <meta property="article:published_time" content="2024-0{1 + number % 9}-1{number % 9}"></head>
        <body><nav>{menu}</nav><main><article><h1>{title}</h1>{paragraphs}</article></main>
        <aside><ul>{near}</ul></aside><footer>All rights reserved</footer></body></html>""".encode()


def _sentence(words: random.Random) -> str:
    return " ".join(words.choices(WORDS, k=words.randint(9, 16))).capitalize() + "."


async def _converse(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while request := await reader.readuntil(b"\r\n\r\n"):
            path = request.split(b" ", 2)[1].decode("ascii", "replace").partition("?")[0]
            body = answer(path)
            kind = _TYPES.get(pathlib.PurePath(path).suffix, _TYPES[".html"])
            status = "200 OK" if body is not None else "404 Not Found"
            head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body or b'')}\r\n\r\n"
            writer.write(head.encode() + (body or b""))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _serve(port: int, answer: Answer) -> None:
    server = await asyncio.start_server(lambda reader, writer: _converse(answer, reader, writer), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


def _chosen_answer(port: int, choice: list[str]) -> Answer:
    if choice[0] == "--site":
        return GENERATED[choice[1]](f"http://127.0.0.1:{port}").answer
    return light(int(choice[1])) if choice[0] == "--light" else from_folder(pathlib.Path(choice[0]))


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), _chosen_answer(int(sys.argv[1]), sys.argv[2:])))
