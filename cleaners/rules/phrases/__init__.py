"""Phrase rules: a TOML file a language, `any.toml` for all of them."""
