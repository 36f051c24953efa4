"""What the models learn from, and the hosts that none of them may see."""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from broadsheet.cleaners.training import corpora
from broadsheet.cleaners.training.annotated_pages import read_block_examples

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


def test_two_fifths_of_the_hosts_of_some_corpora_weigh_nothing():
    for corpus in corpora.HELD_OUT_CORPORA:
        held_out = [host for host in HOSTS if corpora.is_held_out(corpus, host)]
        assert {corpora.fold_of(host) for host in held_out} == corpora.HELD_OUT_FOLDS
        assert {corpora.page_weight(corpus, host) for host in held_out} == {0}
        assert 0.3 < len(held_out) / len(HOSTS) < 0.5


def test_other_corpora_hold_no_host_out_and_weigh_most():
    for corpus in corpora.WHOLE_CORPORA:
        assert not any(corpora.is_held_out(corpus, host) for host in HOSTS)
        assert {corpora.page_weight(corpus, host) for host in HOSTS} == {1}
    assert {part.name: part.weight for part in corpora.MIXTURE if part.weight != 1} == {"dragnet": 0.3, "zh69": 0.5}


@pytest.mark.slow
def test_no_block_of_a_host_that_is_held_out_is_trained_on(corpus):
    _, examples = read_block_examples(corpus)
    by_corpus = {name: [e for e in examples if e.corpus == name] for name in corpora.PAGE_CORPORA}
    full_weights = by_corpus["wcxb"][0].weights
    for name in corpora.HELD_OUT_CORPORA:
        for example in by_corpus[name]:
            assert np.allclose(example.weights, full_weights * corpora.page_weight(name, example.host))
        assert {example.weights.any() for example in by_corpus[name]} == {True, False}
