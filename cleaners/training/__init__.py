"""Training of the models on annotated pages; a crawl does not use it."""
