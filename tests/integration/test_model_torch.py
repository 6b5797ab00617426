"""Saved networks in PyTorch, where it is installed: the same accuracy to the sample, the same
hash of the weights; and a network saved by PyTorch is loaded by the trainer."""
import hashlib
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import unittest

# meson runs its own python; Debian's has the package.
DEBIAN_PYTHON = "/usr/bin/python3"
try:
    import torch
except ImportError:
    if sys.executable != DEBIAN_PYTHON and "NINETY_TORCH_TRIED" not in os.environ:
        os.environ["NINETY_TORCH_TRIED"] = "1"
        if os.path.exists(DEBIAN_PYTHON):
            os.execv(DEBIAN_PYTHON, [DEBIAN_PYTHON, *sys.argv])
    print("skipped: PyTorch (python3-torch) is not installed")
    sys.exit(77)

ROOT = pathlib.Path(os.environ["NINETY_SOURCE_ROOT"])
sys.path.insert(0, str(ROOT / "bench"))
import torch_model  # noqa: E402
from torch_trainer import read_data  # noqa: E402

N_TRAIN, N_TEST = 3000, 2000


def write_data(folder):
    """Ten noisy patterns, hard enough that some test samples stay wrong."""
    random.seed(1)
    patterns = [bytes(random.choices((0, 0, 19), k=784)) for _ in range(10)]
    for part, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        labels = bytes(random.randrange(10) for _ in range(n))
        with open(folder / f"{part}-labels-idx1-ubyte", "wb") as file:
            file.write(struct.pack(">II", 0x801, n) + labels)
        with open(folder / f"{part}-images-idx3-ubyte", "wb") as file:
            file.write(struct.pack(">IIII", 0x803, n, 28, 28))
            for label in labels:
                noise = random.randbytes(784)
                file.write(bytes(p + q * 3 // 4 for p, q in zip(patterns[label], noise)))


class Model(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        write_data(cls.folder)
        _, _, cls.x, cls.y = read_data(cls.folder)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def events(self, command, config):
        job = {"trial": 1, "attempt": 1, "data_dir": str(self.folder), "data_sha256": "",
               "config": config}
        run = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True,
                             check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
        events = [json.loads(line) for line in run.stdout.splitlines()]
        self.assertEqual(events[-1]["type"], "done", events[-1])
        return events

    def train(self, *arguments, **config):
        config = {"hidden_units": [30, 20], "batch_size": 100, "train_size": N_TRAIN,
                  "max_steps": 40, "target_accuracy": 1, "seed": 1, **config}
        return self.events([os.environ["NINETY_TRAINER"], *arguments], config)[-1]

    def count_correct(self, tensors, config):
        network = torch_model.SavedNetwork(config)
        network.load_state_dict(tensors)  # strict: every name, every shape
        network.eval()
        with torch.no_grad():
            return int((network(self.x).argmax(1) == self.y).sum())

    def check(self, **config):
        path = self.folder / "model.safetensors"
        done = self.train("--save", str(path), **config)
        tensors, metadata = torch_model.read_safetensors(path)
        correct = self.count_correct(tensors, json.loads(metadata["config"]))
        self.assertEqual(correct, round(done["final_accuracy"] * N_TEST), config)
        self.assertLess(correct, N_TEST)
        self.assertGreater(correct, N_TEST // 5)
        self.assertEqual(float(metadata["test_accuracy"]), done["final_accuracy"])
        self.assertEqual(metadata["weights_sha256"], done["weights_sha256"])
        self.assertEqual(self.hash(tensors), done["weights_sha256"])

    @staticmethod
    def hash(tensors):
        """SHA-256 of all values in the order of the file, weights as n_in x n_out."""
        digest = hashlib.sha256()
        for name, tensor in tensors.items():
            tensor = tensor.T if name.endswith("dense.weight") else tensor
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def test_batch_norm_wherever_it_stands(self):
        self.check(batch_norm="none", max_steps=150, learning_rate=0.003)
        self.check(batch_norm="before")
        self.check(batch_norm="after")
        self.check(batch_norm="after", batch_norm_output=False)

    def test_every_activation(self):
        for activation in ("leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh",
                           "linear"):
            self.check(activation=activation, batch_norm="before")

    def test_softmax_regression(self):
        self.check(hidden_units=[])

    def test_a_network_that_pytorch_saved_is_loaded(self):
        path, trace = self.folder / "torch.safetensors", self.folder / "trace"
        config = {"hidden_units": [30, 20], "batch_norm": "before", "batch_norm_output": True,
                  "activation": "relu", "initializer": "he_normal", "bn_epsilon": 1e-3,
                  "bn_momentum": 0.9}
        torch.manual_seed(1)
        network = torch_model.SavedNetwork(config)
        network.start(config)
        torch_model.write_safetensors(path, torch_model.parameters_of(network))
        self.train("--load", str(path), "--trace", str(trace), max_steps=1, **{
            k: config[k] for k in ("hidden_units", "batch_norm")})
        line = json.loads(trace.read_text().splitlines()[0])
        x, y, _, _ = read_data(self.folder)
        samples = torch.tensor(line["samples"])
        loss = torch.nn.functional.cross_entropy(network(x[samples]), y[samples])
        self.assertAlmostEqual(float(loss), line["loss"], places=5)

    def test_the_trainer_in_pytorch_measures_at_the_same_steps(self):
        path = self.folder / "model.safetensors"
        self.train("--save", str(path))
        _, metadata = torch_model.read_safetensors(path)
        config = json.loads(metadata["config"])
        trainers = [os.environ["NINETY_TRAINER"]], [sys.executable, ROOT / "bench/torch_trainer.py"]
        for every, expected in [({}, [8, 16, 32, 40]), ({"measure_every": 0}, [8, 16, 32, 40]),
                                ({"measure_every": 15}, [15, 30, 40]),
                                ({"measure_every": 99}, [40])]:
            for trainer in trainers:
                steps = [event["step"] for event in self.events(trainer, {**config, **every})
                         if event["type"] == "measurement"]
                self.assertEqual(steps, expected, (every, trainer))


if __name__ == "__main__":
    unittest.main()
