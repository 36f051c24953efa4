"""Many sites: a list of them, what is due, a turn of a site as a task, heads and states in a store, and notices."""
