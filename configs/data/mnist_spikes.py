#!/usr/bin/env python3
"""Prints one MNIST test image as spikes for `neurotool run-sco --spikes`.

usage: configs/data/mnist_spikes.py NUMBER

A pixel x is a spike on axon i with payload x, in every step. A payload ends at 127: what exceeds it comes on a second
axon, 784 further, as x - 128. This is what the host gives to input map 0 of a program of configs/mnist_spikecore.yaml.
"""
import gzip
import pathlib
import sys

IMAGES = pathlib.Path(__file__).resolve().parent / "t10k-images-idx3-ubyte.gz"
PIXELS = 784


def main():
    if len(sys.argv) != 2 or not sys.argv[1].isdigit() or int(sys.argv[1]) >= 10000:
        sys.exit(__doc__)
    with gzip.open(IMAGES) as file:
        file.read(16 + PIXELS * int(sys.argv[1]))
        image = file.read(PIXELS)
    for i, x in enumerate(image):
        if x > 0:
            print(f"*:{i}={min(x, 127)}")
        if x > 127:
            print(f"*:{PIXELS + i}={x - 128}")


if __name__ == "__main__":
    main()
