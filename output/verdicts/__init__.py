"""Verdicts that replace a page's own (of the site's memory, of a person's rulings), and the text that follows."""
