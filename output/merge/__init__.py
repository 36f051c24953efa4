"""Archives merged into one: rows joined by URL and content, WARC files copied under names that cannot collide."""
