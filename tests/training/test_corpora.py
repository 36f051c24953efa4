"""What the models learn from."""

from __future__ import annotations

import io
import json
import random
import re
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from tests.training import corpora

REPOSITORY = Path(__file__).resolve().parents[2]
SITES = REPOSITORY.parent / "shared/corpus/sites"
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


def test_a_page_of_some_words_comes_with_its_address_and_text_by_the_name_of_its_site(tmp_path):
    for name in ("river", "mill"):
        site(tmp_path, name, {"/a/": TEXT, "/b.html": TEXT + "b", "/c/": "A picture.", "/d/": ""}, [f"{name}.example"])
    pages = [(row["url"], row["text"], html) for row, html in corpora.site_pages(tmp_path)]
    assert [url.split("/")[2] for url, _, _ in pages] == ["mill.example"] * 2 + ["river.example"] * 2
    assert sorted(pages)[:2] == [
        ("https://mill.example/a/", TEXT, b"<p>/a/</p>"),
        ("https://mill.example/b.html", TEXT + "b", b"<p>/b.html</p>"),
    ]


def test_a_site_gives_the_same_thirty_pages_in_any_order(tmp_path):
    many = {f"/{n}/": TEXT for n in range(80)}
    for folder, texts in ((tmp_path / "one", many), (tmp_path / "two", dict(reversed(many.items())))):
        folder.mkdir()
        site(folder, "mill", texts, ["mill.example"])
    ids, ids_in_reverse = ([row["id"] for row, _ in corpora.site_pages(tmp_path / name)] for name in ("one", "two"))
    assert ids == ids_in_reverse
    assert len(set(ids)) == 30


HOSTS = [f"host{n}.example" for n in range(500)]


def test_pages_of_a_host_are_in_one_fold_and_folds_are_of_a_size():
    counts = Counter(map(corpora.fold_of, HOSTS))
    assert counts.keys() == set(range(corpora.FOLDS))
    assert min(counts.values()) > 0.7 * len(HOSTS) / corpora.FOLDS


@pytest.mark.parametrize("document", ["NOTICE", "docs/cleaning.md"])
def test_a_reader_is_told_of_each_corpus_that_the_models_learned_from(document):
    text = (REPOSITORY / document).read_text("utf-8")
    told = text.partition("What the models learned from" if document == "NOTICE" else "## Whose work the models are")[2]
    assert [corpus.name for corpus in corpora.MIXTURE if not re.search(rf"^(?:\| `)?{corpus.name}\b", told, re.M)] == []


@pytest.mark.slow
@pytest.mark.skipif(not SITES.is_dir(), reason="the evaluation data is not there")
def test_a_reader_is_told_of_each_site_that_is_learned_from_with_the_licence_that_it_states():
    rows = (REPOSITORY / "docs/cleaning.md").read_text("utf-8").splitlines()
    for file in sorted(SITES.glob("*.tar.xz")):
        name = file.name.removesuffix(".tar.xz")
        with tarfile.open(file) as archive:
            facts = json.load(archive.extractfile(f"{name}/site.json") or io.BytesIO(b"{}"))
        [row] = [row for row in rows if row.startswith("| `sites`: ") and f"`{name}`" in row]
        stated = re.sub(r"\W+", " ", facts.get("licence", "none stated")).replace("per article", "by article")
        words = {*re.sub(r"\W+", " ", row).split()}
        assert {*stated.split()} <= words, name
        assert name in (REPOSITORY / "NOTICE").read_text("utf-8")
