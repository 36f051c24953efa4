"""Functions of the cleaners in C, optional: the same results as those in Python beside which they are called."""
