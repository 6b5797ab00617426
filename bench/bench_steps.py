"""Do our networks need as many steps as PyTorch's? `tools/bench steps [--replicates 10] [--json]`

Both trainers take the same sweep through the same queue (`ninety run --trainer`), each into a
database of its own; the medians come from the view `summary`. The two draw their random numbers
differently, so medians agree within the spread of the seeds, not to the step: the last column
says whether the interquartile ranges overlap.
"""
import argparse
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
NINETY = ROOT / "build" / "cli" / "ninety"
COLUMNS = ("median_steps", "q1_steps", "q3_steps", "reached", "n", "mean_ms_per_step")
QUERY = f"SELECT depth, batch_norm, {', '.join(COLUMNS)} FROM summary ORDER BY depth, batch_norm DESC"


def measure(folder, name, trainer, args):
    """Runs the sweep with one trainer; {column: value} by (depth, batch_norm)."""
    db = pathlib.Path(folder) / f"{name}.db"
    command = [NINETY, "run", "--db", db, "--depth", args.depths, "--batch-norm", "none,before",
               "--replicates", args.replicates, "--dataset", args.dataset, "--name", name]
    if trainer:
        command += ["--trainer", trainer]
    print(f"{name}: {args.replicates} seeds of each network", file=sys.stderr)
    done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{name}: ninety run ended with {done.returncode}")
    rows = sqlite3.connect(f"file:{db}?mode=ro", uri=True).execute(QUERY).fetchall()
    return {row[:2]: dict(zip(COLUMNS, row[2:])) for row in rows}


def steps_text(cell):
    median, low, high = (">max" if cell[c] is None else f"{cell[c]:g}" for c in COLUMNS[:3])
    return f"{median} [{low}, {high}]"


def overlap(ours, theirs):
    def bound(cell, column):
        return float("inf") if cell[column] is None else cell[column]
    return (bound(ours, "q1_steps") <= bound(theirs, "q3_steps")
            and bound(theirs, "q1_steps") <= bound(ours, "q3_steps"))


def main():
    parser = argparse.ArgumentParser(prog="tools/bench steps", description=__doc__.split("\n")[0])
    parser.add_argument("--depths", default="1,4,7")
    parser.add_argument("--replicates", default="10")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = measure(folder, "ninety", None, args)
        theirs = measure(folder, "pytorch", ROOT / "bench" / "torch_trainer.py", args)
    if args.json:
        print(json.dumps([{"depth": depth, "batch_norm": batch_norm, "ninety": cell,
                           "pytorch": theirs[depth, batch_norm],
                           "overlap": overlap(cell, theirs[depth, batch_norm])}
                          for (depth, batch_norm), cell in ours.items()], indent=2))
        return
    print(f"{'depth':>5} {'batch_norm':<10} {'ninety':>18} {'reached':>8} {'PyTorch':>18} {'reached':>8}"
          "  quartiles overlap")
    for key, cell in ours.items():
        other = theirs[key]
        print(f"{key[0]:>5} {key[1]:<10} {steps_text(cell):>18} {cell['reached']:>4}/{cell['n']:<3} "
              f"{steps_text(other):>18} {other['reached']:>4}/{other['n']:<3}  "
              f"{'yes' if overlap(cell, other) else 'NO'}")


main()
