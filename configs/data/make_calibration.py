#!/usr/bin/env python3
"""Cuts the first N images out of MNIST's training file: the calibration set beside this script.

usage: make_calibration.py train-images-idx3-ubyte.gz mnist_calibration-idx3-ubyte.gz [N=1024]
Equal input gives equal bytes (no time stamp in the gzip header).
"""
import gzip
import struct
import sys


def main():
    source, result = sys.argv[1], sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1024
    with gzip.open(source, "rb") as file:
        magic, total, rows, columns = struct.unpack(">IIII", file.read(16))
        if magic != 0x803 or total < count:
            sys.exit(f"{source}: magic {magic:#x}, {total} images; an idx3 file with {count} or more is needed")
        pixels = file.read(count * rows * columns)
    with open(result, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(struct.pack(">IIII", magic, count, rows, columns) + pixels)


if __name__ == "__main__":
    main()
