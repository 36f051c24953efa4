"""HTTP: how requests are built, which addresses are refused, how responses are bounded and recorded, what failed."""
