#!/usr/bin/env python3
"""Runs one libFuzzer target from its seeds:   run.py PROGRAM SEEDS [SECONDS]

What it finds on the way is forgotten, but for an input that breaks it: that is kept where the
message says, to become a seed and a test."""
import os
import pathlib
import subprocess
import sys
import tempfile

program, seeds = sys.argv[1:3]
seconds = sys.argv[3] if len(sys.argv) > 3 else os.environ.get("NINETY_FUZZ_S", "5")
broken = pathlib.Path(program).resolve().parent / "broken"
broken.mkdir(exist_ok=True)
with tempfile.TemporaryDirectory(prefix="ninety-fuzz-") as found:
    done = subprocess.run([program, f"-max_total_time={seconds}", "-timeout=20",
                           "-rss_limit_mb=2048", "-print_final_stats=1", "-max_len=16384",
                           f"-artifact_prefix={broken}/{pathlib.Path(program).name}-", found,
                           seeds], capture_output=True, text=True, errors="replace")
lines = done.stderr.splitlines()
print("\n".join(lines[-12:] if done.returncode == 0 else lines[-60:]))
sys.exit(done.returncode)
