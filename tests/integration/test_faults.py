"""The short form of tools/torture: a quarter of a minute of kills, freezes and garbled messages."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))
from torture import Torture  # noqa: E402


class Faults(unittest.TestCase):
    def test_nothing_is_lost_doubled_or_changed(self):
        seed = int(os.environ.get("NINETY_SEED") or int.from_bytes(os.urandom(4), "big"))
        torture = Torture(seed)
        self.assertTrue(torture.run(15), torture.summary())
        print(torture.summary())


if __name__ == "__main__":
    unittest.main()
