"""Judge pages by their layout: groups of pages made alike, and what each group is."""
