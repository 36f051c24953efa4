"""The archive file: schema, lock, transactions, and the rows of pages, articles and blocks."""
