"""Telling people what a run found: edits, withdrawals, alarms and failures, by mail, webhook or chat."""
