"""Processes that run pure functions, bounded in time and memory."""
