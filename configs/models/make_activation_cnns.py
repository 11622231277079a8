#!/usr/bin/env python3
"""Trains the two small networks of this folder: a CNN on MNIST with SiLU, and one with GELU.

    make_models.py MNIST-FOLDER OUT-FOLDER        needs torch and onnx

MNIST-FOLDER holds train-images-idx3-ubyte.gz and its three companions. The networks take bytes
divided by 255. One thread and a fixed seed: the same versions give the same files.
"""
import gzip
import pathlib
import sys

import numpy as np
import onnx
import torch
from torch import nn

EPOCHS, BATCH, SEED = 4, 64, 7


def read(folder, stem):
    images = gzip.open(folder / f"{stem}-images-idx3-ubyte.gz").read()
    labels = gzip.open(folder / f"{stem}-labels-idx1-ubyte.gz").read()
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 1, 28, 28).astype(np.float32) / 255
    y = np.frombuffer(labels, np.uint8, offset=8).astype(np.int64)
    return torch.from_numpy(x), torch.from_numpy(y)


def network(activation):
    return nn.Sequential(
        nn.Conv2d(1, 10, 5, stride=2, padding=2), nn.BatchNorm2d(10), activation(),
        nn.Conv2d(10, 20, 3, padding=1), nn.BatchNorm2d(20), activation(), nn.AvgPool2d(2),
        nn.Conv2d(20, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), activation(),
        nn.Flatten(), nn.Linear(32 * 16, 10))


def train(net, x, y):
    steps = EPOCHS * (len(x) // BATCH)
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=steps)
    loss = nn.CrossEntropyLoss(label_smoothing=0.02)
    for _ in range(EPOCHS):
        order = torch.randperm(len(x))
        for i in range(len(x) // BATCH):
            pick = order[i * BATCH:(i + 1) * BATCH]
            optimiser.zero_grad()
            loss(net(x[pick]), y[pick]).backward()
            optimiser.step()
            schedule.step()


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        right = sum((net(x[i:i + 500]).argmax(1) == y[i:i + 500]).sum().item()
                    for i in range(0, len(x), 500))
    return right / len(x)


def main():
    data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    x, y = read(data, "train")
    test_x, test_y = read(data, "t10k")
    for name, activation in (("silu", nn.SiLU), ("gelu", nn.GELU)):
        torch.manual_seed(SEED)
        net = network(activation)
        train(net, x, y)
        print(name, accuracy(net, test_x, test_y), sum(p.numel() for p in net.parameters()))
        file = out / f"mnist_cnn_{name}.onnx"
        torch.onnx.export(net, torch.zeros(1, 1, 28, 28), str(file), opset_version=17,
                          input_names=["input"], output_names=["logits"],
                          dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, dynamo=False)
        onnx.checker.check_model(onnx.load(file))


if __name__ == "__main__":
    main()
