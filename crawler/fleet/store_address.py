"""Addresses of stores, a folder or `s3://bucket/prefix`, and the check that a store is the one that is meant.

A store says who it is in an object of its own. So a worker on which the folder is not mounted, or whose folder of that
name is another one, does not take it for an empty store and crawl a site from its beginning.
"""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from broadsheet.output.archive.installed_extras import install_command

from .. import __version__
from .bucket_store import BucketStore, first_line
from .folder_store import FolderStore
from .object_store import NotInStore, ObjectStore, StoreRefused, VersionMoved

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

MARKER_KEY = "store.json"
LAYOUT = 3
"""Of a store. Layouts 1 and 2 had archives as whole files and leases, of before 0.1.0."""
_RETRIES: RetryConfig = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
"""Of one request; a store that is away for longer is waited for by `PatientStore`."""
_REQUEST_SECONDS = 120
_CONNECT_SECONDS = 5
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SKIP_SIGNATURE",
)  # fmt: skip
"""Variables of which one has to be set: without any, obstore would ask an address of the cloud that may be nobody's."""
_METADATA_SWITCH = "AWS_EC2_METADATA_DISABLED"


def store_at(address: str) -> ObjectStore:
    """Return the store at an address; nothing is asked of it yet.

    Credentials of a bucket come from the environment (`AWS_ACCESS_KEY_ID` …), as does `AWS_ENDPOINT_URL` of a server
    that is not Amazon's. StoreRefused for an address that is none, or that has credentials in it, and without any.
    """
    if "://" not in address:
        return FolderStore(Path(address).absolute())
    parts = urlsplit(address)
    if parts.username is not None or parts.query:
        raise StoreRefused("credentials do not belong into the address of a store; set AWS_ACCESS_KEY_ID and its like")
    if parts.scheme != "s3" or not parts.netloc:
        raise StoreRefused(f"{address} is not an address of a store; give a folder or s3://bucket/prefix")
    return _bucket_store(address, parts.netloc, parts.path.strip("/"))


def make_store(address: str) -> str:
    """Make a store of an empty place, or open the one that is there; return its identity.

    StoreRefused where something else is in the folder, or where the server does not keep conditional puts apart.
    """
    if "://" not in address:
        _make_folder(Path(address))
    store = store_at(address)
    try:
        return store_identity(store)
    except NotInStore:
        check_conditional_puts(store)
    identity = token_hex(16)
    store.put_bytes(MARKER_KEY, json.dumps({"store": identity, "layout": LAYOUT}).encode())
    return store_identity(store)


def store_identity(store: ObjectStore) -> str:
    """Read a store's identity. NotInStore if it is none, StoreRefused if another version made it."""
    data = b"".join(store.chunks(MARKER_KEY))
    try:
        marker = json.loads(data)
        identity, layout = str(marker["store"]), int(marker["layout"])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreRefused(f"{store.address}/{MARKER_KEY} is not what a store says of itself") from error
    if layout != LAYOUT:
        raise StoreRefused(f"{store.address} has layout {layout}, this version knows {LAYOUT}: name a new store")
    return identity


def check_identity(store: ObjectStore, identity: str) -> None:
    """Raise StoreRefused if a store is not the one that is meant."""
    try:
        actual = store_identity(store)
    except NotInStore as error:
        raise StoreRefused(f"{store.address} holds no store; is it mounted here?") from error
    if actual != identity:
        raise StoreRefused(f"{store.address} is another store here than where the task came from")


def check_conditional_puts(store: ObjectStore) -> None:
    """Raise StoreRefused if a store lets a record be made twice, or an old version be replaced."""
    key = _trial_key()
    first = store.replace_record(key, b"1", "")
    second = store.replace_record(key, b"2", first)
    is_safe = all(_is_refused(store, key, version) for version in ("", first))
    store.delete(key)
    if not is_safe or not second:
        raise StoreRefused(f"{store.address} does not honour conditional puts, on which it rests that nothing is lost")


def check_writable(store: ObjectStore) -> None:
    """Raise StoreRefused if a store takes nothing, as where permissions have changed or a disk is mounted read-only."""
    key = _trial_key()
    store.replace_record(key, b"1", "")
    store.delete(key)


def _trial_key() -> str:
    return f".trial-{token_hex(8)}.json"  # a folder in which a killed runner left one counts as empty


def _is_refused(store: ObjectStore, key: str, version: str) -> bool:
    try:
        store.replace_record(key, b"3", version)
    except VersionMoved:
        return True
    return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
        names = [name for name in os.listdir(folder) if not name.startswith(".") and name != "lost+found"]
    except OSError as error:
        raise StoreRefused(f"the folder {folder} cannot be used: {error.strerror}") from error
    if names and MARKER_KEY not in names:
        raise StoreRefused(f"{folder} holds other things; give an empty folder, or one that is a store")


def _bucket_store(address: str, bucket: str, prefix: str) -> BucketStore:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import S3Store
    except ImportError as error:
        raise StoreRefused(f"{address} needs obstore: {install_command('fleet')}") from error
    _check_credentials(address)
    endpoint = os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT") or ""
    try:
        store = S3Store(
            bucket,
            prefix=prefix or None,
            checksum_algorithm="sha256",
            client_options=_client_options(endpoint),
            retry_config=_RETRIES,
        )
    except BaseError as error:
        raise StoreRefused(f"{address}: {first_line(str(error))}") from error
    return BucketStore(store, address.rstrip("/"))


def web_store(address: str, server: str) -> BucketStore:
    """Return a web server as a store that is only read. StoreRefused for an address with credentials or a query."""
    parts = urlsplit(address)
    if parts.username is not None or parts.query:
        raise StoreRefused(f"{server}: an address of a file may have no credentials and no query")
    try:
        from obstore.exceptions import BaseError
        from obstore.store import HTTPStore
    except ImportError as error:
        raise StoreRefused(f"{server} needs obstore: {install_command('fleet')}") from error
    options = _client_options(server)
    options["user_agent"] = f"Broadsheet/{__version__}"
    try:
        store = HTTPStore.from_url(server, client_options=options, retry_config=_RETRIES)
    except BaseError as error:
        raise StoreRefused(f"{server}: {first_line(str(error))}") from error
    return BucketStore(store, server)


def _client_options(server: str) -> ClientConfig:
    return {
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
        "allow_http": server.startswith("http://"),
    }


def _check_credentials(address: str) -> None:
    if set(_CREDENTIALS) & os.environ.keys() or os.environ.get(_METADATA_SWITCH, "").lower() == "false":
        return
    raise StoreRefused(
        f"there are no credentials for {address}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        f"AWS_SKIP_SIGNATURE=true for a public bucket, or {_METADATA_SWITCH}=false for the role of the machine"
    )
