"""A sweep survives kill -9 of a worker and of the daemon, and its numbers are those of a run that
nobody disturbed: real daemon, real workers, real trainer."""
import pathlib
import tempfile
import unittest

from daemon import Daemon, wait_until
from worker import Worker, write_data_set

SWEEP = {"name": "killed",
         "base": {"dataset": "tiny", "train_size": 1500, "batch_size": 100, "max_steps": 400,
                  "learning_rate": 0.001, "target_accuracy": 0.95, "stop_at_target": False},
         "parameters": {"hidden_units": [[64], [100, 50], [100, 50, 25]],
                        "batch_norm": ["none", "before"]},
         "replicates": 4}
N_TRIALS = 24
LONG_S = 120


class Kill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        cls.data = pathlib.Path(cls.temporary.name)
        write_data_set(cls.data / "tiny", n_train=2000, n_test=500)
        cls.undisturbed = cls.run_sweep(slots=1)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def start_worker(cls, daemon, slots=1):
        return Worker(daemon.url, slots=slots, trainer=None, data=cls.data)

    @classmethod
    def run_sweep(cls, slots):
        with Daemon() as daemon:
            daemon.post("/v1/sweeps", SWEEP)
            worker = cls.start_worker(daemon, slots)
            try:
                cls.wait_for_end(daemon)
            finally:
                worker.close()
            return cls.numbers(daemon)

    @staticmethod
    def wait_for_end(daemon):
        wait_until(lambda: daemon.get("/v1/sweeps/1")["state"] == "finished", "end of the sweep",
                   LONG_S)

    @staticmethod
    def numbers(daemon):
        """What must not depend on who trained a trial, when and how often."""
        trials = daemon.get("/v1/trials?sweep=1&limit=1000")["trials"]
        return {trial["id"]: (trial["state"], trial["steps"], trial["steps_to_target"],
                              trial["final_accuracy"], trial["weights_sha256"])
                for trial in trials}

    def succeeded(self):
        return self.daemon.get("/v1/sweeps/1")["succeeded"]

    def assert_succeeded_once(self, trial):
        attempts = self.daemon.get(f"/v1/trials/{trial}")["attempt_list"]
        states = [attempt["state"] for attempt in attempts]
        self.assertEqual(states.count("succeeded"), 1, states)
        self.assertEqual(states[-1], "succeeded", states)
        self.assertLessEqual(set(states[:-1]), {"expired", "failed", "released"})
        steps = [m["step"] for m in
                 self.daemon.get(f"/v1/trials/{trial}/measurements")["measurements"]]
        self.assertEqual(steps, sorted(set(steps)))
        return len(states)

    def test_the_undisturbed_run_reached_something(self):
        self.assertEqual(len(self.undisturbed), N_TRIALS)
        self.assertEqual({n[0] for n in self.undisturbed.values()}, {"succeeded"})
        self.assertEqual(len({n[4] for n in self.undisturbed.values()}), N_TRIALS)
        reached = [n for n in self.undisturbed.values() if n[2] is not None]
        self.assertGreater(len(reached), N_TRIALS // 2)

    def test_the_number_of_slots_changes_no_number(self):
        self.assertEqual(self.run_sweep(slots=2), self.undisturbed)

    def test_killed_worker_and_daemon_cost_time_and_nothing_else(self):
        self.daemon = Daemon("--lease", "2")
        self.addCleanup(self.daemon.close)
        self.daemon.post("/v1/sweeps", SWEEP)
        workers = [self.start_worker(self.daemon) for _ in range(3)]
        for worker in workers:
            self.addCleanup(worker.close)
        wait_until(lambda: self.succeeded() >= 3 and
                   self.daemon.get("/v1/sweeps/1")["running"] == 3, "the middle of the sweep",
                   LONG_S)
        workers[0].process.kill()
        self.daemon.kill()
        self.daemon.restart()
        self.assertLess(self.succeeded(), N_TRIALS)
        self.wait_for_end(self.daemon)
        self.assertEqual(self.numbers(self.daemon), self.undisturbed)
        attempts = [self.assert_succeeded_once(trial) for trial in self.undisturbed]
        self.assertGreaterEqual(max(attempts), 2)
        for worker in workers[1:]:
            self.assertIsNone(worker.process.poll(), worker.log)


if __name__ == "__main__":
    unittest.main()
