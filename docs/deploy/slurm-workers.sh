#!/bin/bash
# Twenty workers as jobs of one array, beside a scheduler and the run on the login node:
#   dask scheduler --scheduler-file "$FLEET/scheduler.json" &
#   sbatch slurm-workers.sh
#   broadsheet fleet run "$FLEET/sites.toml" --store "$FLEET/store" --work '$TMPDIR/broadsheet' --scheduler "$FLEET/scheduler.json"
# FLEET has sites.toml and the store, where all nodes see it; TMPDIR is on the node's own disk.
#SBATCH --job-name=broadsheet
#SBATCH --array=1-20
#SBATCH --cpus-per-task=4
#SBATCH --mem=10G
#SBATCH --time=24:00:00
FLEET=${FLEET:-$HOME/fleet}
exec dask worker --scheduler-file "$FLEET/scheduler.json" --nworkers 1 --nthreads 16 --memory-limit 0 --no-dashboard
