"""All that verbs print for an archive with rows of all kinds, as files of `transcripts` show it.

Where a verb is to print another thing, BROADSHEET_TRANSCRIPTS=write has the test write the files anew: read the diff.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from broadsheet.crawler.commands import restore
from broadsheet.crawler.replay import importing
from broadsheet.output.archive import stored_values
from tests.crawler.commands.town import make_town, transcript
from tests.output.conftest import Clock

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
pytestmark = pytest.mark.usefixtures("workers_here", "engine_here", "closed_room", "sample_here")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("town")


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_verbs_print_what_their_transcript_shows(
    file: Path, town: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticking = vars(stored_values) | {"utc_now": Clock()}  # rulings are listed by their time
    monkeypatch.setattr(restore, "stored_values", SimpleNamespace(**ticking))
    monkeypatch.setattr(importing, "_RECORDS_PER_WORKER", 1)  # else records of several URLs are stored in any order
    monkeypatch.setenv("BROADSHEET_WORKERS", "1")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    if not any(town.iterdir()):
        make_town(town)
    shutil.copytree(town, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    shown = file.read_text()
    printed = transcript(line.removeprefix("$ ") for line in shown.splitlines() if line.startswith("$ "))
    if os.environ.get("BROADSHEET_TRANSCRIPTS") == "write":
        file.write_text(printed)
    assert printed == shown
