#!/usr/bin/env python3
"""Runs the files that `nir_interop --write FOLDER` made in the simulators, and compares spikes."""
import logging
import pathlib
import sys
import warnings

import nir
import numpy as np
import torch

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def in_norse(graph, frames):
    import norse
    from norse.torch.functional import reset
    model = norse.torch.from_nir(graph, dt=2 ** -13, reset_method=reset.reset_subtract)
    state, outputs = None, []
    for frame in frames:  # without a batch axis: Flatten is applied literally
        out, state = model(frame, state)
        outputs.append(out)
    return outputs


def in_spikingjelly(graph, frames):
    from spikingjelly.activation_based.nir_exchange import import_from_nir
    from spikingjelly_adapter import restore
    model = import_from_nir(graph, dt=1.0)
    restore(model, graph)
    state, outputs = None, []
    for frame in frames:
        out, state = model(frame.unsqueeze(0), state)
        outputs.append(out.squeeze(0))
    return outputs


def in_sinabs(graph, frames):
    import sinabs
    from sinabs_adapter import restore
    model = sinabs.from_nir(graph, batch_size=1)
    restore(model, graph)
    outputs = []
    for frame in frames:
        out = model(frame.unsqueeze(0))
        outputs.append((out[0] if isinstance(out, tuple) else out).squeeze(0))
    return outputs


READERS = {"norse": [("norse", in_norse)],
           "plain": [("spikingjelly", in_spikingjelly), ("sinabs", in_sinabs)]}


def main():
    folder = pathlib.Path(sys.argv[1])
    failed = False
    for line in (folder / "files.txt").read_text().splitlines():
        name, profile, steps = line.split()
        frame = torch.from_numpy(np.load(folder / f"{name}.in.npy"))
        wanted = np.load(folder / f"{name}.out.npy")
        for reader, run in READERS[profile]:
            graph = nir.read(str(folder / f"{name}.nir"))
            with torch.no_grad():
                found = torch.stack(run(graph, [frame] * int(steps))).numpy().reshape(wanted.shape)
            wrong = int((found != wanted).sum())
            failed |= wrong > 0
            print(f"{'FAILED' if wrong else 'ok    '}  {name} in {reader}: "
                  f"{wrong} of {int(wanted.sum())} spikes differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
