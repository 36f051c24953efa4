"""Judging again with the evidence of the whole archive, and cleaning stored pages anew."""
