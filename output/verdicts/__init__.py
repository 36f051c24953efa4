"""The site's memory and a person's rulings over a page's own verdicts; the text that follows."""
