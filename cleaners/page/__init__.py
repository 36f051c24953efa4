"""Reading of one page: bytes to a tree, blocks, links and metadata, each field with its source; canonical URLs."""
