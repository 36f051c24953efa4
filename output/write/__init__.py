"""Writing to an archive: its one owner with a transaction a batch, the records of runs, takedowns."""
