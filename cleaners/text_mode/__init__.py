"""Text that has no markup left, judged by its lines."""
