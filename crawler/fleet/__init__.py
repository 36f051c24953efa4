"""Many sites: a list of them, the due ones, a lease and a copy for each, engines that run their crawls, and notices."""
