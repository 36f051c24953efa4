"""Relations of a data set: an archive's own, earlier ones of archives that are as they were, and new ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'broadsheet[dataset]')")

from broadsheet.output.archive.archive_errors import DamagedValue
from broadsheet.output.archive.article_filter import ALL_ARTICLES
from broadsheet.output.collections.dataset_copies import Archives, duplicate_rows
from broadsheet.output.collections.dataset_rows import HostReader, TakedownList, open_sources
from broadsheet.output.settle.likeness import Relation
from broadsheet.output.settle.settling import settle
from broadsheet.output.write.archive_writer import Archive
from tests.output.browse.conftest import article_id
from tests.output.collections.conftest import words
from tests.output.conftest import Maker

ONE, TWO, COPY, THIRD = (f"http://{name}.example/1" for name in ("one", "two", "copy", "third"))
EARLIER = Relation(*sorted((article_id(ONE), article_id(THIRD))), "near", 0.25, 0.5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """An archive of an article and its copy, one of another copy, and one of another text."""
    make, folder = Maker(), tmp_path_factory.mktemp("copies")
    texts = {"a": {ONE: words("w"), TWO: words("w", 84)}, "b": {COPY: words("w")}, "c": {THIRD: words("x")}}
    for name, stories in texts.items():
        with Archive.open(folder / f"{name}.db", make.clock) as archive:
            archive.save([make.outcome(url, text, title=f"On {url}") for url, text in stories.items()])
            settle(archive.db, make.clock)
    return [folder / f"{name}.db" for name in texts]


Told = list[tuple[list[str], str, float]]


def told(files: list[Path], unchanged: set[int], index_of: dict[str, int], *earlier: Relation) -> Told:
    with open_sources(files, ALL_ARTICLES) as sources:
        reader = HostReader(sources, TakedownList.of([]), {}, "", has_files=False)
        by_article = {article_id(url): index for url, index in index_of.items()}
        rows = list(duplicate_rows(Archives(reader, by_article, unchanged), earlier))
    for first, second, *_, host, other_host, url, other_url, _, _ in rows:
        assert first < second
        assert (article_id(str(url)), article_id(str(other_url))) == (first, second)
        assert (str(url), str(other_url)) == (f"http://{host}/1", f"http://{other_host}/1")
    return sorted((sorted((str(row[5]), str(row[6]))), str(row[2]), round(float(str(row[3])), 2)) for row in rows)


HERE = {ONE: 0, TWO: 0, COPY: 1, THIRD: 2}
OWN = (["one.example", "two.example"], "syndicated", 0.95)
BETWEEN = [(["copy.example", "one.example"], "syndicated", 1.0), (["copy.example", "two.example"], "syndicated", 0.95)]
KEPT = (["one.example", "third.example"], "near", 0.25)


@pytest.mark.parametrize(
    ("unchanged", "index_of", "expected"),
    [
        (set(), HERE, [*BETWEEN, OWN]),
        ({0, 2}, HERE, [*BETWEEN, KEPT, OWN]),
        ({0, 1}, HERE, [OWN]),
        ({0, 1, 2}, HERE, [KEPT, OWN]),
        ({0, 2}, HERE | {ONE: 2}, BETWEEN[1:]),
        ({0, 2}, {TWO: 0, COPY: 1}, BETWEEN[1:]),
    ],
)
def test_pairs_of_archives_of_which_one_has_changed_are_compared(
    files: list[Path], unchanged: set[int], index_of: dict[str, int], expected: Told
) -> None:
    assert told(files, unchanged, index_of, EARLIER) == expected


def test_a_sketch_of_another_length_is_damage(files: list[Path], tmp_path: Path) -> None:
    damaged = Path(shutil.copy(files[2], tmp_path / "d.db"))
    with Archive.open(damaged) as archive:
        archive.db.execute("UPDATE _sketches SET sketch = sketch || x'00000000'")
    with pytest.raises(DamagedValue, match=r"d\.db.* is damaged at _sketches/sketch row"):
        told([*files[:2], damaged], set(), HERE)
