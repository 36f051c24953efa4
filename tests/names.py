"""Links the four folders by their import names below `.cache/names`, where mypy finds them: `python -m tests.names`.

`broadsheet.crawler` is the folder `crawler` (`package-dir` in pyproject.toml). Python finds it by the editable
installation; mypy reads no import hooks.
"""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TREE = REPOSITORY / ".cache/names/broadsheet"
ROOMS = ("cleaners", "crawler", "output")


def link_names(repository: Path = REPOSITORY, tree: Path = TREE) -> None:
    """Make the tree of links anew: each file of `broadsheet/`, and the three folders beside them."""
    tree.mkdir(parents=True, exist_ok=True)
    for link in tree.iterdir():
        link.unlink()
    files = [path for path in (repository / "broadsheet").iterdir() if path.name != "__pycache__"]
    for path in (*files, *(repository / room for room in ROOMS)):
        (tree / path.name).symlink_to(path)


if __name__ == "__main__":
    link_names()
