"""Many sites: a list of them, what is due, a lease and a copy for each, the engines that run their crawls, and
notices."""
