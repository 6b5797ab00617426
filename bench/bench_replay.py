"""Does PyTorch compute the same training? `tools/bench replay [--steps 20] [--json]`

PyTorch makes starting weights and an order of samples; `ninety train --load --order --trace --save`
trains from them, and PyTorch takes the same steps from the same start. Compared are the loss, the
norm of each array's gradient, and at the end each array of parameters (norm of the difference by
norm); printed is the largest relative difference at the first step and at all of them.

What 32-bit round-off does to a training stands beside it: PyTorch's own from PyTorch in 64-bit
floats. With tanh that is little. ReLU has a kink: an input that round-off moves across zero changes
the gradient by a jump, and the two trainings part, ours and PyTorch's as PyTorch's 32 and 64 bits.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch

from torch_model import SavedNetwork, parameters_of, read_safetensors, write_safetensors
from torch_trainer import make_optimizer, read_data

ROOT = pathlib.Path(__file__).resolve().parent.parent
NINETY = ROOT / "build" / "cli" / "ninety"
UNITS = [500, 400, 300, 200, 100, 50, 25]
SEED, SAMPLES = 7, range(5000, 60000)
RATES = {"sgd": 0.1, "nesterov": 0.01, "adam": 0.001}


def flags(config):
    """The configuration as flags of `ninety train`."""
    for field, value in config.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value).lower()
        yield from (f"--{field.replace('_', '-')}", text)


def cache_root():
    if os.environ.get("NINETY_CACHE"):
        return pathlib.Path(os.environ["NINETY_CACHE"])
    return pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "ninety"


def train_ours(folder, config):
    """(lines of the trace, the trained parameters, where the data lie)"""
    command = [NINETY, "train", "--json", "--load", folder / "start", "--order", folder / "order",
               "--trace", folder / "trace", "--save", folder / "end", *flags(config)]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"ninety train: {done.stderr}")
    result = json.loads(done.stdout)
    lines = [json.loads(line) for line in (folder / "trace").read_text().splitlines()]
    data = cache_root() / config["dataset"] / result["data_sha256"]
    return lines, read_safetensors(folder / "end")[0], data


def replay(start, lines, data, config, dtype):
    """The same in PyTorch: (losses, gradient norms of each step by array, parameters)"""
    network = SavedNetwork(config).to(dtype)
    network.load_state_dict(start)
    optimizer = make_optimizer(config, network.parameters())
    x, y, _, _ = data
    losses, norms = [], []
    for line in lines:
        samples = torch.tensor(line["samples"])
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(x[samples].to(dtype)), y[samples])
        loss.backward()
        losses.append(float(loss.detach()))
        norms.append({name: float(p.grad.double().norm()) for name, p in network.named_parameters()})
        optimizer.step()
    return losses, norms, {name: p.detach().double() for name, p in network.named_parameters()}


def relative(a, b):
    return abs(a - b) / max(abs(a), abs(b), 1e-30)


def differences(a, b):
    """The largest relative differences of two replays."""
    losses = [relative(x, y) for x, y in zip(a[0], b[0])]
    norms = [max(relative(x[name], y[name]) for name in y) for x, y in zip(a[1], b[1])]
    parameters = max(float((a[2][name] - b[2][name]).norm() / b[2][name].norm().clamp(min=1e-30))
                     for name in b[2])
    return {"loss": [losses[0], max(losses)], "gradients": [norms[0], max(norms)],
            "parameters": [None, parameters]}


def compare(config, read):
    torch.manual_seed(SEED)
    network = SavedNetwork(config)
    network.start(config)
    start = {name: tensor.clone() for name, tensor in parameters_of(network).items()}
    order = torch.randperm(len(SAMPLES))[:config["max_steps"] * config["batch_size"]] + SAMPLES.start
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_safetensors(folder / "start", start)
        (folder / "order").write_text("\n".join(map(str, order.tolist())))
        lines, end, path = train_ours(folder, config)
    ours = ([line["loss"] for line in lines], [line["gradient_norms"] for line in lines],
            {name: tensor.double() for name, tensor in end.items() if "running" not in name})
    single = replay(start, lines, read(path), config, torch.float32)
    double = replay(start, lines, read(path), config, torch.float64)
    return {"ours_pytorch": differences(ours, single), "pytorch_64bit": differences(single, double)}


def print_table(rows, steps):
    print(f"{'':42}{'step 1':^26}{f'steps 1..{steps}':^26}")
    print(f"{'activation':11}{'norm':8}{'optimizer':10}{'':12}"
          + f"{'ours:torch':>12}{'torch:64-bit':>14}" * 2)
    for row in rows:
        for key in ("loss", "gradients", "parameters"):
            cells = [row[pair][key][i] for i in (0, 1) for pair in ("ours_pytorch", "pytorch_64bit")]
            print(f"{row['activation']:11}{row['batch_norm']:8}{row['optimizer']:10}{key:12}"
                  + "".join(f"{'' if cell is None else format(cell, '.1e'):>{width}}"
                            for cell, width in zip(cells, (12, 14, 12, 14))))
    print()
    for activation in ("tanh", "relu"):
        mine = [row["ours_pytorch"] for row in rows if row["activation"] == activation]
        first, all_steps = (max(max(m[key][i] for key in ("loss", "gradients")) for m in mine)
                            for i in (0, 1))
        print(f"{activation}: largest relative difference of losses and gradients {first:.1e} at "
              f"step 1, {all_steps:.1e} over {steps} steps")


def main():
    parser = argparse.ArgumentParser(prog="tools/bench replay", description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--depth", type=int, default=7, choices=range(1, 8))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    data, rows = {}, []

    def read(path):
        if path not in data:
            data[path] = read_data(path)
        return data[path]

    for activation in ("tanh", "relu"):
        for batch_norm in ("none", "before"):
            for optimizer, rate in RATES.items():
                print(f"{activation}, batch norm {batch_norm}, {optimizer}", file=sys.stderr)
                config = {
                    "dataset": args.dataset, "hidden_units": UNITS[:args.depth],
                    "activation": activation, "batch_norm": batch_norm,
                    "batch_norm_output": batch_norm != "none", "bn_momentum": 0.9,
                    "bn_epsilon": 1e-3, "initializer": "he_normal", "optimizer": optimizer,
                    "learning_rate": rate, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8,
                    "momentum": 0.9, "batch_size": 550, "max_steps": args.steps,
                    "target_accuracy": 1, "stop_at_target": False, "seed": SEED,
                }
                rows.append({"activation": activation, "batch_norm": batch_norm,
                             "optimizer": optimizer, **compare(config, read)})
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        print_table(rows, args.steps)


main()
