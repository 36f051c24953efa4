"""The connection: guarded addresses, bounds, exact bytes, who we say we are, what went wrong."""
