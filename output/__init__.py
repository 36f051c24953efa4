"""The archive: one SQLite file that holds the crawl's state, the articles and the account of everything else."""
