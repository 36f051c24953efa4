"""`fleet run --scheduler tls://…` with a certificate authority of one's own, and a bucket whose key stands nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import dask.config
import distributed.config  # noqa: F401 - its defaults have to be there before one of its keys is set
import pytest

from broadsheet.crawler.cli.command_line import CommandError
from broadsheet.crawler.fleet.dask_engine import connected
from broadsheet.crawler.fleet.store_address import store_at
from tests.crawler.crawls import QUICK
from tests.crawler.fleet.certificates import Certificates, make_certificates
from tests.crawler.fleet.conftest import free_port
from tests.crawler.fleet.dask_cluster import DaskCluster
from tests.crawler.fleet.s3_server import BUCKET, SECRET, S3Server, running_s3_server
from tests.crawler.scripted_site import ScriptedSite, page
from tests.crawler.shell import start
from tests.crawler.warm import PATIENCE

pytestmark = pytest.mark.slow


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "ours")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with running_s3_server(free_port()) as server:
        for name, value in {**server.environment, **QUICK}.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def cluster(tmp_path: Path, certificates: Certificates) -> Iterator[DaskCluster]:
    """A cluster that speaks TLS; this process knows no certificate."""
    (tmp_path / "cluster").mkdir()
    made = DaskCluster(free_port(), tmp_path / "cluster", protocol="tls", variables=certificates.variables)
    try:
        with dask.config.set(certificates.settings):
            made.start_scheduler()
        made.start_worker()
        yield made
    finally:
        made.close()


def test_sites_are_crawled_over_tls_and_no_stranger_is_let_in(
    tmp_path: Path, bucket: S3Server, cluster: DaskCluster, certificates: Certificates,
    serve: Callable[..., ScriptedSite], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    site = serve({"/": page("home", "/a", "/b"), "/a": page("a"), "/b": page("b")})
    sites = tmp_path / "fleet" / "sites.toml"
    sites.parent.mkdir()
    sites.write_text(f'[defaults]\nallow-private = true\ndelay = 0\n[sites.lamp]\nurls = ["{site.url}/"]\n')
    words = ("fleet", "run", sites, "--store", f"s3://{BUCKET}/tls", "--work", "$MACHINE")

    strangers = make_certificates(tmp_path / "strangers")
    with dask.config.set(strangers.settings), pytest.raises(CommandError, match="no Dask scheduler at tls:"):
        connected(cluster.address)
    with pytest.raises(CommandError, match="no Dask scheduler at tcp:"):
        connected(cluster.address.replace("tls:", "tcp:"))

    for name, value in certificates.variables.items():
        monkeypatch.setenv(name, value)
    process = start(*words, "--scheduler", cluster.address)
    out, errors = process.communicate(timeout=PATIENCE)
    log = (tmp_path / "cluster/machine-0.log").read_text()
    assert process.returncode == 0, out + errors + log
    assert out.splitlines()[-1].startswith("1 site: 1 done; 2 new")
    assert "tls://127.0.0.1" in log
    assert "tcp://127.0.0.1" not in log

    store = store_at(f"s3://{BUCKET}/tls")
    stored = {key: b"".join(store.chunks(key)) for key in store.keys("sites/")}
    local = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    key_text = (tmp_path / "ours/node.key").read_bytes().splitlines()[1]
    assert any("/states/" in name for name in stored)
    assert any(path.name == "lamp.db.base" for path in local)  # what the pieces say, not packed
    assert b'"end": "done"' in stored["sites/lamp/head.json"]
    assert not any(path.suffix == ".db" for path in local)
    for place, data in {**stored, **local, "out": out.encode(), "errors": errors.encode()}.items():
        assert SECRET.encode() not in data, place
        assert key_text not in data or place == tmp_path / "ours/node.key", place
