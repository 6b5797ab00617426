"""C7: a BLAS kernel that computes wrong products (tests/wrong_blas.c), seen by every program that
trains."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest

from ninety import NINETY, TINY, Programs, environment, until

MODULE = os.environ["WRONG_BLAS_MODULE"]
# Its second layer has the inner dimension 37, which no product of the probe has.
NETWORK = [*TINY, "--hidden-units", "37,16"]
NETWORK.remove("--width")
NETWORK.remove("16")
FAULT = r"wrong matrix product: kernel {}, shape \d+x16x37 \(nn\): c\[0\]\[0\] is "


class WrongKernel(Programs):
    @classmethod
    def setUpClass(cls):
        """Data and the kernel that is the best when none is wrong, for all tests."""
        os.environ.pop("OPENBLAS_CORETYPE", None)
        cls.prepared = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.prepared.cleanup)
        done = subprocess.run([NINETY, "train", "--json", *NETWORK], capture_output=True, check=True,
                              env=environment(NINETY_CACHE=cls.prepared.name))
        cls.best = json.loads(done.stdout)["kernel"]

    def setUp(self):
        super().setUp()
        shutil.copytree(self.prepared.name, self.folder / "cache")
        self.cache = {"NINETY_CACHE": str(self.folder / "cache")}

    def wrong(self, kernel, k):
        """The environment in which that kernel's products with inner dimension k are wrong."""
        return {**self.cache, "LD_PRELOAD": MODULE, "WRONG_BLAS": f"{kernel}:{k}",
                "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}

    def train(self, *words, **env):
        return self.ninety("train", "--json", *NETWORK, *words, **env)

    def need_another_kernel(self):
        done = self.train(**self.wrong(self.best, 37))
        if "every OpenBLAS kernel" in done.stderr:
            self.skipTest("this machine has one kernel only")
        return done

    def test_c7_train_goes_on_with_another_kernel_and_remembers(self):
        done = self.need_another_kernel()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, FAULT.format(self.best) + ".*; trying another kernel")
        self.assertNotEqual(json.loads(done.stdout)["kernel"], self.best)
        again = self.train(**self.wrong(self.best, 37))
        self.assertEqual((again.returncode, again.stderr), (0, ""))
        self.assertNotEqual(json.loads(again.stdout)["kernel"], self.best)

    def test_c7_a_kernel_that_was_asked_for_is_not_replaced(self):
        done = self.train("--kernel", self.best, **self.wrong(self.best, 37))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, FAULT.format(self.best))
        self.assertEqual(done.stdout, "")

    def test_c7_where_every_kernel_is_wrong_nothing_is_trained(self):
        done = self.train(**self.wrong("*", 37))
        self.assertEqual(done.returncode, 1)
        self.assertIn("every OpenBLAS kernel computes wrong matrix products here", done.stderr)

    def test_c7_a_kernel_that_is_wrong_in_the_probe_is_not_chosen(self):
        self.need_another_kernel()
        shutil.rmtree(self.folder / "cache/kernels")
        done = self.train(**self.wrong(self.best, 200))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("wrong matrix product", done.stderr)
        self.assertNotEqual(json.loads(done.stdout)["kernel"], self.best)

    def test_c7_the_very_first_product_is_checked(self):
        done = self.train("--kernel", self.best, **self.wrong(self.best, 160))
        self.assertEqual(done.returncode, 1)
        self.assertIn("shape 160x160x160", done.stderr)

    def start_worker(self, url, *words, **env):
        log = open(self.folder / "log", "w+", encoding="utf-8")
        self.addCleanup(log.close)
        worker = subprocess.Popen([os.environ["NINETY_WORKER"], "--daemon", url, "--slots", "2", *words],
                                  stderr=log, stdin=subprocess.DEVNULL,
                                  env={**os.environ, **self.cache, **env})
        self.started.append(worker)
        return worker

    def log(self):
        return (self.folder / "log").read_text(encoding="utf-8")

    def submit(self, url):
        done = self.ninety("submit", *NETWORK, "--replicates", "3", NINETY_DAEMON=url)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_c7_a_worker_fails_the_attempt_and_goes_on_with_another_kernel(self):
        self.need_another_kernel()
        shutil.rmtree(self.folder / "cache")
        shutil.copytree(self.prepared.name, self.folder / "cache")
        _, url = self.start_daemon()
        self.submit(url)
        self.start_worker(url, **self.wrong(self.best, 37))
        until(lambda: self.count("succeeded") == 3, "the sweep's end")
        self.assertRegex(self.log(), f"a matrix product was wrong: .* kernel={self.best}")
        self.assertEqual(self.query(f"SELECT count(*) FROM results WHERE kernel = '{self.best}'"), [(0,)])
        ends = self.query("SELECT state, error FROM attempts")
        failed = [error for state, error in ends if state == "failed"]
        self.assertTrue(1 <= len(failed) <= 2, ends)
        for error in failed:
            self.assertRegex(error, FAULT.format(self.best))
        self.assertEqual(self.ninety("check", "--db", self.db).returncode, 0)

    def test_c7_a_worker_with_a_forced_wrong_kernel_stops_with_69(self):
        _, url = self.start_daemon()
        self.submit(url)
        worker = self.start_worker(url, "--kernel", self.best, **self.wrong(self.best, 37))
        self.assertEqual(worker.wait(60), 69, self.log())
        self.assertRegex(self.log(), f"giving up: the kernel computes wrong .* kernel={self.best}")
        self.assertEqual(self.count("running"), 0)
        self.assertLessEqual(self.query("SELECT count(*) FROM attempts WHERE state = 'failed'")[0][0], 2)

    def test_c7_a_run_on_a_broken_machine_says_so(self):
        done = self.ninety("run", "--db", self.db, *NETWORK, **self.wrong("*", 37))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, "giving up: (every|a second) (OpenBLAS )?kernel computes wrong")
        self.assertLessEqual(self.query("SELECT max(attempt) FROM attempts WHERE state = 'failed'")[0][0], 2)


if __name__ == "__main__":
    unittest.main()
