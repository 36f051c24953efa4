"""The list of a fleet's sites: read, checked, and written anew."""
