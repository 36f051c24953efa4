"""Makes the learned models from annotated pages; a crawl does not use it."""
