"""Title, authors, dates, language and the like, each with the statement it comes from."""
