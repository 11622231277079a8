#!/usr/bin/env python3
"""Lets simulators write NIR files, and runs each: FOLDER/runs.txt for `nir_interop --runs`.

A line is: network simulator dt file input output. Inputs are [steps, …] and sparse.
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
STEPS = 40


def weights_of(model, generator):
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.5 + 0.1


def from_sinabs(folder, frames):
    import sinabs
    import sinabs.layers as sl
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), sl.IAFSqueeze(batch_size=1),
                          sl.SumPool2d(2), nn.Flatten(), nn.Linear(36, 5, bias=False),
                          sl.IAFSqueeze(batch_size=1))
    weights_of(model, torch.Generator().manual_seed(3))
    with torch.no_grad():
        model(torch.zeros(1, 2, 6, 6))
        graph = sinabs.to_nir(model, torch.zeros(1, 2, 6, 6))
        for node in graph.nodes.values():
            if isinstance(node, nir.Conv2d):
                node.input_shape = (6, 6)  # sinabs leaves these out, and nir cannot write None
            if isinstance(node, nir.Flatten):
                node.input_type = {"input": np.array([4, 3, 3])}
        nir.write(str(folder / "sinabs_cnn.nir"), graph)
        reader = sinabs.from_nir(nir.read(str(folder / "sinabs_cnn.nir")), batch_size=1)
        outputs = []
        for frame in frames:
            out = reader(frame.unsqueeze(0))
            outputs.append((out[0] if isinstance(out, tuple) else out).squeeze(0))
    return "sinabs_cnn", "sinabs", 0, outputs


def in_snntorch(folder, frames):
    # Its own exporter writes scalar parameters, which nir 1.0.8 refuses.
    from snntorch.import_nir import import_from_nir
    tau = 1e-4 / 0.1
    nodes = {"input": nir.Input(np.array([72])), "fc1": nir.Affine(*rand(12, 72, 9)),
             "lif1": nir.LIF(*([np.full(12, v, np.float32) for v in (tau, tau / 1e-4, 0.0, 1.0)])),
             "fc2": nir.Affine(*rand(5, 12, 10)),
             "lif2": nir.LIF(*([np.full(5, v, np.float32) for v in (2 * tau, 3.0, 0.0, 0.1)])),
             "output": nir.Output(np.array([5]))}
    names = list(nodes)
    nir.write(str(folder / "snntorch_mlp.nir"), nir.NIRGraph(nodes, list(zip(names, names[1:]))))
    reader = import_from_nir(nir.read(str(folder / "snntorch_mlp.nir")))
    state, outputs = None, []
    with torch.no_grad():
        for frame in frames:
            out, state = reader(frame.reshape(1, 72), state)
            outputs.append(out.squeeze(0))
    return "snntorch_mlp", "snntorch", 1e-4, outputs


def from_spikingjelly(folder, frames):
    from spikingjelly.activation_based import layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir, import_from_nir
    model = nn.Sequential(layer.Linear(72, 12), neuron.LIFNode(tau=4.0, v_reset=0.0),
                          layer.Linear(12, 5), neuron.IFNode(v_reset=0.0))
    weights_of(model, torch.Generator().manual_seed(5))
    graph = export_to_nir(model, torch.zeros(1, 72), dt=1e-4)
    nir.write(str(folder / "spikingjelly_mlp.nir"), graph)
    reader = import_from_nir(nir.read(str(folder / "spikingjelly_mlp.nir")), dt=1e-4)
    state, outputs = None, []
    with torch.no_grad():
        for frame in frames:
            out, state = reader(frame.reshape(1, 72), state)
            outputs.append(out.squeeze(0))
    return "spikingjelly_mlp", "spikingjelly", 1e-4, outputs


def in_norse(folder, frames):
    import norse
    nodes = {"input": nir.Input(np.array([72])),
             "fc1": nir.Affine(*rand(12, 72, 6)), "lif1": nir.LIF(*([np.full(12, v, np.float32) for v in
                                                                     (5e-3, 1.0, 0.0, 0.1)])),
             "fc2": nir.Affine(*rand(5, 12, 7)),
             "lif2": nir.CubaLIF(*([np.full(5, v, np.float32) for v in (2e-3, 8e-3, 4.0, 0.0, 0.2)])),
             "rec": nir.Affine(*rand(5, 5, 8)), "output": nir.Output(np.array([5]))}
    edges = [("input", "fc1"), ("fc1", "lif1"), ("lif1", "fc2"), ("fc2", "lif2"), ("lif2", "rec"),
             ("rec", "lif2"), ("lif2", "output")]
    nir.write(str(folder / "norse_rnn.nir"), nir.NIRGraph(nodes, edges))
    reader = norse.torch.from_nir(nir.read(str(folder / "norse_rnn.nir")), dt=1e-3)
    state, outputs = None, []
    with torch.no_grad():
        for frame in frames:
            out, state = reader(frame.reshape(72), state)
            outputs.append(out)
    return "norse_rnn", "norse", 1e-3, outputs


def rand(rows, columns, seed):
    generator = np.random.default_rng(seed)
    return (generator.normal(0.1, 0.5, (rows, columns)).astype(np.float32),
            generator.normal(0.0, 0.1, rows).astype(np.float32))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    frames = (torch.rand(STEPS, 2, 6, 6, generator=torch.Generator().manual_seed(1)) < 0.2).float()
    np.save(folder / "input.npy", frames.numpy())
    np.save(folder / "flat.npy", frames.reshape(STEPS, 72).numpy())
    lines = []
    for make in (from_sinabs, in_snntorch, from_spikingjelly, in_norse):
        name, simulator, dt, outputs = make(folder, frames)
        np.save(folder / f"{name}.npy", torch.stack(outputs).reshape(STEPS, -1).numpy())
        source = "input.npy" if simulator == "sinabs" else "flat.npy"
        lines.append(f"{name} {simulator} {dt} {name}.nir {source} {name}.npy\n")
        print(name, "spikes", float(torch.stack(outputs).sum()))
    (folder / "runs.txt").write_text("".join(lines))


if __name__ == "__main__":
    main()
