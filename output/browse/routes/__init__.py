"""From requests to pages: which address shows what, and what a form does."""
