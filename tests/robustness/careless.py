"""A made-up verb that loses a step: it notes that it is done before it is. For the tests of the harness."""

import sqlite3
import sys
from contextlib import closing


def main(archive: str) -> None:
    """Store two facts in an archive, in two transactions, of which the first says that both are there."""
    with closing(sqlite3.connect(archive, isolation_level=None)) as db:
        if not db.execute("SELECT 1 FROM meta WHERE key = 'done'").fetchone():
            db.execute("INSERT INTO meta (key, value) VALUES ('done', 'yes')")
            db.execute("INSERT INTO meta (key, value) VALUES ('work', 'done')")


if __name__ == "__main__":
    main(sys.argv[1])
