"""One run on one archive: its writer thread, its record, its options made real."""
