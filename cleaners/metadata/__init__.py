"""The metadata of an article: title, authors, dates, language and others, each with the source it was read from."""
