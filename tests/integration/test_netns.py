"""Workers on another machine, for all that the network can tell: daemon and worker in two network
namespaces that only a cable joins. Needs root and iproute2; skipped, by name, where they lack."""
import json
import os
import pathlib
import secrets
import shutil
import subprocess
import sys
import tempfile
import unittest

from daemon import NINETYD, Daemon
from worker import Worker

NINETY = os.environ["NINETY"]
SMOKE = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"]) / "examples" / "smoke.json"
DAEMON_ADDRESS, WORKER_ADDRESS = "10.90.90.1", "10.90.90.2"
UNAUTHORIZED = 77

ASK = "import sys, urllib.request, urllib.error\n" \
      "try: print(urllib.request.urlopen(sys.argv[1], timeout=20).status)\n" \
      "except urllib.error.HTTPError as error: print(error.code)\n"


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def make_namespaces(here, there):
    """Two namespaces and the cable between them."""
    for name in (here, there):
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
    ip("link", "add", here, "netns", here, "type", "veth", "peer", "name", there, "netns", there)
    for name, address in ((here, DAEMON_ADDRESS), (there, WORKER_ADDRESS)):
        ip("-n", name, "addr", "add", f"{address}/30", "dev", name)
        ip("-n", name, "link", "set", name, "up")


class OtherMachine(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0 or not shutil.which("ip"):
            self.skipTest("network namespaces want root and iproute2")
        self.here, self.there = (f"n{os.getpid() % 1000000}{side}" for side in "dw")
        self.addCleanup(self.remove_namespaces)
        try:
            make_namespaces(self.here, self.there)
        except subprocess.CalledProcessError as error:
            self.skipTest(f"no network namespaces here: {error.stderr.decode().strip()}")
        temporary = tempfile.TemporaryDirectory(prefix="ninety-")
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)
        self.token_file = self.folder / "token"
        self.token_file.write_text(secrets.token_hex(16) + "\n")
        self.token_file.chmod(0o600)
        self.start_daemon()

    def remove_namespaces(self):
        for name in (self.here, self.there):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    def start_daemon(self):
        program = self.folder / "ninetyd"
        program.write_text(f"#!/bin/sh\nexec ip netns exec {self.here} '{NINETYD}' \"$@\"\n")
        program.chmod(0o700)
        self.daemon = Daemon("--token-file", str(self.token_file), program=program,
                             listen=f"{DAEMON_ADDRESS}:0")
        self.addCleanup(self.daemon.close)
        self.url = f"http://{DAEMON_ADDRESS}:{self.daemon.port}"

    def worker(self, *options):
        worker = Worker(self.url, *options, trainer=None,
                        prefix=("ip", "netns", "exec", self.there))
        self.addCleanup(worker.close)
        return worker

    def there_run(self, *command, **env):
        done = subprocess.run(["ip", "netns", "exec", self.there, *command], capture_output=True,
                              text=True, timeout=120, env={**os.environ, **env}, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ninety(self, *words):
        return self.there_run(NINETY, *words, "--daemon", self.url,
                              NINETY_TOKEN=self.token_file.read_text().strip())

    def test_a_sweep_is_trained_across_the_cable(self):
        self.ninety("submit", str(SMOKE))
        worker = self.worker("--token-file", str(self.token_file), "--exit-when-idle", "5")
        self.assertEqual(worker.wait(100), 0, worker.log)
        results = json.loads(self.ninety("results", "--format", "json"))
        results = results["results"] if isinstance(results, dict) else results
        self.assertEqual(len(results), 8)
        self.assertEqual({row["state"] for row in results}, {"succeeded"}, results)
        self.assertTrue(all(row["weights_sha256"] for row in results))

    def test_without_the_token_there_is_nothing_but_401(self):
        status = self.there_run(sys.executable, "-c", ASK, f"{self.url}/v1/workers")
        self.assertEqual(status.strip(), "401")
        worker = self.worker()
        self.assertEqual(worker.wait(), UNAUTHORIZED)
        self.assertEqual(worker.log.count("does not accept the token"), 1)


if __name__ == "__main__":
    unittest.main()
