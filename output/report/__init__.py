"""The results of runs: figures, coverage, rates, alarms, drift."""
