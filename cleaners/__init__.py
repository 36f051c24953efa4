"""Cleaners: pure functions from a page to its article and an account of everything else."""
