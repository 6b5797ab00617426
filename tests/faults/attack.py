"""Attacks a daemon in the middle of a sweep and checks that nobody else notices.

Workers claim and report trials all the time, others come new, read and look at the daemon's
health. Each part adds hostile clients for some seconds; then, as control, clients that burn as much
CPU and do no harm, for on a small machine that alone makes everyone wait. The times of both are
printed and compared. Everything that was acknowledged must be in the database."""
import json
import os
import pathlib
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time

from bystanders import Crowd
from daemon import Daemon, wait_until

NINETY = os.environ["NINETY"]
HERE = pathlib.Path(__file__).resolve().parent
TOKEN = "0123456789abcdef" * 4
MIB = 2**20
RATIO, SMALL_MS, FAST_MS = 3, 15, 50  # p99: 3 x the control's, < 50 ms where that is < 15 ms
# Nobody waits longer for an answer (the short form, among other tests: thrice as long); newcomers
# have the token, but no connection.
LIMITS_S = {"claim": 2, "report": 2, "submission": 3, "newcomer": 1, "health": 2, "read": 3}
STOP_S = 2
MEMORY_MIB = 320      # what a part may add to the daemon's memory
HISTORY = 12000       # trials that ended before, for those who read
SILENT = 19000        # connections; the daemon takes 16,384
KEPT_MIB = 192        # by eight readers of the database with 16 MiB each, and by malloc
TRIES = 3             # of a part that breaks rules about time only: the machine may be busy

# name -> what it is, processes, with tokens, without
PARTS = {
    "extension": ("A1: one request too long for its pool", 1, True, True),
    "extensions": ("A1: 64 of them, held and closed", 1, True, True),
    "bodies": ("A2: 150 bodies of 15.9 MiB by strangers", 1, True, False),
    "bodies_let_in": ("A2: 150 bodies of 15.9 MiB by those let in", 1, True, True),
    "idle": ("A3: 19,000 silent connections of one address", 1, True, True),
    "idle_many": ("A3: 19,000 silent connections of 64 addresses", 1, True, False),
    "results": ("A6: results that cannot be", 1, True, True),
    "leases": ("A7: trials of others, more trials than slots", 1, True, True),
    "heartbeats": ("A7: nothing but heartbeats", 1, True, True),
    "guesses": ("A13: guessing the token", 2, True, False),
    "mute_readers": ("A14: 1,000 readers who take nothing", 1, True, True),
    "mute_listeners": ("1,100 listeners to events who take nothing", 1, True, True),
    "slow_heads": ("slow-loris: 1,000 heads, byte by byte", 1, True, True),
    "slow_bodies": ("slow-loris: 1,000 bodies, byte by byte", 1, True, True),
    "connections": ("connecting and going, as fast as possible", 2, True, True),
    "malformed": ("malformed requests, as fast as possible", 2, True, True),
}
HEAD = """\
                 made cpu         attack        control  p99  new  read lost
                        %   p50/ p99/ max  p50/ p99/ max    x   ms    ms"""


def short(seconds):
    """Milliseconds in four characters; seconds where they do not fit."""
    value = seconds * 1000
    return (f"{value:.1f}" if value < 99.95 else f"{value:.0f}" if value < 9999.5 else
            f"{seconds:.0f}s" if seconds < 1000 else "-")


def three(samples):
    return "/".join(f"{short(samples.quantile(q)):>4}" for q in (0.5, 0.99, 1))


READERS = 2 * 24  # the daemon keeps its readers of the database, of two descriptors each


class Part:
    """One part's run: what was seen of the attack, and of its control."""

    def __init__(self, made, cpu, samples, failures, findings):
        self.made, self.cpu, self.samples = made, cpu, samples
        self.failures, self.findings = failures, findings
        self.control = None
        self.lost = 0

    def ratio(self):
        return self.samples["claim"].quantile(0.99) / self.control["claim"].quantile(0.99)

    def slow(self):
        """How its times break the rule; None if they do not, or there is no control."""
        if self.control is None:
            return None
        attack, control = (s["claim"].quantile(0.99) * 1000 for s in (self.samples, self.control))
        if attack > RATIO * control:
            return f"claims p99 {attack:.1f} ms, more than {RATIO} x the control's {control:.1f} ms"
        if control < SMALL_MS and attack >= FAST_MS:
            return f"claims p99 {attack:.1f} ms, not under {FAST_MS} ms (control {control:.1f} ms)"
        return None

    def line(self, name):
        control = three(self.control["claim"]) if self.control else ""
        ratio = f"{min(self.ratio(), 999):.1f}" if self.control else ""
        return (f"{name:14}{self.made:>7}{100 * self.cpu:>4.0f} {three(self.samples['claim'])} "
                f"{control:14}{ratio:>5}{short(self.samples['newcomer'].worst):>5}"
                f"{short(self.samples['read'].worst):>6}{self.lost:>5}")


class Attack:
    def __init__(self, seed, seconds, say=print, timing=True):
        self.seed, self.seconds, self.say, self.timing = seed, seconds, say, timing
        self.random = random.Random(seed)
        self.violations = []
        self.n_parts = 0
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit[1], limit[1]))

    def violation(self, name, text):
        self.violations.append(f"{name}: {text}")
        self.say(f"  VIOLATION {text}")

    # ---- the daemon, with its crowd ----

    def run(self, names):
        for with_token in (True, False):
            parts = [n for n in names if PARTS[n][2 if with_token else 3]]
            if parts:
                self.say(("with a token:" if with_token else "without tokens, on loopback:")
                         + ("\n" + HEAD if with_token or len(parts) == len(names) else ""))
                with tempfile.TemporaryDirectory(prefix="ninety-attack-") as folder:
                    self.run_mode(pathlib.Path(folder), parts, TOKEN if with_token else None)
        return not self.violations

    def run_mode(self, folder, parts, token):
        flags = ["--die-with-parent"]
        if token:
            (folder / "token").touch(mode=0o600)
            (folder / "token").write_text(token + "\n")
            flags += ["--token-file", str(folder / "token")]
        self.daemon = Daemon(*flags, folder=folder)
        self.sanitized = b"__asan_init" in pathlib.Path(self.daemon.program).read_bytes()
        self.crowd = Crowd(self.daemon.port, token)
        try:
            self.make_history()
            before = self.usage()
            for name in parts:
                self.run_part(name)
                self.n_parts += 1
            self.calm(before)
            self.stop()
            self.check(folder)
        finally:
            self.crowd.over.set()
            self.daemon.close()

    def make_history(self):
        """Ended trials by the thousand, then the usual pace."""
        self.crowd.hurried = True
        self.crowd.start()
        wait_until(lambda: len(self.crowd.acknowledged) >= (HISTORY if self.timing else 2000), "the first trials", 120)
        self.crowd.hurried = False
        self.crowd.watch()
        time.sleep(0.3)
        failures = self.crowd.seen()[1]
        if failures:
            self.violation("start", failures[0])

    def usage(self):
        """(MiB of memory, descriptors) of the daemon; no memory where it is a sanitizer's."""
        process = pathlib.Path(f"/proc/{self.daemon.process.pid}")
        if self.sanitized:
            return 0, len(os.listdir(process / "fd"))
        status = (process / "status").read_text()
        rss = int(status.split("VmRSS:")[1].split()[0]) / 1024
        return rss, len(os.listdir(process / "fd"))

    def forget_peak(self):
        pathlib.Path(f"/proc/{self.daemon.process.pid}/clear_refs").write_text("5")

    def peak(self):
        status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    # ---- a part ----

    def clients(self, name, n, seconds, **more):
        """Runs n of attackers.py; (seconds, CPU seconds, what they printed)."""
        config = {"port": self.daemon.port, "token": self.crowd.token, "seconds": seconds,
                  "silent": SILENT if self.timing else 3000, **more}
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        running = [subprocess.Popen([sys.executable, str(HERE / "attackers.py"), name,
                                     json.dumps({**config, "seed": self.random.getrandbits(32)})],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
                   for _ in range(n)]
        try:
            words = [process.communicate(timeout=seconds + 60)[0] for process in running]
        finally:
            for process in running:
                process.kill()
                process.wait()
        took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        if any(process.returncode != 0 for process in running):
            raise AssertionError(f"the attackers of {name} failed")
        return took, cpu, [json.loads(word) for word in words]

    def run_part(self, name):
        for attempt in range(TRIES):
            part = self.try_part(name)
            broken, late = self.broken(part), self.late(part)
            if broken or not late:
                break
            if attempt < TRIES - 1:
                self.say(f"{part.line(name)}\n  {late[0]}; once more")
        self.say(part.line(name))
        for text in broken + late:
            self.violation(name, text)

    def try_part(self, name):
        n = PARTS[name][1]
        self.daemon_must_live(name)
        self.forget_peak()
        memory = self.usage()[0]
        self.crowd.watch()
        took, cpu, words = self.clients(name, n, self.seconds)
        samples, failures, fresh = self.crowd.seen()
        findings = {text: n for word in words for text, n in word["findings"].items()}
        part = Part(sum(word["made"] for word in words), cpu / took, samples, failures, findings)
        if not self.sanitized and self.alive() and self.peak() - memory > MEMORY_MIB:
            findings[f"the daemon took {self.peak() - memory:.0f} MiB of memory more, over "
                     f"{MEMORY_MIB}"] = 1
        self.recover(name)
        part.lost = self.lost(fresh)
        if self.timing:
            self.crowd.watch()
            self.clients("burn", n, self.seconds, share=min(1, part.cpu / n))
            part.control = self.crowd.seen()[0]
        return part

    def broken(self, part):
        """What must not be, however long it took."""
        found = [f"{text} ({times} x)" if times > 1 else text
                 for text, times in part.findings.items()]
        if part.failures:
            found.append(f"{len(part.failures)} requests of others failed, such as "
                         f"{part.failures[0]}")
        if part.lost:
            found.append(f"{part.lost} acknowledged results lost")
        if not part.samples["claim"].seconds or not part.samples["report"].seconds:
            found.append("no claims, or no reports, were made")
        return found

    def late(self, part):
        """Who waited too long; on a busy machine it may be that which does it."""
        found = [part.slow()] if part.slow() else []
        for kind, limit_s in LIMITS_S.items():
            worst = part.samples[kind].worst
            limit_s *= 1 if self.timing else 3
            if worst > limit_s:
                found.append(f"{kind}: {worst:.1f} s until an answer, over {limit_s} s")
        return found

    def alive(self):
        return self.daemon.process.poll() is None

    def daemon_must_live(self, name):
        if not self.alive():
            self.violation(name, f"the daemon ended with {self.daemon.process.returncode}")
            self.daemon.restart()

    def recover(self, name):
        """The attackers are gone: within seconds all is as it was. Else the daemon is killed."""
        self.daemon_must_live(name)
        def serves():
            try:
                return self.daemon.call("GET", "/healthz").status == 200
            except OSError:
                return False
        self.crowd.watch()
        try:
            wait_until(serves, "the daemon to answer again", 10)
            wait_until(lambda: self.crowd.samples["claim"].seconds, "a claim to be answered", 10)
        except AssertionError as error:
            self.violation(name, f"after the attack: {error}; killed and started again")
            self.daemon.kill()
            self.daemon.restart()
            wait_until(lambda: self.crowd.samples["claim"].seconds, "a claim to be answered", 60)

    def lost(self, acknowledged):
        """How many of these ends the database does not have."""
        database = sqlite3.connect(f"file:{self.daemon.folder}/ninety.db?mode=ro", uri=True)
        first = min((trial for trial, _ in acknowledged), default=0)
        stored = {(t, a): sha for t, a, sha in database.execute(
            "SELECT trial, attempt, weights_sha256 FROM attempts "
            "WHERE trial >= ? AND state = 'succeeded'", (first,))}
        database.close()
        return sum(stored.get(lease) != sha for lease, sha in acknowledged.items())

    # ---- afterwards ----

    def calm(self, before):
        """Every sweep is finished, and the daemon is again as it was."""
        self.daemon_must_live("end")
        self.crowd.refilling, self.crowd.hurried = False, True
        self.daemon.token = self.crowd.token
        def finished():
            sweeps = self.daemon.get("/v1/sweeps?limit=1000")["sweeps"]
            return all(s["state"] == "finished" for s in sweeps if s["name"] == "attack")
        try:
            wait_until(finished, "the sweeps to be finished", 60)
        except AssertionError as error:
            self.violation("end", str(error))
        self.two_claims()
        self.crowd.stop()
        try:  # a client that went unseen is given up at its deadline
            most = before[1] + 16 + READERS
            wait_until(lambda: self.usage()[1] <= most, "the connections to end", 30)
        except AssertionError:
            self.violation("end", f"{before[1]} descriptors before, {self.usage()[1]} after")
        if self.usage()[0] > before[0] + KEPT_MIB:
            self.violation("end", f"memory {before[0]:.0f} MiB before, {self.usage()[0]:.0f} after")

    def two_claims(self):
        """Nothing is left to claim: now claims wait, one of a registration at most."""
        _, _, words = self.clients("claims", 1, min(self.seconds, 2))
        for text in words[0]["findings"]:
            self.violation("claims", text)

    def stop(self):
        """In the middle of an attack."""
        config = {"port": self.daemon.port, "token": self.crowd.token, "seconds": 3, "seed": 1}
        attackers = [subprocess.Popen([sys.executable, str(HERE / "attackers.py"), name,
                                       json.dumps(config)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL)
                     for name in ("extensions", "slow_heads")]
        time.sleep(1)
        began = time.monotonic()
        try:
            status = self.daemon.stop(STOP_S)
            if status != 0:
                self.violation("stop", f"the daemon stopped with {status}")
        except subprocess.TimeoutExpired:
            self.violation("stop", f"{STOP_S} s after SIGTERM the daemon still runs")
            self.daemon.kill()
        self.stopped_in = time.monotonic() - began
        for attacker in attackers:
            attacker.kill()
            attacker.wait()

    def check(self, folder):
        missing = self.lost(self.crowd.acknowledged)
        if missing:
            self.violation("end", f"{missing} of {len(self.crowd.acknowledged)} acknowledged "
                                  "results lost")
        database = sqlite3.connect(folder / "ninety.db")
        left = database.execute("SELECT count(*) FROM results r JOIN sweeps s ON s.id = r.sweep "
                                "WHERE s.name = 'attack' AND r.state <> 'succeeded'").fetchone()[0]
        twice = database.execute("SELECT count(*) FROM (SELECT 1 FROM attempts WHERE state = "
                                 "'succeeded' GROUP BY trial HAVING count(*) > 1)").fetchone()[0]
        database.close()
        if left:
            self.violation("end", f"{left} trials did not succeed")
        if twice:
            self.violation("end", f"{twice} trials succeeded twice")
        check = subprocess.run([NINETY, "check", "--db", str(folder / "ninety.db")],
                               capture_output=True, text=True, check=False)
        if check.returncode != 0:
            lines = (check.stdout + check.stderr).strip().splitlines()
            self.violation("end", f"ninety check ends with {check.returncode}: {lines[0]}, and "
                                  f"{len(lines) - 1} lines more")
        self.say(f"  {len(self.crowd.acknowledged)} results acknowledged, {missing} lost; stopped "
                 f"in {self.stopped_in:.1f} s")

    def summary(self):
        return "\n".join([f"seed {self.seed}", *self.violations])
