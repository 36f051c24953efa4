"""Trained models, and beside each what it was trained on and how it scored."""
