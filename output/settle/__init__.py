"""Judge again with the evidence of the whole archive: duplicates, parts, what a site repeats."""
