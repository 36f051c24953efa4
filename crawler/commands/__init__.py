"""What the verbs of `broadsheet` do. `crawler.cli` declares them and imports each of these modules when it is needed."""
