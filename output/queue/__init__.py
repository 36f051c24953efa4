"""What to fetch next, what to take up again, where endless URLs end."""
