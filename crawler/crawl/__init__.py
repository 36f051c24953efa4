"""One run on one archive: turns, requests, outcomes and pace, from the command line's words to the writer."""
