"""/metrics of a real ninetyd: well-formed, true, and behind the token."""
import re
import shutil
import subprocess
import unittest

from daemon import Daemon, done, wait_until

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{([a-z_]+)="([^"\\\n]*)"\}})? (-?[0-9][0-9.e+-]*)\n')


def parse(text):
    """The text format 0.0.4, strictly: {(name, label value or None): number}. Each family has its
    HELP, then its TYPE, then its samples, and comes once; no sample comes twice."""
    samples, types, family = {}, {}, None
    lines = text.splitlines(keepends=True)
    assert lines and lines[-1].endswith("\n")
    for line, following in zip(lines, lines[1:] + [""]):
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert re.fullmatch(NAME, family) and family not in types, line
            assert len(line.split()) > 3 and following.startswith(f"# TYPE {family} "), line
        elif line.startswith("# TYPE "):
            _, _, name, types[family] = line.split()
            assert name == family, line
            assert types[family] in ("gauge", "counter", "histogram"), line
            assert (types[family] == "counter") == family.endswith("_total"), line
        else:
            match = SAMPLE.fullmatch(line)
            assert match, f"no sample: {line!r}"
            name, _, value, number = match.groups()
            endings = ("_bucket", "_sum", "_count") if types[family] == "histogram" else ("",)
            assert name in [family + ending for ending in endings], (family, line)
            assert (name, value) not in samples, line
            samples[name, value] = float(number)
    return samples, types


class Metrics(unittest.TestCase):
    def scrape(self, daemon):
        answer = daemon.call("GET", "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        return parse(answer.body.decode())[0]

    def test_e12_a_client_that_gave_up_is_no_failure_of_the_daemon(self):
        with Daemon() as daemon:
            worker = daemon.worker()
            connection = daemon.connect()
            connection.send("POST", "/v1/claims", {"worker": worker, "wait_s": 50})
            wait_until(lambda: self.scrape(daemon)["ninety_claims_waiting", None] == 1, "the claim to wait")
            connection.close()
            wait_until(lambda: ("ninety_http_requests_total", "499") in self.scrape(daemon), "its end to be counted")
            self.assertNotIn(("ninety_http_requests_total", "503"), self.scrape(daemon))

    def test_what_was_done_is_what_is_told(self):
        with Daemon("--lease", "1") as daemon:
            daemon.sweep(6, max_attempts=2)
            worker = daemon.worker()
            claims = daemon.post("/v1/claims", {"worker": worker, "max": 3})["claims"]
            daemon.post("/v1/reports", {"worker": worker, "reports": [
                done(claims[0]["trial"], 1),
                {"trial": claims[1]["trial"], "attempt": 1,
                 "failed": {"reason": "broken", "retry": False}}]})
            daemon.call("GET", "/nothing")
            wait_until(lambda: self.scrape(daemon)["ninety_lease_expirations_total", None] == 1,
                       "the third to expire")
            daemon.post("/v1/sweeps/1/cancel", None)
            got = self.scrape(daemon)
            for name, label, value in [
                    ("ninety_claims_total", None, 3), ("ninety_reports_total", None, 2),
                    ("ninety_measurements_total", None, 7),
                    ("ninety_trials_finished_total", "succeeded", 1),
                    ("ninety_trials_finished_total", "failed", 1),
                    ("ninety_trials_finished_total", "cancelled", 4),
                    ("ninety_trials", "queued", 0), ("ninety_trials", "running", 0),
                    ("ninety_trials", "succeeded", 1), ("ninety_trials", "failed", 1),
                    ("ninety_trials", "cancelled", 4), ("ninety_sweeps", "cancelled", 1),
                    ("ninety_sweeps_submitted_total", None, 1), ("ninety_workers", None, 1),
                    ("ninety_http_requests_total", "404", 1),
                    ("ninety_http_requests_total", "201", 2),
                    ("ninety_database_writable", None, 1)]:
                self.assertEqual(got[name, label], value, (name, label))
            self.assertGreater(got["ninety_wal_bytes", None], 0)
            self.assertGreater(got["ninety_commit_seconds_count", None], 4)
            self.assertEqual(got["ninety_commit_seconds_count", None],
                             got["ninety_commit_seconds_bucket", "+Inf"])
            self.assertGreater(got["ninety_commit_seconds_sum", None], 0)
            self.assertGreater(got["process_resident_memory_bytes", None], 1e6)

    def test_counters_begin_anew_and_states_stay_after_a_restart(self):
        with Daemon() as daemon:
            daemon.sweep(3)
            first = self.scrape(daemon)
            daemon.stop()
            daemon.restart()
            second = self.scrape(daemon)
            self.assertEqual(first["ninety_sweeps_submitted_total", None], 1)
            self.assertEqual(second["ninety_sweeps_submitted_total", None], 0)
            self.assertEqual(second["ninety_trials", "queued"], 3)
            self.assertGreaterEqual(second["process_start_time_seconds", None],
                                    first["process_start_time_seconds", None])

    def test_promtool_has_no_complaint(self):
        promtool = shutil.which("promtool")
        if not promtool:
            self.skipTest("promtool (Debian: prometheus) is not installed")
        with Daemon() as daemon:
            text = daemon.call("GET", "/metrics").body
            done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_it_is_behind_the_token_and_takes_no_parameters(self):
        with Daemon() as daemon:
            token = daemon.folder / "token"
            token.write_text("correct-horse-battery-staple\n")
            token.chmod(0o600)
            answer = daemon.call("GET", "/metrics?format=json")
            self.assertEqual((answer.status, answer.json["error"]["field"]), (400, "format"))
            self.assertEqual(daemon.call("POST", "/metrics", {}).status, 405)
            daemon.stop()
            daemon.flags = ("--token-file", str(token))
            daemon.restart()
            self.assertEqual(daemon.call("GET", "/metrics").status, 401)
            daemon.token = "correct-horse-battery-staple"
            self.assertEqual(daemon.call("GET", "/metrics").status, 200)


if __name__ == "__main__":
    unittest.main()
