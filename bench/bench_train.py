"""How fast is the training engine? `tools/bench train [--rounds 5] [--quick] [--json]`

Measured side by side in one run, rivals by turns, on one core: a training step against the bare
matrix products, with and without batch normalization, against PyTorch; the article's 14 networks
from start to 90 %, the target tested after every step; two slots against one; small and odd
networks. CPU time wherever one thread does the work, so that a busy machine disturbs the ratios
less; medians over the rounds.
"""
import argparse
import gzip
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TRAINER = [str(BUILD / "worker" / "trainer" / "ninety-trainer")]
TORCH = ["/usr/bin/python3", str(ROOT / "bench" / "torch_trainer.py")]
STEPS = [str(BUILD / "bench" / "bench-train-steps")]
KERNELS = [None, "SkylakeX", "Cooperlake", "Zen", "Haswell"]
UNITS = [500, 400, 300, 200, 100, 50, 25]
ODD = [("1 layer of 16, batch 32", [16], 32), ("2 layers of 2000, batch 550", [2000] * 2, 550),
       ("30 layers of 100, batch 550", [100] * 30, 550)]
FILES = [f"{name}-ubyte" for name in ("train-images-idx3", "train-labels-idx1",
                                      "t10k-images-idx3", "t10k-labels-idx1")]


def note(text):
    print(text, file=sys.stderr, flush=True)


# ---- data ----

def unpack_data(to):
    """MNIST's four files, decompressed; the places are those of tools/quickstart."""
    for place in (os.environ.get("NINETY_DATA"), ROOT / "data" / "mnist", ROOT.parent / "shared" / "mnist"):
        if place and all((pathlib.Path(place) / f"{name}.gz").exists() for name in FILES):
            for name in FILES:
                with gzip.open(pathlib.Path(place) / f"{name}.gz") as packed, open(to / name, "wb") as plain:
                    shutil.copyfileobj(packed, plain)
            return
    sys.exit("MNIST is not here: put its four .gz files into data/mnist or name their directory in NINETY_DATA")


def cut_test_set(data, to, n):
    """The same training files, and n test images."""
    for name in FILES[:2]:
        (to / name).symlink_to(data / name)
    for name, header, size in ((FILES[2], 16, 784), (FILES[3], 8, 1)):
        values = (data / name).read_bytes()
        (to / name).write_bytes(values[:4] + n.to_bytes(4, "big") + values[8:header + n * size])


# ---- trainers ----

def environment(kernel):
    env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    env.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    if kernel:
        env["OPENBLAS_CORETYPE"] = kernel
    return env


def config_of(hidden_units, **fields):
    config = dict(dataset="mnist", hidden_units=hidden_units, activation="relu", batch_norm="none",
                  bn_momentum=0.9, bn_epsilon=1e-3, initializer="he_normal", optimizer="adam",
                  learning_rate=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum=0.9,
                  batch_size=550, train_size=55000, target_accuracy=0.9, max_steps=2000,
                  stop_at_target=True, seed=1)
    config.update(fields)
    config["batch_norm_output"] = config["batch_norm"] != "none"
    return config


class Trainer:
    """A process that speaks the line protocol, past its `ready`."""

    def __init__(self, command, kernel):
        self.process = subprocess.Popen(command, env=environment(kernel), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ready = json.loads(self.process.stdout.readline())

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def send(self, data, config):
        job = {"trial": 1, "attempt": 1, "config": config, "data_dir": str(data)}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def events(self):
        """Up to the trial's end."""
        for line in self.process.stdout:
            event = json.loads(line)
            yield event
            if event["type"] == "failed":
                sys.exit(f"{self.ready['trainer']}: {event['reason']}")
            if event["type"] == "done":
                return
        sys.exit(f"{self.ready['trainer']} died")

    def train(self, data, config):
        self.send(data, config)
        return list(self.events())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def best_kernel():
    """The choice that ninety-worker makes: the fastest of short probes."""
    speeds = {}
    for kernel in KERNELS:
        done = subprocess.run(TRAINER + ["--probe", "--repeat", "9"], env=environment(kernel),
                              capture_output=True, text=True, check=True)
        speeds[kernel] = json.loads(done.stdout)["gflops"]
    return max(speeds, key=speeds.get), speeds


def ms_per_step(trainer, data, config):
    """CPU time of a step once everything is warm: between the measurements at steps 8 and 16."""
    config = dict(config, max_steps=16, target_accuracy=1.0)
    at = {e["step"]: e["cpu_ms"] for e in trainer.train(data, config) if e["type"] == "measurement"}
    return (at[16] - at[8]) / 8


def median_rounds(rounds, contestants):
    """{name: median} of functions that take turns."""
    results = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, measure in contestants.items():
            results[name].append(measure())
    return {name: statistics.median(values) for name, values in results.items()}


# ---- measurements ----

def measure_steps(data, kernel, rounds):
    done = subprocess.run(STEPS + [str(data), str(rounds), "7"], env=environment(kernel),
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure_torch(data, kernel, rounds, hidden_units, batch):
    trainers = {"ours": Trainer(TRAINER, kernel), "torch": Trainer(TORCH, None),
                "torch_kernel": Trainer(TORCH, kernel)}
    config = config_of(hidden_units, batch_size=batch)
    result = median_rounds(rounds, {name: lambda t=t: ms_per_step(t, data, config)
                                    for name, t in trainers.items()})
    for trainer in trainers.values():
        trainer.close()
    return result


def article_jobs():
    return [config_of(UNITS[:depth], batch_norm=bn) for depth in range(1, 8) for bn in ("none", "before")]


def measure_total(command, kernel, data):
    """CPU seconds of the 14 jobs, from a started trainer, and their steps to target."""
    trainer = Trainer(command, kernel)
    start = trainer.cpu_s()
    steps = [trainer.train(data, config)[-1].get("steps_to_target") for config in article_jobs()]
    seconds = trainer.cpu_s() - start
    trainer.close()
    return seconds, steps


def measure_slots(data, kernel):
    """Trials per minute of two trainers at once, of one alone."""
    def train_all(trainer):
        for config in article_jobs():
            trainer.train(data, config)

    def wall(n):
        trainers = [Trainer(TRAINER, kernel) for _ in range(n)]
        start = time.monotonic()
        threads = [threading.Thread(target=train_all, args=(trainer,)) for trainer in trainers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - start
        for trainer in trainers:
            trainer.close()
        return seconds

    seconds = median_rounds(3, {"one": lambda: wall(1), "two": lambda: wall(2)})
    return 2 * seconds["one"] / seconds["two"]


def measure_start(data, folder, kernel):
    """Seconds from starting the trainer's process to the end of its first step, 7 layers."""
    cut_test_set(data, folder, 100)

    def once():
        start = time.monotonic()
        trainer = Trainer(TRAINER, kernel)
        trainer.send(folder, config_of(UNITS, max_steps=1))
        next(trainer.events())
        seconds = time.monotonic() - start
        for _ in trainer.events():
            pass
        trainer.close()
        return seconds

    return min(once() for _ in range(5))


def main():
    parser = argparse.ArgumentParser(prog="tools/bench train", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="leave out the 14 jobs and the odd networks")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows, seen = [], {}

    def row(name, value, first, then, unit="x"):
        rows.append({"measure": name, "measured": round(value, 3), "first": first, "then": then, "unit": unit})

    with tempfile.TemporaryDirectory() as folder:
        data, small = pathlib.Path(folder) / "data", pathlib.Path(folder) / "small"
        data.mkdir()
        small.mkdir()
        unpack_data(data)
        kernel, seen["gflops"] = best_kernel()
        seen["kernel"] = kernel or "as OpenBLAS chooses"
        note(f"kernel: {seen['kernel']}")

        note("steps")
        seen["steps"] = s = measure_steps(data, kernel, 4 * args.rounds)
        row("train step, 7 layers / its matrix products alone", s["step_none_ms"] / s["products_ms"], "<= 1.10", "<= 1.05")
        row("step with normalization before the activation / without", s["step_before_ms"] / s["step_none_ms"], "<= 1.04", "<= 1.02")
        row("step with normalization after the activation / without", s["step_after_ms"] / s["step_none_ms"], "", "")
        row("step whose layers are measured / another", s["step_measured_ms"] / s["step_none_ms"], "", "")
        row("early exit at its earliest / train step", s["early_exit_ms"] / s["step_none_ms"], "", "")

        note("PyTorch's step")
        seen["torch"] = t = measure_torch(data, kernel, args.rounds, UNITS, 550)
        row("PyTorch as it comes / ours, train step", t["torch"] / t["ours"], ">= 2.0", ">= 2.2")
        row("PyTorch with our kernel / ours, train step", t["torch_kernel"] / t["ours"], ">= 1.35", ">= 1.5")

        if not args.quick:
            note("the 14 jobs: ours")
            ours, our_steps = measure_total(TRAINER, kernel, data)
            note("the 14 jobs: PyTorch")
            theirs, their_steps = measure_total(TORCH, None, data)
            seen["total"] = {"ours_s": ours, "torch_s": theirs, "our_steps": our_steps, "torch_steps": their_steps}
            row("PyTorch as it comes / ours, 14 jobs to 90 %", theirs / ours, ">= 8", ">= 10")
            per_step = (theirs / sum(their_steps)) / (ours / sum(our_steps))
            row("the same per step taken (seeds differ)", per_step, "", "")

        note("slots")
        row("two slots / one, trials per minute", measure_slots(data, kernel), ">= 1.85", ">= 1.95")
        row("trainer's start to the end of its first step", measure_start(data, small, kernel), "<= 0.3", "<= 0.1", "s")
        for name, units, batch in [] if args.quick else ODD:
            note(name)
            o = measure_torch(data, kernel, max(1, args.rounds // 2), units, batch)
            seen[name] = o
            row(f"PyTorch as it comes / ours, {name}", o["torch"] / o["ours"], "", "")

    if args.json:
        print(json.dumps({"rows": rows, "seen": seen}, indent=2))
        return
    print(f"kernel {seen['kernel']}, {s['variant']}; ms: products {s['products_ms']:.2f}, step {s['step_none_ms']:.2f}, "
          f"PyTorch {t['torch']:.2f} / {t['torch_kernel']:.2f}, evaluation {s['evaluation_ms']:.0f}")
    print(f"{'measure':<58} {'measured':>9}   {'first':<9} {'then':<9}")
    for r in rows:
        print(f"{r['measure']:<58} {r['measured']:>9.3f} {r['unit']} {r['first']:<9} {r['then']:<9}")


main()
