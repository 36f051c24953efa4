from __future__ import annotations

import io
import json
import random
import tarfile
from pathlib import Path

from broadsheet.cleaners.training.annotated_sites import site_pages

TEXT = "The mill by the river burned, and nobody knew why. " * 5


def site(folder: Path, name: str, texts: dict[str, str], origins: list[str]) -> None:
    """A site's archive in the shape of the real ones; a path that ends in a slash is a folder's index."""
    rows = [{"path": path, "text": text} for path, text in texts.items()]
    random.Random(len(texts)).shuffle(rows)
    files = {"site.json": json.dumps({"origins": origins}), "truth.jsonl": "\n".join(map(json.dumps, rows)) + "\n"}
    files |= {f"www{path}{'index.html' if path.endswith('/') else ''}": f"<p>{path}</p>" for path in texts}
    with tarfile.open(folder / f"{name}.tar.xz", "w:xz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"{name}/{path}")
            member.size = len(content.encode())
            archive.addfile(member, io.BytesIO(content.encode()))


def test_a_page_comes_with_its_address_and_text(tmp_path: Path) -> None:
    site(tmp_path, "mill", {"/a/": TEXT, "/b.html": TEXT + "b"}, ["mill.example"])
    pages = {row["url"]: (row["text"], html) for row, html in site_pages(tmp_path)}
    assert pages == {
        "https://mill.example/a/": (TEXT, b"<p>/a/</p>"),
        "https://mill.example/b.html": (TEXT + "b", b"<p>/b.html</p>"),
    }


def test_a_text_of_a_few_words_is_left_out(tmp_path: Path) -> None:
    site(tmp_path, "mill", {"/a/": TEXT, "/b/": "A picture.", "/c/": ""}, [])
    assert [row["id"] for row, _ in site_pages(tmp_path)] == ["/a/"]


def test_a_site_gives_the_same_thirty_pages_in_any_order(tmp_path: Path) -> None:
    many = {f"/{n}/": TEXT for n in range(80)}
    for folder, texts in ((tmp_path / "one", many), (tmp_path / "two", dict(reversed(many.items())))):
        folder.mkdir()
        site(folder, "mill", texts, ["mill.example"])
    ids, ids_in_reverse = ([row["id"] for row, _ in site_pages(tmp_path / name)] for name in ("one", "two"))
    assert ids == ids_in_reverse
    assert len(set(ids)) == 30


def test_sites_come_by_name(tmp_path: Path) -> None:
    for name in ("b", "a"):
        site(tmp_path, name, {"/x/": TEXT}, [f"{name}.example"])
    assert [row["url"] for row, _ in site_pages(tmp_path)] == ["https://a.example/x/", "https://b.example/x/"]
