"""Other people's programs for tests: packages from PyPI in a virtual environment of the build tree.

    @classmethod
    def setUpClass(cls):
        cls.python = foreign.python("duckdb", "polars")   # or a skip that names what is missing

    if __name__ == "__main__":
        foreign.main()

The environment is made once and kept (build/foreign-venv); the test's own Python need not know the
packages: it runs `cls.python` as a program.
"""
import fcntl
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

BUILD_ROOT = pathlib.Path(os.environ.get("NINETY_BUILD_ROOT", "build"))
VENV = BUILD_ROOT / "foreign-venv"
NODE = BUILD_ROOT / "foreign-node"
PIP_S = 240


def _marker(package):
    return VENV / "has" / package.replace("/", "_")


def _run(*command):
    """None if all went well, else the last line of what was said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PIP_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = (done.stderr or done.stdout).strip().splitlines()
    return None if done.returncode == 0 else said[-1] if said else f"exit {done.returncode}"


def _install(packages):
    python = VENV / "bin" / "python"
    if not python.exists():
        if importlib.util.find_spec("ensurepip") is None:
            return "this Python has no venv (python3-venv)"
        trouble = _run(sys.executable, "-m", "venv", str(VENV))
        if trouble:
            return trouble
    trouble = _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                   "--retries", "1", "--timeout", "10", *packages)
    if trouble is None:
        for package in packages:
            _marker(package).parent.mkdir(exist_ok=True)
            _marker(package).touch()
    return trouble


def python(*packages):
    """A Python that has these packages, named as for pip ("duckdb", "polars==1.35.2"). Raises
    unittest.SkipTest, which names them, where they cannot be had."""
    BUILD_ROOT.mkdir(exist_ok=True)
    with open(BUILD_ROOT / "foreign-venv.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side
        missing = [package for package in packages if not _marker(package).exists()]
        trouble = _install(missing) if missing else None
    if trouble:
        raise unittest.SkipTest(f"{', '.join(missing)} cannot be installed: {trouble}")
    return str(VENV / "bin" / "python")


def node(*packages):
    """The folder of the programs of these npm packages, made once, as python() does."""
    if shutil.which("npm") is None:
        raise unittest.SkipTest(f"{', '.join(packages)}: there is no npm")
    BUILD_ROOT.mkdir(exist_ok=True)
    with open(BUILD_ROOT / "foreign-node.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        missing = [package for package in packages if not (NODE / "node_modules" / package).exists()]
        trouble = _run("npm", "install", "--prefix", str(NODE), "--no-audit", "--no-fund", "--silent",
                       *missing) if missing else None
    if trouble:
        raise unittest.SkipTest(f"{', '.join(missing)} cannot be installed: {trouble}")
    return NODE / "node_modules" / ".bin"


def main():
    """unittest.main for a file whose tests may all be skipped: then meson is told so (77)."""
    result = unittest.main(exit=False).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.skipped and result.testsRun <= len(result.skipped) else 0)
