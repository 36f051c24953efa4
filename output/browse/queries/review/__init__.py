"""Sampled quality control: what to judge next, what the judgements show, and judged pages for training."""
