#!/usr/bin/env python3
"""The queue under load: a load generator speaks the worker protocol over HTTP to a real ninetyd.

Prints a table, and with --json one line of JSON. Every trial is claimed, measured and done, and each
step is on disk (synchronous=FULL) before its answer. Rivals, where Debian has them: beanstalkd with
an fsync at every write, and Optuna on SQLite. Disks and neighbours differ: the ratios count, and all
that is compared runs here, one after the other, on the same file system.
"""
import argparse
import contextlib
import json
import multiprocessing
import os
import pathlib
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOAD = BUILD / "bench" / "bench-queue-load"


class Daemon:
    def __init__(self, directory):
        self.db = f"{directory}/ninety.db"
        port_file = f"{directory}/port"
        self.process = subprocess.Popen(
            [BUILD / "daemon" / "ninetyd", "--listen", "127.0.0.1:0", "--db", self.db,
             "--port-file", port_file], stderr=subprocess.DEVNULL)
        while not os.path.exists(port_file):
            time.sleep(0.02)
        self.port = int(open(port_file).read())

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def submit(self, trials, **more):
        return self.call("POST", "/v1/sweeps", grid(trials) | more)["id"]

    def ask(self, sql):
        with contextlib.closing(sqlite3.connect(f"file:{self.db}?mode=ro", uri=True)) as db:
            return db.execute(sql).fetchone()[0]

    def wait_expanded(self):
        while self.ask("SELECT sum(trials - expanded) FROM sweeps"):
            time.sleep(0.01)

    def load(self, mode, **numbers):
        return json.loads(subprocess.run(
            [LOAD, mode, str(self.port), *(f"{k}={v}" for k, v in numbers.items())],
            stdout=subprocess.PIPE, check=True).stdout)

    def cpu_s(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0


@contextlib.contextmanager
def daemon():
    with tempfile.TemporaryDirectory(prefix="ninety-bench-") as directory:
        d = Daemon(directory)
        try:
            yield d
        finally:
            d.process.terminate()
            d.process.wait()


def grid(trials):
    """A sweep of so many trials, in cells of up to 100,000."""
    rates = [round(0.001 + i * 1e-6, 9) for i in range(max(trials // 100_000, 1))]
    return {"base": {"depth": 3, "max_steps": 10**8}, "parameters": {"learning_rate": rates},
            "replicates": min(trials, 100_000)}


def million_cells():
    values = [round(0.001 + i * 1e-6, 9) for i in range(1000)]
    return {"base": {"depth": 3, "max_steps": 10**8},
            "parameters": {"learning_rate": values, "beta1": values}}


# ---- what is measured ----

def trials(seconds, sweeps, queued=0):
    """Trials per second and the daemon's CPU microseconds per trial. `sweeps` are the sizes of those
    that wait at first; with `queued`, sweeps are added so that about so many trials always wait."""
    with daemon() as d:
        for size in sweeps:
            d.submit(size)
        d.wait_expanded()
        before = d.cpu_s()
        found = d.load("trials", seconds=seconds, queued=queued)
        return found["trials_per_s"], (d.cpu_s() - before) * 1e6 / found["trials"]


def queued_millions(seconds):
    """Trials per second with a thousand queued, a million in one sweep, a million in ten that take
    turns; the middle of three rounds each, so that a neighbour's short work favours none."""
    cases = {"thousand_queued_per_s": ([], 1000), "million_queued_per_s": ([1_000_000], 0),
             "million_in_ten_per_s": ([100_000] * 10, 0)}
    found = {name: [] for name in cases}
    for _ in range(3):
        for name, (sweeps, queued) in cases.items():
            found[name].append(trials(max(2, seconds // 2), sweeps, queued)[0])
    return {name: statistics.median(rates) for name, rates in found.items()}


def rows(seconds):
    with daemon() as d:
        d.submit(1000)
        return d.load("rows", seconds=seconds, connections=16, slots=8, rows=64)["rows_per_s"]


def big_sweep(seconds):
    """A million cells are submitted while others claim: time to 201, to the last trial, worst claim."""
    with daemon() as d:
        for _ in range(3):
            d.submit(100_000, priority=1)
        d.wait_expanded()
        others = {}
        loader = threading.Thread(target=lambda: others.update(
            d.load("trials", seconds=seconds, connections=4)))
        loader.start()
        time.sleep(1)
        start = time.monotonic()
        d.call("POST", "/v1/sweeps", million_cells())
        accepted = time.monotonic() - start
        d.wait_expanded()
        expanded = time.monotonic() - start
        loader.join()
        return accepted, expanded, others["slowest_claim_ms"]


def waiting(workers):
    """So many workers in a long poll: memory, and the time until each holds a trial."""
    with daemon() as d:
        loader = subprocess.Popen([LOAD, "wait", str(d.port), f"connections={workers}"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        loader.stdout.readline()
        memory = d.memory_mib()
        out, _ = loader.communicate("\n")
        return memory, json.loads(out)["seconds"]


def export(port, stop):
    """Asks for every result as CSV, over and over, as a person's script does."""
    while not stop.is_set():
        url = f"http://127.0.0.1:{port}/v1/results?format=csv"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=60) as answer:
            while not stop.is_set() and answer.read(1 << 20):
                pass


@contextlib.contextmanager
def exporting(d):
    """The reader that the daemon itself serves."""
    stop = multiprocessing.Event()
    process = multiprocessing.Process(target=export, args=(d.port, stop))
    process.start()
    yield
    stop.set()
    process.join()


@contextlib.contextmanager
def running(*command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield
    process.kill()
    process.wait()


def readers(seconds):
    """Trials per second beside someone who reads everything all the time, divided by those alone
    right before and after. The daemon serves the first; a process of its own, nice, is the sqlite3
    shell; the last reads nothing and only uses a core: what no daemon can help."""
    heavy = "SELECT sum(length(hidden_units)), avg(steps), avg(final_accuracy) FROM results"
    with daemon() as d:
        seconds = max(2, seconds // 2)
        for _ in range(seconds * 7 * 40_000 // 100_000 + 1):
            d.submit(100_000)
        d.wait_expanded()
        beside = {
            "beside_export": lambda: exporting(d),
            "beside_shell": lambda: running("nice", "sqlite3", "-readonly", d.db, *[heavy] * 1000),
            "beside_burner": lambda: running("nice", sys.executable, "-c", "while True: pass"),
        }
        def rate():
            return d.load("trials", seconds=seconds)["trials_per_s"]
        found, alone = {}, rate()
        for name, somebody in beside.items():
            with somebody():
                found[name] = rate()
            before, alone = alone, rate()
            found[name] /= (before + alone) / 2
        return found


def beanstalkd(seconds):
    if not shutil.which("beanstalkd"):
        return None
    with tempfile.TemporaryDirectory(prefix="ninety-bench-") as directory:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        server = subprocess.Popen(["beanstalkd", "-l", "127.0.0.1", "-p", str(port),
                                   "-b", directory, "-f", "0"])
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.05)
            return json.loads(subprocess.run(
                [LOAD, "beanstalk", str(port), f"seconds={seconds}"], stdout=subprocess.PIPE,
                check=True).stdout)["trials_per_s"]
        finally:
            server.terminate()
            server.wait()


def optuna(seconds):
    try:
        import optuna as rival
    except ImportError:
        return None
    rival.logging.set_verbosity(rival.logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="ninety-bench-") as directory:
        study = rival.create_study(storage=f"sqlite:///{directory}/optuna.db",
                                   sampler=rival.samplers.RandomSampler())
        start, n = time.monotonic(), 0
        while time.monotonic() - start < seconds:
            trial = study.ask()
            for name in "abc":
                trial.suggest_float(name, 0, 1)
            for step in range(4):
                trial.report(0.5, step)
            study.tell(trial, 0.9)
            n += 1
        return n / (time.monotonic() - start)


# ---- the table ----

def measure(seconds, say):
    say("trials")
    rate, cpu_us = trials(seconds, [100_000] * 6)
    found = {"trials_per_s": rate, "cpu_us_per_trial": cpu_us}
    say("beanstalkd")
    found["beanstalkd_per_s"] = beanstalkd(seconds)
    say("optuna")
    found["optuna_per_s"] = optuna(seconds)
    say("measurement rows")
    found["rows_per_s"] = rows(seconds)
    say("a thousand and a million queued")
    found |= queued_millions(seconds)
    say("a million cells submitted")
    accepted, expanded, pause = big_sweep(max(20, 3 * seconds))
    found |= {"million_accepted_s": accepted, "million_expanded_s": expanded,
              "million_pause_ms": pause}
    say("10,000 workers waiting")
    memory, served = waiting(10_000)
    found |= {"waiting_mib": memory, "waiting_served_s": served}
    say("a heavy reader")
    found |= readers(seconds)
    return found


def table(f):
    def ratio(rival):
        return f["trials_per_s"] / f[rival] if f[rival] else None
    def deep(name):
        return f[name] / f["thousand_queued_per_s"]
    rows_of_table = [
        ("trials/s: claim, 4 measurements, done; 64 connections", f["trials_per_s"], "{:,.0f}",
         ">= 10,000", ">= 25,000"),
        ("  the daemon's CPU time for each, us", f["cpu_us_per_trial"], "{:.1f}", "", ""),
        ("  against beanstalkd -f 0, put + reserve + delete", ratio("beanstalkd_per_s"), "{:.1f} x",
         ">= 2 x", ">= 5 x"),
        ("  against Optuna on SQLite", ratio("optuna_per_s"), "{:.0f} x", ">= 300 x", ">= 700 x"),
        ("measurement rows/s, batched", f["rows_per_s"], "{:,.0f}", ">= 100,000", ">= 250,000"),
        ("1,000,000 trials queued, in one sweep / 1,000", deep("million_queued_per_s"), "{:.2f}",
         ">= 0.8", ">= 0.95"),
        ("  in ten sweeps that take turns / 1,000", deep("million_in_ten_per_s"), "{:.2f}",
         ">= 0.8", ">= 0.95"),
        ("1,000,000 cells submitted: until accepted, s", f["million_accepted_s"], "{:.1f}", "", ""),
        ("  until every trial is written, s", f["million_expanded_s"], "{:.1f}", "<= 8", "<= 4"),
        ("  slowest claim of others meanwhile, ms", f["million_pause_ms"], "{:.0f}", "<= 250",
         "<= 50"),
        ("10,000 workers waiting: daemon's memory, MiB", f["waiting_mib"], "{:.0f}", "<= 300",
         "<= 150"),
        ("  from submit until each holds a trial, s", f["waiting_served_s"], "{:.2f}", "<= 2",
         "<= 1"),
        ("trials/s beside an export of everything / alone", f["beside_export"], "{:.2f}", ">= 0.90",
         ">= 0.97"),
        ("  beside a heavy query in a sqlite3 shell, nice", f["beside_shell"], "{:.2f}", "", ""),
        ("  beside a program that only uses a core, nice", f["beside_burner"], "{:.2f}", "", ""),
    ]
    print(f"{'':56}{'here':>12}{'first':>13}{'then':>13}")
    for name, value, form, first, then in rows_of_table:
        shown = form.format(value) if value is not None else "absent"
        print(f"{name:56}{shown:>12}{first:>13}{then:>13}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="for each measurement (default 8)")
    parser.add_argument("--json", action="store_true", help="one line of JSON instead of the table")
    args = parser.parse_args()
    found = measure(args.seconds, lambda what: print(f"measuring: {what}", file=sys.stderr))
    if args.json:
        print(json.dumps(found))
    else:
        table(found)


if __name__ == "__main__":
    main()
