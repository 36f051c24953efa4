"""What a page is: an article, a list, a wall …, with the evidence."""
