"""Named, explainable rules for what on a page is not the article. The rules are data: see the TOML files."""
