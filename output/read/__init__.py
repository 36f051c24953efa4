"""Everything that needs only a read-only connection: search, explanations, checks, reports and exports."""
