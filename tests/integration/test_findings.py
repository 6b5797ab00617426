"""C3, C4, C9: what docs/findings.md says of the sweeps in examples/, as far as a small sweep on drawn
digits can show it."""
import json
import re
import unittest

from ninety import SOURCE_ROOT, Programs

PAGE = (SOURCE_ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
README = (SOURCE_ROOT / "README.md").read_text(encoding="utf-8")


class Findings(Programs):
    def test_c4_c9_the_sweeps_are_there_and_have_the_axes(self):
        _, url = self.start_daemon()
        named = set(re.findall(r"ninety run (examples/[a-z-]+\.json)", PAGE))
        self.assertEqual(named, {"examples/depth-batch-norm.json", "examples/learning-rates.json",
                                 "examples/dead-units.json"})
        for name in named:
            done = self.ninety("submit", "--dry-run", SOURCE_ROOT / name, NINETY_DAEMON=url)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        rates = json.loads((SOURCE_ROOT / "examples/learning-rates.json").read_text())["parameters"]
        self.assertEqual(rates, {"learning_rate": [0.0003, 0.001, 0.003, 0.01], "batch_norm": ["none", "before"]})

    def test_c3_units_die_in_the_relu_network_and_gradients_vanish_in_the_sigmoid_network(self):
        done = self.ninety("run", "--db", self.db, "--dataset", "synthetic-digits", "--depth", "7",
                           "--activation", "relu,sigmoid", "--batch-norm", "none,before",
                           "--max-steps", "16", "--stop-at-target", "false", "--workers", "1")
        self.assertEqual(done.returncode, 0, done.stderr)

        def at(column, step, layer):
            return dict(self.query(f"SELECT activation || ' ' || batch_norm, {column} FROM layers "
                                   f"WHERE step = {step} AND layer = {layer}"))
        dead = at("dead", 16, 0)
        self.assertGreater(dead["relu none"], 0.5)
        self.assertEqual(dead["relu before"], 0)
        first, logits = at("gradient_rms", 1, 0), at("gradient_rms", 1, 7)
        ratio = {arm: logits[arm] / first[arm] for arm in first}
        self.assertGreater(ratio["sigmoid none"], 5000)
        for arm in "relu none", "relu before", "sigmoid before":
            self.assertLess(ratio[arm], 50, arm)

    def test_c3_the_readme_says_which_network_shows_what(self):
        self.assertNotIn("likely cause", README)
        self.assertRegex(README, r"(?s)7-layer\s+ReLU network.*units.*dead.*sigmoid network")
        self.assertIn("docs/findings.md", README)


if __name__ == "__main__":
    unittest.main()
