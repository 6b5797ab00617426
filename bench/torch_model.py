"""Our saved networks in PyTorch: `ninety train --save FILE` and `--load FILE` speak safetensors,
and the names are those that a plain module like SavedNetwork gives its parameters.

    tensors, metadata = read_safetensors("model.safetensors")
    network = SavedNetwork(json.loads(metadata["config"]))
    network.load_state_dict(tensors)

Where the package `safetensors` is installed, its load_file does what read_safetensors does here.
"""
import json
import struct

import torch
from torch import nn

from torch_trainer import ACTIVATIONS, CLASSES, initialize

PIXELS = 784


class Layer(nn.Module):
    def __init__(self, n_in, n_out, activation, batch_norm, config):
        super().__init__()
        self.dense = nn.Linear(n_in, n_out, bias=batch_norm != "before")
        self.norm = None
        if batch_norm != "none":
            self.norm = nn.BatchNorm1d(n_out, eps=config["bn_epsilon"],
                                       momentum=1 - config["bn_momentum"])
        self.activation, self.batch_norm = activation, batch_norm

    def forward(self, x):
        x = self.dense(x)
        if self.batch_norm == "before":
            return self.activation(self.norm(x))
        x = self.activation(x)
        return self.norm(x) if self.batch_norm == "after" else x


class SavedNetwork(nn.Module):
    def __init__(self, config):
        super().__init__()
        units = [PIXELS, *config["hidden_units"]]
        output_norm = "before" if config["batch_norm_output"] else "none"
        self.layers = nn.ModuleList(
            Layer(n_in, n_out, ACTIVATIONS[config["activation"]](), config["batch_norm"], config)
            for n_in, n_out in zip(units, units[1:]))
        self.layers.append(Layer(units[-1], CLASSES, nn.Identity(), output_norm, config))

    def start(self, config):
        """Starting values as docs/training.md has them, from PyTorch's random numbers."""
        for i, layer in enumerate(self.layers):
            output = i == len(self.layers) - 1
            initialize(layer.dense.weight, "glorot_uniform" if output else config["initializer"])
            if layer.dense.bias is not None:
                nn.init.zeros_(layer.dense.bias)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


def read_safetensors(path):
    """({name: tensor}, metadata)"""
    with open(path, "rb") as file:
        length, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    return {name: torch.frombuffer(data, dtype=torch.float32, offset=entry["data_offsets"][0],
                                   count=torch.Size(entry["shape"]).numel()).reshape(entry["shape"])
            for name, entry in header.items()}, metadata


def write_safetensors(path, tensors, metadata=None):
    header, data = {"__metadata__": metadata or {}}, b""
    for name, tensor in tensors.items():
        values = tensor.detach().to(torch.float32).contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def parameters_of(network):
    """What a file holds: the state without PyTorch's counters of batches."""
    return {name: value for name, value in network.state_dict().items()
            if not name.endswith("num_batches_tracked")}
