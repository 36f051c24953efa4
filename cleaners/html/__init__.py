"""From bytes to one tree to visible blocks, links and robots directives."""
