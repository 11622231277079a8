#!/usr/bin/env python3
"""Lets a simulator write a network of its own with its exporter, and run what its importer makes of
the file: FOLDER/runs.txt for `nir_interop --runs`.

    nir_written.py norse|snntorch|sinabs|spikingjelly|rockpool FOLDER

The package nir must be 1.0.7: several of the exporters write scalars, which 1.0.8 refuses.
"""
import logging
import pathlib
import sys
import warnings

import nir
import numpy as np
import torch
from torch import nn

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
STEPS = 24


def stronger(model, factor):
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data *= factor
    return model


def norse(frames):
    import norse.torch as norse
    box = [norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.tensor(rate), v_th=torch.tensor(limit)))
           for rate, limit in ((200.0, 1.0), (100.0, 0.3))]
    model = stronger(norse.SequentialState(nn.Linear(12, 16), box[0], nn.Linear(16, 5), box[1]), 12)
    yield norse.to_nir(model, torch.zeros(1, 12)), 1e-3
    yield norse.from_nir, True


def snntorch(frames):
    import snntorch as snn
    from snntorch.export_nir import export_to_nir
    from snntorch.import_nir import import_from_nir
    full = [torch.full((16,), 0.9), torch.full((5,), 0.7), torch.full((5,), 0.9)]
    model = nn.Sequential(
        nn.Linear(12, 16),
        snn.Leaky(beta=full[0], threshold=torch.ones(16), init_hidden=True, reset_mechanism="zero"),
        nn.Linear(16, 5),
        snn.Synaptic(alpha=full[1], beta=full[2], threshold=torch.ones(5), init_hidden=True,
                     output=True, reset_mechanism="zero"))
    yield export_to_nir(stronger(model, 4), torch.zeros(12)), 1e-4
    yield import_from_nir, True


def spikingjelly(frames):
    from spikingjelly.activation_based import layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir, import_from_nir
    model = nn.Sequential(layer.Linear(12, 16), neuron.LIFNode(tau=3.0, v_reset=0.0, decay_input=False),
                          layer.Linear(16, 5), neuron.CUBALIFNode(c_decay=0.5, v_decay=0.75, v_reset=0.0))
    yield export_to_nir(stronger(model, 4), torch.zeros(1, 12), dt=1e-4), 1e-4
    yield import_from_nir, True


def sinabs(frames):
    import sinabs
    import sinabs.layers as layers
    model = nn.Sequential(nn.Linear(12, 16), layers.IAFSqueeze(batch_size=1), nn.Linear(16, 5),
                          layers.IAFSqueeze(batch_size=1))  # its own LIF it does not read back
    yield sinabs.to_nir(stronger(model, 3), torch.zeros(1, 12)), 0
    yield (lambda graph: sinabs.from_nir(graph, batch_size=1)), False


def rockpool(frames):
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules import LIFTorch, LinearTorch, to_nir
    from rockpool.nn.modules.torch.nir import from_nir
    neurons = [LIFTorch(16, tau_mem=0.01, tau_syn=0.005, dt=1e-3, threshold=1.0),
               LIFTorch(5, tau_mem=0.02, tau_syn=0.01, dt=1e-3, threshold=1.0)]
    model = Sequential(LinearTorch((12, 16)), neurons[0], LinearTorch((16, 5)), neurons[1])
    yield to_nir(model, torch.zeros(1, 1, 12)), 1e-3
    yield from_nir, None


def run(model, takes_state, frames):
    """takes_state is None where the model takes all steps at once."""
    first = (lambda output: output[0] if isinstance(output, tuple) else output)
    if takes_state is None:
        return first(model(frames.unsqueeze(0)))
    state, outputs = None, []
    for frame in frames.unsqueeze(1):
        output = model(frame, state) if takes_state else model(frame)
        if takes_state and isinstance(output, tuple):
            state = output[1]
        outputs.append(first(output))
    return torch.stack(outputs)


def main():
    simulator, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(4)
    frames = (torch.rand(STEPS, 12) < 0.4).float()
    with torch.no_grad():
        made = globals()[simulator](frames)
        graph, dt = next(made)
        nir.write(str(folder / f"{simulator}.nir"), graph)
        importer, takes_state = next(made)
        graph = nir.read(str(folder / f"{simulator}.nir"), type_check=False)  # some batch axes are in it
        outputs = run(importer(graph), takes_state, frames).reshape(STEPS, -1).numpy()
    if not outputs.any():
        raise SystemExit(f"{simulator} sends nothing")
    np.save(folder / f"{simulator}.in.npy", frames.numpy())
    np.save(folder / f"{simulator}.out.npy", outputs.astype(np.float32))
    preset = {"snntorch": "snntorch_1_0"}.get(simulator, simulator)
    with open(folder / "runs.txt", "a", encoding="utf-8") as runs:
        runs.write(f"{simulator} {preset} {dt} {simulator}.nir {simulator}.in.npy {simulator}.out.npy\n")


if __name__ == "__main__":
    main()
