"""Discovery: from sitemaps, feeds and links to rows of the queue; scope and traps."""
