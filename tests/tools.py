"""Programs that only tests need, each set in a virtual environment of its own below `.cache/` of the checkout.

`tests/pins/NAME.in` says what is wanted, `tests/pins/NAME.txt` the exact versions down to the last dependency, which
`make pins` writes anew. `python3 -m tests.tools NAME` prints the folder of the programs, made if it is not there.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
CACHE = REPOSITORY / ".cache"
PINS = REPOSITORY / "tests" / "pins"


def describe_commit(checkout: Path) -> str:
    """Return the commit of a checkout, with `-dirty` if files differ from it; empty without git or a repository."""
    if not shutil.which("git"):
        return ""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False).stdout.strip()


class ToolsMissingError(Exception):
    """The programs cannot be installed here; the message is what pip said."""


def programs(name: str, pins: Path = PINS, cache: Path = CACHE) -> Path:
    """The folder of the programs of a set; they are installed if they are not, by one process at a time."""
    requirements = pins / f"{name}.txt"
    folder = cache / f"{name}-{fingerprint(requirements)}"
    with alone(cache / f"{name}.lock"):
        if not (folder / ".ready").exists():
            install(requirements, folder)
            (folder / ".ready").touch()
    return folder / "bin"


def fingerprint(requirements: Path) -> str:
    """What distinguishes an environment of these versions, under this Python, from any other."""
    return hashlib.sha256(sys.version.encode() + requirements.read_bytes()).hexdigest()[:12]


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is in here with the same lock file."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def install(requirements: Path, folder: Path) -> None:
    """Make the environment anew, by uv where that can be had, since pip takes minutes. Raises ToolsMissingError."""
    uv = _uv_folder() if requirements.stem != "uv" else None
    pip = [folder / "bin/python", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    install_command = [uv / "uv", "pip", "install", "--quiet", "--python", folder / "bin/python"] if uv else pip
    commands = (
        [sys.executable, "-m", "venv", "--clear", *(["--without-pip"] if uv else []), folder],
        [*install_command, "-r", requirements],
    )
    for command in commands:
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode:
            raise ToolsMissingError(process.stderr.strip() or process.stdout.strip())


def _uv_folder() -> Path | None:
    try:
        return programs("uv")
    except ToolsMissingError:
        return None


def main(name: str) -> None:
    """Print the folder of a set's programs; ends with one line where it cannot be had."""
    if not (PINS / f"{name}.txt").exists():
        sys.exit(f"{name}: tests/pins/{name}.txt is not there")
    try:
        print(programs(name))
    except ToolsMissingError as error:
        sys.exit(f"{name} cannot be installed: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
