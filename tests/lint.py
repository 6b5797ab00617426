#!/usr/bin/env python3
"""The rules of the house that no compiler checks; prints every breach and exits 1 if there is one.

who may include whom, which library stays behind which module, every test registered, every C file
formatted, no C file over 600 lines, no trailing blanks.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
breaches = []

# path prefix -> include prefixes that it must not use
FORBIDDEN = [
    ("common/", ["daemon/", "worker/", "cli/", "uv.h", "sqlite3.h", "curl/", "microhttpd.h"]),
    ("daemon/", ["worker/", "cli/", "cblas.h"]),
    ("worker/", ["daemon/", "cli/", "sqlite3.h", "microhttpd.h"]),
    ("cli/", ["daemon/", "worker/nn/", "sqlite3.h", "microhttpd.h", "cblas.h"]),
    ("worker/nn/", ["jansson.h", "curl/", "uv.h", "time.h", "worker/data/prepare", "common/json"]),
    ("worker/trainer/", ["curl/", "uv.h", "sqlite3.h"]),
    ("worker/data/idx", ["jansson.h", "curl/", "uv.h", "time.h"]),
    ("daemon/queue", ["uv.h", "jansson.h", "microhttpd.h", "daemon/http", "daemon/api"]),
    ("common/sweep.", ["uv.h", "jansson.h", "microhttpd.h", "daemon/http", "daemon/api"]),
    ("daemon/http", ["daemon/queue", "daemon/store", "daemon/api", "daemon/sweep", "sqlite3.h"]),
]
# library header -> the only places that may include it
ONLY_IN = {
    "sqlite3.h": ["daemon/store", "tests/", "bench/"],
    "microhttpd.h": ["daemon/http", "tests/"],
    "curl/curl.h": ["worker/transfer"],
    "cblas.h": ["worker/nn/", "worker/trainer/", "tests/", "bench/"],
}


def sources(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
                         cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return [p for p in out if (ROOT / p).exists()]


def check_includes(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+[<"]([^>"]+)[>"]', line)
        if not match:
            continue
        included = match.group(1)
        for prefix, banned in FORBIDDEN:
            if path.startswith(prefix) and any(included.startswith(b) for b in banned):
                breaches.append(f"{path}:{number}: {prefix} must not include {included}")
        allowed = ONLY_IN.get(included)
        if allowed and not any(path.startswith(a) for a in allowed):
            breaches.append(f"{path}:{number}: {included} belongs to {', '.join(allowed)}")


def check_shape(path, text):
    lines = text.splitlines()
    if len(lines) > 600:
        breaches.append(f"{path}: {len(lines)} lines; does it still hold one idea?")
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            breaches.append(f"{path}:{number}: trailing blanks")


def main():
    for path in sources("*.c", "*.h"):
        text = (ROOT / path).read_text()
        check_includes(path, text)
        check_shape(path, text)
    registered = "".join((ROOT / p).read_text() for p in sources("tests/meson.build", "tests/*/meson.build"))
    for path in sources("tests/test_*.c"):
        name = pathlib.Path(path).stem.removeprefix("test_")
        if not re.search(rf"'{name}'|'test_{name}(\.c)?'", registered):
            breaches.append(f"{path}: not registered in tests/meson.build")
    formatter = shutil.which("clang-format-14")
    if formatter:
        done = subprocess.run([formatter, "--dry-run", "--Werror", *sources("*.c", "*.h")], cwd=ROOT,
                              capture_output=True, text=True)
        for path in sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", done.stderr, re.M))):
            breaches.append(f"{path}: not formatted; run tools/format")
        if done.returncode != 0 and "error:" not in done.stderr:
            breaches.append(f"clang-format: {done.stderr.strip()}")
    for breach in breaches:
        print(breach)
    print(f"{len(breaches)} breaches")
    return 1 if breaches else 0


sys.exit(main())
