"""What a run came to: figures, coverage, rates, alarms, drift."""
