"""What is mended, bounded or moved where a page is broken, hostile or streamed, so that its tree is the page."""
