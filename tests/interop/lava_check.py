#!/usr/bin/env python3
"""Runs every .net file of a folder in Lava and compares the spikes of its last layer with NAME.out.npy.

    lava_check.py FOLDER
"""
import logging
import pathlib
import sys

import numpy as np
from lava.lib.dl import netx
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc import io

logging.disable(logging.WARNING)


def spikes_of(path, inputs):
    """`inputs` is [steps, neurons]; a source sends its first value at the first step."""
    network = netx.hdf5.Network(net_config=str(path))
    steps = len(inputs)
    source = io.source.RingBuffer(data=inputs.T.reshape(*network.inp.shape, steps))
    sink = io.sink.RingBuffer(shape=network.out.shape, buffer=steps)
    source.s_out.connect(network.inp)
    network.out.connect(sink.a_in)
    network.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    found = np.array(sink.data.get()).reshape(-1, steps)
    network.stop()
    return found


def main():
    failed = 0
    files = sorted(pathlib.Path(sys.argv[1]).glob("*.net"))
    for path in files:
        wanted = np.load(path.with_suffix(".out.npy"))
        found = spikes_of(path, np.load(path.with_suffix(".in.npy")))
        wrong = int((found != wanted).sum())
        failed += wrong > 0
        print(f"{'FAILED' if wrong else 'ok    '}  {path.stem} in lava: {wrong} of {wanted.size} values "
              f"differ, {int(wanted.sum())} spikes")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main())
