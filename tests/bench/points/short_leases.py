"""`broadsheet` with leases of seconds and little patience: a fleet with a store goes on soon after it was cut off."""

from __future__ import annotations

from broadsheet.crawler.cli import main
from broadsheet.crawler.fleet.object_store import Patience
from broadsheet.crawler.fleet.site_lease import LeaseTerms
from broadsheet.output.archive.stored_values import utc_now

_SECONDS, _SKEW_SECONDS = 2.0, 0.2

if __name__ == "__main__":
    LeaseTerms.__init__.__defaults__ = (_SECONDS, _SKEW_SECONDS, utc_now)
    Patience.__init__.__defaults__ = (1.0, 0.1, 0.2)
    main()
