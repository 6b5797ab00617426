"""What a slot costs: the images belong to all trainers of a machine together."""
import os
import pathlib
import re
import unittest

from daemon import wait_until
from fake_daemon import FakeDaemon
from worker import Worker

MEGABYTE = 1 << 20
MOST_PER_SLOT = 80 * MEGABYTE
IMAGES = (60000 + 10000) * 784

SEVEN_LAYERS = {"dataset": "synthetic-digits", "hidden_units": [500, 400, 300, 200, 100, 50, 25],
                "batch_norm": "before", "train_size": 60000, "batch_size": 600,
                "max_steps": 2000, "target_accuracy": 1.0}


def memory(pid):
    """Bytes that only this process has, and bytes that it shares."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    sizes = {name: int(kib) * 1024 for name, kib in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}
    return (sizes["Private_Clean"] + sizes["Private_Dirty"],
            sizes["Shared_Clean"] + sizes["Shared_Dirty"])


class Slots(unittest.TestCase):
    def test_a_further_slot_costs_less_than_80_mib(self):
        if b"__asan_init" in pathlib.Path(os.environ["NINETY_TRAINER"]).read_bytes():
            self.skipTest("most of this trainer's memory is the sanitizer's")
        daemon = FakeDaemon()
        self.addCleanup(daemon.stop)
        worker = Worker(daemon.url, slots=2, trainer=None)
        self.addCleanup(worker.close)
        daemon.submit(0, 1, **SEVEN_LAYERS)
        # An epoch and an evaluation of everything: every page has been touched.
        wait_until(lambda: all(max(daemon.steps.get((trial, 1)) or {0}) > 100 for trial in (1, 2)),
                   "an epoch", 150)
        for pid in worker.trainers():
            private, shared = memory(pid)
            self.assertLess(private, MOST_PER_SLOT)
            self.assertGreater(shared, IMAGES)


if __name__ == "__main__":
    unittest.main()
