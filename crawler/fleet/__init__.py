"""Many sites: a file that lists them, what is due of them, and an engine that runs their crawls."""
