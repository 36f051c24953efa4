"""Files of what benches measured: JSON with each row of figures in a line, so that a difference shows the rows."""

import datetime
import json
import re
from pathlib import Path

_ROW = re.compile(r"[{\[][^{}\[\]]*[}\]]")
_LONGEST = 160


def write_figures(file: Path, result: object) -> None:
    """Write a result; an object or a list that holds no other is in one line, where it is not too long."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    file.write_text(_ROW.sub(_in_a_line, text) + "\n", "utf-8")


def _in_a_line(row: re.Match[str]) -> str:
    line = re.sub(r"\n *", " ", row[0])
    return line if len(line) <= _LONGEST else row[0]


def today() -> str:
    """The day, for a result to say when it was measured."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()
