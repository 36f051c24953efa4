"""The desk: jobs, a schedule and forms beside the reading room, by which a person runs a folder of archives."""
