"""What the verbs of `broadsheet` do. `crawler.cli` declares them and imports these modules when they are needed."""
