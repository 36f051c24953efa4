"""Worker processes: they run pure functions, with limits on time and memory."""
