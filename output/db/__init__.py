"""The file itself: open, lock, transaction, ids, full text, migrations."""
