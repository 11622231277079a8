#!/usr/bin/env python3
"""Cuts the first N images out of a training file: how the calibration sets beside this script were made.

usage: make_calibration.py train-images-idx3-ubyte.gz mnist_calibration-idx3-ubyte.gz [N=1024]
       make_calibration.py data_batch.bin.gz cifar10_calibration.bin.gz [N=1024]

Reads idx3 files and CIFAR-10's binary records, told by the file's first bytes. Equal input gives equal
bytes (no time stamp in the gzip header).
"""
import gzip
import struct
import sys

CIFAR_RECORD = 1 + 3 * 32 * 32
IDX3 = 0x803


def first_images(path, count):
    with gzip.open(path, "rb") as file:
        head = file.read(16)
        magic, total, rows, columns = struct.unpack(">IIII", head)
        if magic != IDX3:
            records = head + file.read(count * CIFAR_RECORD - len(head))
            if len(records) < count * CIFAR_RECORD:
                sys.exit(f"{path}: neither an idx3 file nor {count} records of CIFAR-10")
            return records
        if total < count:
            sys.exit(f"{path}: {total} images, {count} are needed")
        return struct.pack(">IIII", magic, count, rows, columns) + file.read(count * rows * columns)


def main():
    source, result = sys.argv[1], sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1024
    images = first_images(source, count)
    with open(result, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(images)


if __name__ == "__main__":
    main()
