"""The queue: what to fetch next, what to queue again, and bounds for URLs without end."""
