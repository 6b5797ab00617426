"""A ninety-worker for the tests, and a data set small enough for them."""
import gzip
import os
import pathlib
import random
import shlex
import signal
import struct
import subprocess
import tempfile

from daemon import PATIENCE_S

NINETY_WORKER = os.environ["NINETY_WORKER"]
FAKE_TRAINER = shlex.quote(os.environ["NINETY_SOURCE_ROOT"] + "/tests/fake_trainer")


def noisy_image(draw, prototype):
    """The prototype, a third of its pixels replaced by noise."""
    image = bytearray(prototype)
    for at in draw.choices(range(784), k=260):
        image[at] = draw.randrange(256)
    return image


def write_data_set(directory, n_train=20, n_test=20):
    """Four valid IDX files; ten classes that a small network can learn."""
    draw = random.Random(90)
    prototypes = [draw.randbytes(784) for _ in range(10)]
    directory.mkdir(parents=True)
    for kind, n in (("train", n_train), ("t10k", n_test)):
        labels = [draw.randrange(10) for _ in range(n)]
        images = b"".join(noisy_image(draw, prototypes[label]) for label in labels)
        (directory / f"{kind}-images-idx3-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">IIII", 0x803, n, 28, 28) + images, 1))
        (directory / f"{kind}-labels-idx1-ubyte.gz").write_bytes(
            gzip.compress(struct.pack(">II", 0x801, n) + bytes(labels), 1))


class Worker:
    """A ninety-worker with its files in a folder of its own; `trainer` None is ninety-trainer. Its
    data set "tiny" is made, or is to be found in `data`. `prefix` goes before the command."""

    def __init__(self, url, *options, slots=1, trainer=FAKE_TRAINER, data=None, env=None,
                 prefix=()):
        self.folder = tempfile.TemporaryDirectory(prefix="ninety-")
        root = pathlib.Path(self.folder.name)
        self.data = data or root / "data"
        if not data:
            write_data_set(self.data / "tiny")
        self.log_path = root / "log"
        cache = os.environ.get("NINETY_CACHE") or str(root / "cache")
        command = [*prefix, NINETY_WORKER, "--daemon", url, "--slots", str(slots), "--cache",
                   cache, "--data", str(self.data), "--kernel", "default", *options]
        if trainer:
            command += ["--trainer", trainer]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("NINETY_TOKEN")}
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**clean, "NINETY_LOG": "debug", **(env or {})})

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8")

    def trainers(self):
        """Process ids of its trainers."""
        try:
            path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
            return [int(pid) for pid in pathlib.Path(path).read_text(encoding="ascii").split()]
        except OSError:
            return []

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds=PATIENCE_S):
        return self.process.wait(seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.folder.cleanup()
