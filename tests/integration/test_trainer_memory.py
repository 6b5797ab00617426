"""D9: a trainer that cannot have the memory that OpenBLAS works in. OpenBLAS asks for it for ever."""
import os
import pathlib
import subprocess
import unittest

from ninety import NINETY, TINY, Programs

TRAINER = os.environ["NINETY_TRAINER"]
LIMIT_KIB = 100000  # the libraries fit, OpenBLAS's buffer does not


@unittest.skipIf(b"__asan_init" in pathlib.Path(TRAINER).read_bytes(),
                 "AddressSanitizer needs more address space than a limit leaves")
class TrainerMemory(Programs):
    def limited(self, *words):
        """Runs a program that may have so much address space only."""
        return subprocess.run(["sh", "-c", f"ulimit -v {LIMIT_KIB}; exec \"$@\"", "sh", *map(str, words)],
                              capture_output=True, text=True, cwd=self.folder, stdin=subprocess.DEVNULL,
                              env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, timeout=60)

    def test_d9_a_trainer_says_what_it_lacks_before_it_is_ready(self):
        done = self.limited(TRAINER)
        self.assertEqual(done.returncode, 71, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"the limit of address space is {LIMIT_KIB} KiB, raise it (ulimit -v)", done.stderr)

    def test_d9_train_ends_and_says_why(self):
        self.assertEqual(self.ninety("train", *TINY, "--depth", "1").returncode, 0)  # data are there now
        done = self.limited(NINETY, "train", *TINY, "--depth", "1")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("raise it (ulimit -v)", done.stderr)


if __name__ == "__main__":
    unittest.main()
