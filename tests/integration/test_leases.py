"""A7: what belongs to a worker, by the real programs: its trials, for as long as the sweep allows."""
import time
import unittest

from daemon import Daemon, wait_until
from worker import Worker

FOR_EVER = {"base": {"dataset": "tiny", "depth": 1, "width": 8, "batch_size": 10, "train_size": 20,
                     "max_steps": 100000}, "seed": 9}  # what the fake trainer does with that seed


class Leases(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon("--lease", "1")
        self.addCleanup(self.daemon.close)

    def start_worker(self):
        worker = Worker(self.daemon.url)
        self.addCleanup(worker.close)
        return worker

    def test_a7_an_attempt_that_runs_too_long_is_ended_and_its_trainer_stopped(self):
        worker = self.start_worker()
        began = time.monotonic()
        self.daemon.post("/v1/sweeps", {**FOR_EVER, "max_seconds": 2, "max_attempts": 1})
        wait_until(lambda: self.daemon.get("/v1/trials/1")["state"] == "failed", "the end")
        self.assertGreater(time.monotonic() - began, 2)  # heartbeats kept the lease of 1 s
        self.assertEqual(self.daemon.get("/v1/trials/1")["error"],
                         "ran longer than max_seconds = 2")
        wait_until(lambda: "the daemon took it back" in worker.log, "the worker to stop it")
        self.daemon.post("/v1/sweeps", {**FOR_EVER, "seed": 0})
        wait_until(lambda: self.daemon.get("/v1/trials/2")["state"] == "succeeded", "the next trial")

    def test_a7_a_worker_keeps_what_it_holds_over_a_restart_of_the_daemon(self):
        self.start_worker()
        self.daemon.post("/v1/sweeps", {**FOR_EVER, "seed": 8})
        wait_until(lambda: self.daemon.get("/v1/trials/1")["state"] == "running", "the claim")
        self.daemon.kill()
        self.daemon.restart()
        wait_until(lambda: self.daemon.get("/v1/trials/1")["state"] == "succeeded", "the end")
        self.assertEqual(self.daemon.get("/v1/trials/1")["attempts"], 1)
        self.assertEqual(len(self.daemon.get("/v1/workers")["workers"]), 1)


if __name__ == "__main__":
    unittest.main()
