"""What can be wrong with an archive: each check tests one invariant, and says where it is broken."""
