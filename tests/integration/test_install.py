"""What `meson install` puts down, and what README and help point at."""
import importlib.machinery
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

SOURCE_ROOT = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"])
BUILD = pathlib.Path(os.environ["NINETY"]).parent.parent
PROGRAMS = ["NINETY", "NINETYD", "NINETY_WORKER", "NINETY_TRAINER"]


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.scratch.name],
                       check=True, stdout=subprocess.DEVNULL)
        cls.root = pathlib.Path(cls.scratch.name)
        cls.docs = next(cls.root.glob("**/share/doc/ninety"))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def test_b9_what_the_units_name_is_there(self):
        units = sorted(self.root.glob("**/systemd/system/*.service"))
        self.assertEqual([unit.name for unit in units], ["ninety-worker.service", "ninetyd.service"])
        for unit in units:
            text = unit.read_text()
            named = re.findall(r"^ExecStart=(\S+)|^Documentation=file:(\S+)", text, re.M)
            self.assertEqual(len(named), 2, unit.name)
            for path in filter(None, sum(named, ())):
                self.assertTrue((self.root / path.lstrip("/")).is_file(), f"{unit.name}: {path}")
            self.assertNotIn("@", re.sub(r"^#.*|@system-service", "", text, flags=re.M), unit.name)

    def test_b9_the_pages_that_help_names_are_there(self):
        tried = 0
        for program in PROGRAMS:
            helps = [subprocess.run([os.environ[program], "--help"], capture_output=True, text=True).stdout]
            if program == "NINETY":
                commands = re.findall(r"^  ([a-z]+) ", helps[0], re.M)
                helps += [subprocess.run([os.environ[program], c, "--help"], capture_output=True, text=True).stdout
                          for c in commands]
            for page in re.findall(r"docs/([a-z-]+\.md)", "".join(helps)):
                self.assertTrue((self.docs / page).is_file(), f"{program}: docs/{page}")
                tried += 1
        self.assertGreater(tried, 5)

    def test_b9_licence_examples_and_batch_script_are_there(self):
        for name in ["copyright", "README.md", "examples/depth-batch-norm.json", "ninety-worker.sbatch"]:
            self.assertTrue((self.docs / name).is_file(), name)


class Readme(unittest.TestCase):
    def test_b10_a_newcomers_commands_are_found(self):
        tool = importlib.machinery.SourceFileLoader("try_readme", str(SOURCE_ROOT / "tools/try-readme")).load_module()
        commands = tool.commands()
        self.assertIn("tools/quickstart", commands)
        self.assertTrue(any(command.startswith("build/worker/ninety-worker --daemon") for command in commands))
        self.assertFalse([command for command in commands if "HOST" in command or "<" in command])

    def test_b15_the_article_and_its_four_figures_are_named(self):
        text = (SOURCE_ROOT / "README.md").read_text()
        self.assertIn("Chris Rawles", text)
        examples = set(re.findall(r"\| \[[a-z-]+\.json\]\((examples/[a-z-]+\.json)\) \|", text))
        self.assertEqual(len(examples), 4)
        for path in examples:
            self.assertTrue((SOURCE_ROOT / path).is_file(), path)


if __name__ == "__main__":
    unittest.main()
