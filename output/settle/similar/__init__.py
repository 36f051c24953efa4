"""Which articles say the same, and how."""
