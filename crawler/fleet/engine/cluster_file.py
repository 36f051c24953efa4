"""The file that says how a cluster starts workers, `slurm.toml`, read and checked. A mistake is a line with its place.

[cluster]                    # the scheduler on this machine, and its workers
[sbatch]                     # options of sbatch, by their long names
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from broadsheet.crawler.console.option_types import duration
from broadsheet.crawler.fleet.sites.checked_toml import TomlMistake, check_keys, read_checked, subtable

_LAUNCHERS = ("slurm",)
_DEFAULTS: Mapping[str, Any] = {
    "launcher": "slurm", "host": "", "port": 0, "workers": 1, "crawls": 4, "tls": True, "setup": [], "patience": "12h",
    "python": sys.executable,
}  # fmt: skip
_KINDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false", list: "an array of texts"}
_OPTION = re.compile(r"[a-z][a-z0-9-]*")
_TAKEN_OPTIONS = ("array", "parsable", "wait", "wrap")
_MOST_PORT = 65535


@dataclass(frozen=True, slots=True)
class SlurmCluster:
    """How workers are started: so many jobs, each with so many crawls at once, that reach the scheduler at `host`.

    `patience` is how many seconds there may be no worker at all; `job_options` are those of `sbatch`, `setup` what a
    job runs first. With `port` 0 the system chooses one.
    """

    host: str
    port: int
    workers: int
    crawls: int
    tls: bool
    setup: tuple[str, ...]
    patience: float
    python: str
    job_options: tuple[tuple[str, str], ...]


def read_cluster(file: Path) -> SlurmCluster:
    """Read and check such a file. CommandError with the file and the line of the first mistake."""
    return read_checked(file, _cluster)


def _cluster(document: Mapping[str, Any]) -> SlurmCluster:
    check_keys(document, ("cluster", "sbatch"))
    table = _checked_table(document)
    host = table["host"]
    is_here = _is_loopback(host)
    return SlurmCluster(
        host=host,
        port=table["port"],
        workers=table["workers"],
        crawls=table["crawls"],
        tls=table["tls"] and not (is_here and "tls" not in document["cluster"]),
        setup=tuple(table["setup"]),
        patience=_seconds(table["patience"]),
        python=table["python"],
        job_options=_job_options(subtable(document, "sbatch")),
    )


def _checked_table(document: Mapping[str, Any]) -> dict[str, Any]:
    """The table [cluster] with what it leaves out, each value of its kind and within its bounds."""
    own_table = subtable(document, "cluster")
    check_keys(own_table, tuple(_DEFAULTS), "cluster")
    for key, value in own_table.items():
        _check_kind(key, value)
    table = {**_DEFAULTS, **own_table}
    _check_launcher(table["launcher"])
    for key, (least, most) in {"port": (0, _MOST_PORT), "workers": (1, 10_000), "crawls": (1, 1_000)}.items():
        if not least <= table[key] <= most:
            raise TomlMistake(f"{key} must be from {least:,} to {most:,}, not {table[key]}", "cluster", key)
    if not table["host"]:
        path = ("cluster",) if "cluster" in document else ()
        raise TomlMistake("[cluster] needs host: the address of this machine that the nodes reach", *path)
    return table


def _check_kind(key: str, value: object) -> None:
    kind = type(_DEFAULTS[key])
    is_right = type(value) is kind and (not isinstance(value, list) or all(map(_is_line, value)))
    if not is_right or (isinstance(value, str) and not _is_line(value)):
        raise TomlMistake(f"{key} must be {_KINDS[kind]}, not {value!r}", "cluster", key)


def _check_launcher(launcher: str) -> None:
    if launcher not in _LAUNCHERS:
        raise TomlMistake(
            f"the launcher {launcher!r} is not known, only slurm; docs/scale.md says what PBS, LSF and Kubernetes need",
            "cluster", "launcher",
        )  # fmt: skip


def _job_options(table: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Options of `sbatch` and their values; empty for a flag."""
    for key, value in table.items():
        if not _OPTION.fullmatch(key) or key in _TAKEN_OPTIONS:
            raise TomlMistake(f"{key} is no long option of sbatch that may stand here", "sbatch", key)
        if value is not True and type(value) is not int and not _is_line(value):
            raise TomlMistake(f"{key} must be a text, a whole number or true, not {value!r}", "sbatch", key)
    return tuple((key, "" if value is True else str(value)) for key, value in table.items())


def _seconds(value: str) -> float:
    try:
        return duration(value)
    except click.ClickException as error:
        raise TomlMistake(f"patience: {error.message}", "cluster", "patience") from error


def _is_line(value: object) -> bool:
    """Whether a value is a text of one line that is not empty: it becomes a line of a script."""
    return isinstance(value, str) and bool(value) and value.isprintable()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
