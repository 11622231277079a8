#!/usr/bin/env python3
"""Loads every file of a folder with the nir package that is on the path, type check on.

    nir_versions.py FOLDER

Compares the nodes' types and parameters with what h5py finds in the file. Exit code 1 when one file
does not load, or loads with other values.
"""
import pathlib
import sys

import h5py
import nir
import numpy as np


def compare(node, group, path):
    if type(node).__name__ != group["type"][()].decode():
        raise ValueError(f"{path} is a {type(node).__name__}")
    if isinstance(node, nir.NIRGraph):
        for name, inner in group["nodes"].items():
            compare(node.nodes[name], inner, f"{path}/{name}")
        return
    for name, value in group.items():
        if name in ("type", "metadata", "shape", "input_type") or not hasattr(node, name):
            continue
        own = getattr(node, name)
        wanted = value[()]
        wanted = wanted.decode() if isinstance(wanted, bytes) else wanted
        same = own == wanted if isinstance(wanted, str) else np.array_equal(np.broadcast_to(own, np.shape(wanted)), wanted)
        if not same:
            raise ValueError(f"{path}/{name} is {own!r}")


def main():
    failed = 0
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.nir"))
    for path in files:
        try:
            graph = nir.read(path)
            with h5py.File(path) as file:
                compare(graph, file["node"], "")
        except Exception as problem:  # whatever a version thinks of
            failed += 1
            print(f"FAILED  {path}: {type(problem).__name__}: {problem}")
    print(f"nir {getattr(nir, 'version', '?')}: {len(files) - failed} of {len(files)} files load")
    return 1 if failed or not files else 0


sys.exit(main())
