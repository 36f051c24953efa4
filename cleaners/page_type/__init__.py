"""The type of a page: its features and signs, the learned model of kinds, and the tests that decide."""
