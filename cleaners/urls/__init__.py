"""URLs: the canonical spelling of a URL, what its shape says about the page, and its pattern."""
