"""A verdict for each block, and why: rules, trafilatura and the model, weighed."""
