#!/bin/bash
# Twenty workers as jobs of one array, which end when nothing is due: sbatch slurm-workers.sh
# FLEET has sites.toml and the store, where all nodes see it; TMPDIR is on the node's own disk.
#SBATCH --job-name=broadsheet
#SBATCH --array=1-20
#SBATCH --cpus-per-task=4
#SBATCH --mem=10G
#SBATCH --time=24:00:00
#SBATCH --signal=B:TERM@120
FLEET=${FLEET:-$HOME/fleet}
exec broadsheet fleet work "$FLEET/sites.toml" --store "$FLEET/store" --work "${TMPDIR:-/tmp}/broadsheet" --quiet
