#!/usr/bin/python3
"""A trainer in PyTorch that speaks the trainer's line protocol (docs/trainer-protocol.md).

    ninety run SWEEP.json --trainer bench/torch_trainer.py

The rival in our benchmarks, and an example for trainers in other languages. It means by every
field of the configuration what docs/training.md says, in the way of PyTorch: its own layers,
optimizers, random numbers, and a plain evaluation of the whole test set after every step. One
thread. It tells no layer statistics and no hash of the weights.
"""
import json
import math
import os
import pathlib
import sys
import time

# One thread, also of the BLAS below PyTorch, which reads this as it is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import numpy
import torch
from torch import nn

CLASSES = 10
EVALUATION_CHUNK = 1000
TRAINER = f"torch_trainer (PyTorch {torch.__version__})"

ACTIVATIONS = {
    "relu": nn.ReLU, "leaky_relu": lambda: nn.LeakyReLU(0.2), "elu": nn.ELU, "selu": nn.SELU,
    "gelu": nn.GELU, "silu": nn.SiLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "linear": nn.Identity,
}


class Failed(Exception):
    """Ends a trial; another attempt would end in the same way."""


def say(kind, job=None, **members):
    event = {"type": kind}
    if job:
        event.update(trial=job["trial"], attempt=job["attempt"])
    event.update((k, v) for k, v in members.items() if v is not None)
    print(json.dumps(event), flush=True)


# ---- data ----

def read_idx(path):
    with open(path, "rb") as file:
        dimensions = int.from_bytes(file.read(4), "big") & 255
        shape = [int.from_bytes(file.read(4), "big") for _ in range(dimensions)]
        return numpy.fromfile(file, numpy.uint8).reshape(shape)


def read_data(folder):
    def images(name):
        pixels = read_idx(folder / f"{name}-images-idx3-ubyte")
        return torch.from_numpy(pixels.reshape(len(pixels), -1)).float() * (1 / 255)

    def labels(name):
        return torch.from_numpy(read_idx(folder / f"{name}-labels-idx1-ubyte")).long()

    try:
        return images("train"), labels("train"), images("t10k"), labels("t10k")
    except (OSError, ValueError) as error:
        raise Failed(str(error)) from error


def batches(n, size, generator):
    """Without replacement within an epoch; a batch may take the rest of one and start the next."""
    rest = torch.empty(0, dtype=torch.long)
    while True:
        while len(rest) < size:
            rest = torch.cat([rest, torch.randperm(n, generator=generator)])
        yield rest[:size]
        rest = rest[size:]


# ---- network ----

class BatchNorm(nn.BatchNorm1d):
    """PyTorch, but the moving variance is of population variances, as in Keras: its own grows by
    B / (B - 1) per step, from 0 here, so that both factor and start can be put right at the end."""

    def __init__(self, units, config):
        super().__init__(units, eps=config["bn_epsilon"], momentum=1 - config["bn_momentum"])
        self.batch = config["batch_size"]
        self.kept = config["bn_momentum"]
        self.running_var.zero_()

    def forward(self, x):
        if self.training:
            return super().forward(x)
        start = self.kept ** int(self.num_batches_tracked)
        variance = self.running_var * ((self.batch - 1) / self.batch) + start
        return nn.functional.batch_norm(x, self.running_mean, variance, self.weight, self.bias,
                                        False, 0, self.eps)


def initialize(weight, initializer):
    n_out, n_in = weight.shape
    family, distribution = initializer.split("_")
    variance = {"he": 2 / n_in, "glorot": 2 / (n_in + n_out), "lecun": 1 / n_in}[family]
    if distribution == "uniform":
        limit = math.sqrt(3 * variance)
        nn.init.uniform_(weight, -limit, limit)
    else:
        deviation = math.sqrt(variance) / 0.87962566103423978
        nn.init.trunc_normal_(weight, 0, deviation, -2 * deviation, 2 * deviation)


def dense(n_in, n_out, bias, initializer):
    layer = nn.Linear(n_in, n_out, bias=bias)
    initialize(layer.weight, initializer)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


def build(config, pixels):
    layers, n_in, where = [], pixels, config["batch_norm"]
    for units in config["hidden_units"]:
        layers.append(dense(n_in, units, where != "before", config["initializer"]))
        if where == "before":
            layers.append(BatchNorm(units, config))
        layers.append(ACTIVATIONS[config["activation"]]())
        if where == "after":
            layers.append(BatchNorm(units, config))
        n_in = units
    normalized = config["batch_norm_output"] and where != "none"
    layers.append(dense(n_in, CLASSES, not normalized, "glorot_uniform"))
    if normalized:
        layers.append(BatchNorm(CLASSES, config))
    return nn.Sequential(*layers)


class TensorFlowAdam(torch.optim.Adam):
    """Adam with epsilon added where TensorFlow 1 adds it, before the second moment is corrected."""

    def __init__(self, parameters, config):
        super().__init__(parameters, config["learning_rate"], (config["beta1"], config["beta2"]))
        self.epsilon, self.taken = config["epsilon"], 0

    def step(self, closure=None):
        self.taken += 1
        for group in self.param_groups:
            group["eps"] = self.epsilon / math.sqrt(1 - group["betas"][1] ** self.taken)
        return super().step(closure)


def make_optimizer(config, parameters):
    kind, rate = config["optimizer"], config["learning_rate"]
    if kind == "adam":
        return TensorFlowAdam(parameters, config)
    if kind == "rmsprop":
        return torch.optim.RMSprop(parameters, rate, config["beta2"], config["epsilon"])
    if kind == "adagrad":
        return torch.optim.Adagrad(parameters, rate, initial_accumulator_value=0.1,
                                   eps=config["epsilon"])
    momentum = 0 if kind == "sgd" else config["momentum"]
    return torch.optim.SGD(parameters, rate, momentum, nesterov=kind == "nesterov" and momentum > 0)


# ---- a trial ----

def is_measured(config, step):
    """Every n-th step, or left to us: 8, 16, 32, ..."""
    every = config.get("measure_every", 0)
    return step % every == 0 if every else step >= 8 and step & (step - 1) == 0


def count_correct(model, x, y):
    model.eval()
    with torch.no_grad():
        correct = sum(int((model(x[i:i + EVALUATION_CHUNK]).argmax(1)
                           == y[i:i + EVALUATION_CHUNK]).sum())
                      for i in range(0, len(x), EVALUATION_CHUNK))
    model.train()
    return correct


class Stopwatch:
    """CPU time of this thread and wall time, in ms, of what runs within it."""

    def __init__(self):
        self.cpu = self.wall = 0.0

    def __enter__(self):
        self.start = time.thread_time(), time.monotonic()

    def __exit__(self, *_):
        self.cpu += (time.thread_time() - self.start[0]) * 1e3
        self.wall += (time.monotonic() - self.start[1]) * 1e3


def train(job, data):
    config = job["config"]
    x, y, test_x, test_y = data
    if config["train_size"] > len(x):
        raise Failed(f"train_size is {config['train_size']}, but there are {len(x)} training images")
    x, y = x[-config["train_size"]:], y[-config["train_size"]:]
    torch.manual_seed(config["seed"])
    model = build(config, x.shape[1])
    optimizer = make_optimizer(config, model.parameters())
    order = batches(len(x), config["batch_size"], torch.Generator().manual_seed(config["seed"]))
    loss_of = nn.CrossEntropyLoss()
    watch, reached = Stopwatch(), None

    for step in range(1, config["max_steps"] + 1):
        with watch:
            batch = next(order)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
        loss = float(loss)
        if not math.isfinite(loss):
            raise Failed(f"diverged at step {step}: the loss is not finite")
        accuracy = count_correct(model, test_x, test_y) / len(test_x)
        crossing = reached is None and accuracy >= config["target_accuracy"]
        if crossing:
            reached = step, watch.cpu / 1e3
        if crossing or is_measured(config, step) or step == config["max_steps"]:
            say("measurement", job, step=step, test_accuracy=accuracy, train_loss=loss,
                cpu_ms=watch.cpu, wall_ms=watch.wall)
        if reached and config["stop_at_target"]:
            break
    say("done", job, steps=step, steps_to_target=reached and reached[0],
        seconds_to_target=reached and reached[1], final_accuracy=accuracy, final_loss=loss,
        ms_per_step=watch.cpu / step, data_sha256=job.get("data_sha256"), trainer=TRAINER,
        kernel=os.environ.get("OPENBLAS_CORETYPE"))


def main():
    torch.set_num_threads(1)
    say("ready", protocol=1, trainer=TRAINER, kernel=os.environ.get("OPENBLAS_CORETYPE"))
    data, folder = None, None
    for line in sys.stdin:
        job = json.loads(line)
        try:
            if folder != job["data_dir"]:
                data, folder = read_data(pathlib.Path(job["data_dir"])), job["data_dir"]
            train(job, data)
        except Failed as failure:
            say("failed", job, reason=str(failure), retry=False)


if __name__ == "__main__":
    main()
