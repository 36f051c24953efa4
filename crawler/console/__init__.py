"""What a person reads in a terminal: progress, summaries, reasons in words."""
