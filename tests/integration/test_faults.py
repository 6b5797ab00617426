"""The short form of tools/torture: a quarter of a minute of kills, freezes and garbled messages. And
faults of which chance makes too few."""
import os
import pathlib
import signal
import sys
import unittest

from daemon import Daemon, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
from proxy import Proxy  # noqa: E402
from torture import SWEEP, Torture, Worker  # noqa: E402


class Faults(unittest.TestCase):
    def test_nothing_is_lost_doubled_or_changed(self):
        seed = int(os.environ.get("NINETY_SEED") or int.from_bytes(os.urandom(4), "big"))
        torture = Torture(seed)
        self.assertTrue(torture.run(15), torture.summary())
        print(torture.summary())

    def test_a_trial_granted_in_the_moment_of_a_stop_is_back_at_once(self):
        with Daemon("--lease", "60") as daemon:
            proxy = Proxy(daemon.port, {}, 0)
            self.addCleanup(proxy.close)
            worker = Worker(proxy.url, daemon.folder, "worker")
            self.addCleanup(worker.kill)
            wait_until(lambda: "registered" in worker.log.read_text(), "registration")
            proxy.rates = {"answer cut": 1}
            sweep = daemon.post("/v1/sweeps", SWEEP)["id"]
            wait_until(lambda: daemon.get(f"/v1/sweeps/{sweep}")["running"], "a claim")
            proxy.calm()
            worker.process.send_signal(signal.SIGTERM)
            self.assertEqual(worker.process.wait(5), 0)
            state = daemon.get(f"/v1/sweeps/{sweep}")
            self.assertEqual((state["queued"], state["running"]), (state["trials"], 0))
            self.assertEqual(daemon.get("/v1/workers")["workers"][0]["state"], "gone")


if __name__ == "__main__":
    unittest.main()
