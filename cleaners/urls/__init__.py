"""URLs: one spelling for each page, what a URL's shape says, and patterns of many."""
