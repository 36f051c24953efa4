"""`sbatch` and `scancel` that start the jobs of an array on this machine, and end them, for tests of `--cluster`."""

from __future__ import annotations

import sys
from pathlib import Path

_SBATCH = """#!{python}
import os, re, subprocess, sys
assert sys.argv[1] == "--parsable"
text = open(sys.argv[2]).read()
options = dict(re.findall(r"^#SBATCH --([a-z-]+)=(.*)$", text, re.M))
if options.get("partition") == "none":
    sys.exit("sbatch: error: invalid partition specified: none\\nsbatch: error: Batch job submission failed")
count = int(options["array"].partition("-")[2])
with open({folder!r} + "/job-77", "w") as jobs:
    for number in range(1, count + 1):
        log = open(options["output"].strip('"').replace("%a", str(number)), "ab")
        environment = dict(os.environ, SLURM_ARRAY_TASK_ID=str(number), MACHINE={folder!r} + "/machine-" + str(number))
        job = subprocess.Popen(["bash", sys.argv[2]], stdout=log, stderr=log, env=environment, start_new_session=True)
        print(job.pid, file=jobs)
print("77;lab")
"""
_SCANCEL = """#!{python}
import os, signal, sys
for line in open({folder!r} + "/job-" + sys.argv[1]):
    try:
        os.kill(int(line), signal.SIGTERM)
    except ProcessLookupError:
        pass
os.rename({folder!r} + "/job-" + sys.argv[1], {folder!r} + "/cancelled-" + sys.argv[1])
"""


def install_fake_slurm(folder: Path) -> Path:
    """Write both commands into a folder, which belongs on PATH; jobs are listed in it. Returns the folder."""
    folder.mkdir()
    for name, text in {"sbatch": _SBATCH, "scancel": _SCANCEL}.items():
        command = folder / name
        command.write_text(text.format(python=sys.executable, folder=str(folder)))
        command.chmod(0o755)
    return folder


def job_pids(folder: Path) -> list[int]:
    """The processes of the jobs, also of those that were cancelled; none before they were submitted."""
    lists = [*folder.glob("job-*"), *folder.glob("cancelled-*")]
    return [int(word) for jobs in lists for word in jobs.read_text().split()]
