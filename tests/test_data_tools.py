"""The examples of docs/export.md, each run with the tool that it is for, on the archive of the sample site."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crawler.shell import demo_archive
from tests.tools import REPOSITORY, ToolsMissingError, programs

DOCUMENT = (REPOSITORY / "docs/export.md").read_text("utf-8")
PATIENCE = 120  # seconds for an example
FIND_EXTENSION = "import duckdb_extension_sqlite_scanner as package; print(package.__path__[0])"


def example(heading: str, language: str) -> str:
    section = DOCUMENT.partition(f"\n### {heading}\n")[2].partition("\n##")[0]
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("sample")
    demo_archive(tmp_path_factory, made / "demo-out")
    return made


@pytest.fixture(scope="module")
def tools() -> Path:
    try:
        return programs("data")
    except ToolsMissingError as error:
        pytest.skip(f"Polars and DuckDB cannot be installed here: {error}")


def output(folder: Path, *arguments: object) -> str:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
    }
    process = subprocess.run(list(map(str, arguments)), cwd=folder, env=environment, capture_output=True, text=True,
                             timeout=PATIENCE, check=False)  # fmt: skip
    assert process.returncode == 0, process.stderr
    return process.stdout


EXAMPLES = {
    "Datasette": [r'"kind": "new"'],
    "sqlite-utils": ["Reservoir alarm", "new,30"],
    "pandas": [r"^en +254\.0$"],
    "Polars": [r"│ en +┆ 14 +┆ 254\.0 +│"],
    "DuckDB": [r"│ en +│ +14 │ +259\.5 │ 2024-07-03 │", "Mateo Quirós"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_shows_what_the_archive_holds(folder, request, name):
    """DuckDB's extension comes from the package registry: a test does not fetch what a user's INSTALL fetches."""
    language = "sh" if name in ("Datasette", "sqlite-utils") else "python"
    program = request.getfixturevalue("tools") / "python" if name in ("Polars", "DuckDB") else sys.executable
    code = example(name, language)
    if name == "Datasette":
        code = code.partition("\n")[2].rstrip() + " -- --get '/sample/changes_since.json?seq=0&_shape=array'"
    if name == "DuckDB":
        [extension] = Path(output(folder, program, "-c", FIND_EXTENSION).strip()).rglob("*.duckdb_extension")
        assert "INSTALL sqlite; LOAD sqlite" in code
        code = code.replace("INSTALL sqlite; LOAD sqlite", f"LOAD '{extension}'")
    shown = output(folder, *(("sh", "-ec") if language == "sh" else (program, "-c")), code)
    assert [form for form in EXAMPLES[name] if not re.search(form, shown, re.MULTILINE)] == [], shown


LOADERS = {
    "Polars": "import polars; print(polars.read_ndjson('a.jsonl', infer_schema_length=1).height)",
    "DuckDB": "import duckdb; print(len(duckdb.sql(\"SELECT * FROM read_json('a.jsonl')\").fetchall()))",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_that_guesses_types_reads_all_lines(folder, tools, name):
    """Polars is told to guess by the first line: a null in it would be taken for the type of the column.

    DuckDB takes texts that look like days for days, so it has to see more of them than one.
    """
    broadsheet = [sys.executable, "-m", "broadsheet.crawler.cli", "export", "demo-out/sample.db", "--format", "jsonl"]
    output(folder, *broadsheet, "-o", "all.jsonl")
    lines = (folder / "all.jsonl").read_text("utf-8").splitlines(keepends=True)
    lines.sort(key=lambda line: line.count('""'), reverse=True)  # the one first of which least is known
    (folder / "a.jsonl").write_text("".join(lines), "utf-8")
    assert output(folder, tools / "python", "-c", LOADERS[name]).strip() == "27"


PARQUET_READERS = {
    "Polars": "import polars; print(polars.read_parquet('out/articles').filter(polars.col('word_count') > 0).height)",
    "DuckDB": "import duckdb; print(duckdb.sql(\"SELECT count(title) FROM 'out/articles/*.parquet'\").fetchall())",
}


@pytest.mark.slow
def test_parquet_files_are_read_by_other_tools(folder, tools):
    broadsheet = [sys.executable, "-m", "broadsheet.crawler.cli", "export", "demo-out/sample.db", "--format", "parquet"]
    output(folder, *broadsheet, "-o", "out")
    said = {name: output(folder, tools / "python", "-c", text).strip() for name, text in PARQUET_READERS.items()}
    assert said == {"Polars": "27", "DuckDB": "[(27,)]"}
    frame = pytest.importorskip("pandas").read_parquet(folder / "out" / "articles")
    assert (len(frame), str(frame["published"].dtype)) == (27, "datetime64[us, UTC]")
