"""The short form of tools/attack: each attack for a second, A1, A2, A3, A6, A7 and A14 among them.
Judged is what must hold on any machine, not the times beside a control."""
import os
import pathlib
import sys
import unittest

FAULTS = pathlib.Path(__file__).resolve().parent.parent / "faults"
sys.path.insert(0, str(FAULTS))
os.environ["PYTHONPATH"] = os.pathsep.join([str(FAULTS), str(FAULTS.parent / "integration")])
from attack import PARTS, Attack  # noqa: E402


class Attacked(unittest.TestCase):
    def test_nobody_notices_an_attack(self):
        seed = int(os.environ.get("NINETY_SEED") or int.from_bytes(os.urandom(4), "big"))
        attack = Attack(seed, 1, timing=False)
        self.assertTrue(attack.run(list(PARTS)), attack.summary())


if __name__ == "__main__":
    unittest.main()
