"""A database with five sweeps, made by the real programs and a trainer that only reports figures:
several axes, replicates, two sweeps of one name, taken-over results, arms that diverge, trials that
fail, a seed beyond 2^53."""
import os
import pathlib
import shlex
import tempfile

from daemon import Daemon, wait_until
from worker import Worker

TRAINER = shlex.quote(os.environ["NINETY_SOURCE_ROOT"] + "/tests/figures_trainer")
SMALL = {"dataset": "tiny", "batch_size": 10, "train_size": 20, "max_steps": 40}
DEPTHS = {"depth": [1, 2, 3, 4, 5, 6, 7], "batch_norm": ["none", "before"]}
SWEEPS = [
    {"name": "depth-batch-norm", "base": SMALL, "parameters": DEPTHS, "replicates": 3},
    {"name": "time-cost", "base": {**SMALL, "stop_at_target": False},
     "parameters": {"depth": [1, 7], "batch_norm": ["none", "before"]}, "replicates": 4},
    {"name": "rates", "base": {**SMALL, "depth": 7, "stop_at_target": False},
     "parameters": {"activation": ["relu", "sigmoid"], "batch_norm": ["none", "before"],
                    "learning_rate": [0.01, 0.2]}, "replicates": 5},
    {"name": "depth-batch-norm", "base": SMALL, "parameters": DEPTHS, "replicates": 5, "reuse": True},
    {"name": "shapes", "base": SMALL, "seed": 2**53 + 1, "replicates": 2,
     "parameters": {"hidden_units": [[], [8], [8, 8], [8, 9]], "optimizer": ["adam", "sgd"]}},
]


class FiveSweeps:
    """The file is `path`; nothing has it open any more."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.folder = pathlib.Path(self.temporary.name)
        self.path = self.folder / "ninety.db"
        with Daemon(folder=self.folder) as daemon:
            worker = Worker(daemon.url, trainer=TRAINER, slots=2)
            try:
                for sweep in SWEEPS:
                    number = daemon.post("/v1/sweeps", sweep)["id"]
                    wait_until(lambda: daemon.get(f"/v1/sweeps/{number}")["state"] == "finished",
                               f"the end of sweep {number}; {worker.log}", 60)
                self.csv = {view: daemon.call("GET", f"/v1/{view}?format=csv").body.decode()
                            for view in ("results", "summary", "curves")}
            finally:
                worker.close()
            daemon.stop()

    def close(self):
        self.temporary.cleanup()
