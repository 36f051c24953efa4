"""Named rules that explain why a block is not part of the article. The rules are data, in TOML files."""
