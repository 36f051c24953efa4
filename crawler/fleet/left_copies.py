"""Local copies that killed workers have left on this machine: brought to the store at the next start."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from broadsheet.output.archive.archive_errors import ArchiveError, InUse
from broadsheet.output.archive.archive_lock import hold_lock

from .object_store import PatientStore, StoreError
from .site_copies import LocalCopy, read_origin
from .site_lease import SiteIsLeased
from .store_address import store_at
from .stored_run import StoredSite, StorePlace, in_hand, leave_as_it_is, run_stored, runner_name


def left_copies(store_place: StorePlace) -> list[LocalCopy]:
    """List the copies of archives of this store in the folder for local copies, in use or left."""
    folder = store_place.local_folder
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    copies = [LocalCopy(folder / name, name, store_place.identity) for name in names]
    return [copy for copy in copies if copy.is_left_over() and read_origin(copy)]


def bring_left_copies(store_place: StorePlace, is_stopped: Callable[[], bool] = lambda: False) -> Iterator[str]:
    """Bring what killed workers left here to the store; yield a line for each copy that is home, or cannot be brought.

    A copy stays that some crawl or another runner has in hand: its site's next run here goes on from it.
    """
    for copy in left_copies(store_place):
        if is_stopped():
            return
        try:
            with in_hand(copy):
                with hold_lock(copy.archive):  # a crawl whose runner was killed takes a moment to stop
                    pass
                store = PatientStore(store_at(store_place.address), store_place.patience)
                run_stored(StoredSite(store, copy, runner_name(), store_place.terms), leave_as_it_is)
        except (SiteIsLeased, InUse):
            continue
        except (StoreError, ArchiveError, OSError) as error:
            yield f"{copy.site}: what a killed run left in {copy.folder} cannot be brought to the store: {error}"
        else:
            yield f"{copy.site}: what a killed run left in {copy.folder} is in the store"
