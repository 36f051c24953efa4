"""HTTP connections: guarded, bounded and exact; requests as built, faults as told, and who we are."""
