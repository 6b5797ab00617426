"""Sweeps with "reuse", by the real programs: what costs training and what does not."""
import os
import pathlib
import shlex
import subprocess
import tempfile
import unittest

from daemon import Daemon, wait_until
from worker import FAKE_TRAINER, Worker, write_data_set

SWEEP = {"base": {"dataset": "tiny", "width": 8, "batch_size": 10, "train_size": 20,
                  "max_steps": 8, "target_accuracy": 1},
         "parameters": {"depth": [1, 2], "batch_norm": ["none", "before"]}, "replicates": 2}
# What is a trial's own, also when its result is not.
OWN = {"trial", "sweep", "sweep_name", "worker", "reused_from", "created_at", "started_at",
       "finished_at"}


class Reuse(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        self.jobs_path = self.folder / "jobs"
        self.daemon = Daemon()
        self.addCleanup(self.daemon.close)

    def start_worker(self, trainer=os.environ["NINETY_TRAINER"], n_train=20):
        """A worker whose trainer's jobs are kept."""
        data = self.folder / f"data-{n_train}"
        if not data.exists():
            write_data_set(data / "tiny", n_train)
        worker = Worker(self.daemon.url, data=data,
                        trainer=f"tee -a {shlex.quote(str(self.jobs_path))} | {trainer}")
        self.addCleanup(worker.close)
        return worker

    def n_trained(self):
        return len(self.jobs_path.read_text(encoding="utf-8").splitlines())

    def run_sweep(self, **more):
        """Submits, waits for the end; the sweep, and how many trainings it took."""
        before = self.n_trained() if self.jobs_path.exists() else 0
        sweep = self.daemon.post("/v1/sweeps", {**SWEEP, **more})["id"]
        path = f"/v1/sweeps/{sweep}"
        wait_until(lambda: self.daemon.get(path)["state"] == "finished", f"end of sweep {sweep}")
        return self.daemon.get(path), self.n_trained() - before

    def rows(self, sweep, kind):
        answer = self.daemon.get(f"/v1/{kind}?sweep={sweep['id']}")
        return [{k: v for k, v in row.items() if k not in OWN} for row in answer[kind]]

    def test_the_second_submission_costs_no_training(self):
        worker = self.start_worker()
        first, trained = self.run_sweep()
        self.assertEqual((trained, first["reused"]), (8, 0))
        second, trained = self.run_sweep(reuse=True)
        self.assertEqual((trained, second["reused"], second["succeeded"]), (0, 8, 8), worker.log)
        for kind in ("results", "curves", "summary"):
            self.assertGreater(len(self.rows(first, kind)), 3)
            self.assertEqual(self.rows(first, kind), self.rows(second, kind))
        origins = [row["reused_from"] for row in
                   self.daemon.get(f"/v1/results?sweep={second['id']}")["results"]]
        self.assertEqual(origins, [1, 2, 3, 4, 5, 6, 7, 8])
        self.assertEqual(self.daemon.get("/v1/trials/9/layers"),
                         self.daemon.get("/v1/trials/1/layers"))
        wait_until(lambda: self.daemon.get("/v1/workers")["workers"][0]["succeeded"] == 8,
                   "the worker's figures")
        _, trained = self.run_sweep()
        self.assertEqual(trained, 8)

    def test_what_differs_is_trained(self):
        worker = self.start_worker()
        self.run_sweep()
        _, trained = self.run_sweep(reuse=True, replicates=3)
        self.assertEqual(trained, 4, "a seed more of four cells")
        base = {**SWEEP["base"], "learning_rate": 0.02}
        _, trained = self.run_sweep(reuse=True, base=base)
        self.assertEqual(trained, 8, "another configuration")
        worker.close()
        self.start_worker(n_train=30).process.poll()
        _, trained = self.run_sweep(reuse=True)
        self.assertEqual(trained, 8, "the same name, other data")
        _, trained = self.run_sweep(reuse=True)
        self.assertEqual(trained, 0)

    def test_another_trainer_trains_for_itself(self):
        one = {"parameters": {"depth": [1]}, "replicates": 1}
        worker = self.start_worker()
        self.run_sweep(**one)
        worker.close()
        self.start_worker(trainer=FAKE_TRAINER)
        second, trained = self.run_sweep(reuse=True, **one)
        self.assertEqual((trained, self.rows(second, "results")[0]["trainer"]), (1, "fake 1.0"))
        third, trained = self.run_sweep(reuse=True, **one)
        self.assertEqual((trained, self.rows(third, "results")[0]["trainer"]), (0, "fake 1.0"))

    def test_what_was_taken_over_can_be_verified(self):
        worker = self.start_worker()
        self.run_sweep()
        second, _ = self.run_sweep(reuse=True)
        self.assertEqual(second["reused"], 8)
        verified = subprocess.run(
            [os.environ["NINETY"], "verify", "--daemon", self.daemon.url, "9", "16"],
            env={**os.environ, "NINETY_DATA": str(worker.data),
                 "NINETY_CACHE": str(self.folder / "cache")},
            capture_output=True, text=True, check=False)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)


if __name__ == "__main__":
    unittest.main()
