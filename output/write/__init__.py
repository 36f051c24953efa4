"""The one owner of a file: a transaction a batch; takedowns."""
