"""What each page shows, read from an archive as one frozen value; page and JSON twin are both made of it."""
