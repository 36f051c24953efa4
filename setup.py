"""What of the package's metadata depends on the address of its repository, which pyproject.toml names once."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

_ROOT = Path(__file__).resolve().parent
_RELATIVE_LINK = re.compile(r"(!?)(\[[^]]*\])\((?![a-z]+:|#)([^)\s]+)\)")


def _absolute_links(text: str, repository: str, version: str) -> str:
    """Return the text with links that lead to the files of this version: a picture to its bytes, a page to its view."""
    places = {"!": f"{repository}/raw/v{version}", "": f"{repository}/blob/v{version}"}
    return _RELATIVE_LINK.sub(lambda link: f"{link[1]}{link[2]}({places[link[1]]}/{link[3]})", text)


def _metadata() -> dict[str, object]:
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    repository = settings["tool"]["broadsheet"]["repository"]
    readme = (_ROOT / "README.md").read_text("utf-8")
    text = _absolute_links(readme, repository, settings["project"]["version"]) if repository else readme
    pages = {"Documentation": "blob/main/docs/index.md", "Changelog": "blob/main/CHANGELOG.md", "Issues": "issues"}
    return {
        "long_description": text,
        "long_description_content_type": "text/markdown",
        "project_urls": {"Source": repository} | {name: f"{repository}/{path}" for name, path in pages.items()}
        if repository
        else {},
    }


setup(**_metadata())
