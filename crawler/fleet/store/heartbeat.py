"""A thread that keeps a lease alive while a site is being crawled."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from broadsheet.crawler.fleet.store.object_store import StoreError
from broadsheet.crawler.fleet.store.site_lease import LeaseLost, SiteLease

_LOG = logging.getLogger(__name__)


@contextmanager
def beating(lease: SiteLease, on_loss: Callable[[], object]) -> Iterator[None]:
    """Renew a lease thrice in its time, while the `with` block runs.

    A store that is away is no loss: the next beat tries again. `on_loss` is called, once, in the thread, when another
    runner has the site: what goes on now has to be merged later.
    """
    has_ended = threading.Event()

    def beat() -> None:
        while not has_ended.wait(lease.terms.seconds / 3):
            try:
                lease.renew()
            except LeaseLost as error:
                _LOG.warning("%s", error)
                on_loss()
                return
            except StoreError as error:
                _LOG.warning("no heartbeat for %s: %s", lease.site, error)

    thread = threading.Thread(target=beat, name=f"lease-{lease.site}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join()
