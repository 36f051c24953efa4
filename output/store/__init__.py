"""Rows of pages, articles, revisions and the ledger of blocks."""
