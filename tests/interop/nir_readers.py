#!/usr/bin/env python3
"""Runs NIR files of ours in one reader, in the version that is on the path, and compares every layer
with the NIRData that lie beside each file.

    nir_readers.py READER FILE.nir...

READER is norse, snntorch, spikingjelly, sinabs, rockpool, spyx or snn-mlir. Prints a line for each
file, between tabs: the reader with its version, the file, and what happened: equal, so many spikes
differ, loads (what cannot be run here), refuses, or hangs. spikingjelly and sinabs run a file with
their adapter of tools/nir_adapters, and then as it is.
"""
import importlib.metadata
import logging
import multiprocessing
import pathlib
import sys
import warnings

import h5py
import nir
import numpy as np

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
SECONDS = 100
SAMPLES = 2


def recorded(path):
    """Frames [samples, steps, …], spikes by layer, and the readout; any version of nir will do."""
    with h5py.File(path) as file:
        shape = [int(n) for n in file["node/nodes/input/shape"][()]]
    with h5py.File(path.with_suffix(".data.nir")) as file:
        seen = {(name, kind): grid["data"][:SAMPLES] for name, node in file["nodes"].items()
                for kind, grid in node["observables"].items()}
    frames = seen["input", "input"].astype(np.float32)
    spikes = {name: rows for (name, kind), rows in seen.items() if kind == "spikes"}
    return frames.reshape(*frames.shape[:2], *shape), spikes, seen["output", "readout"]


def said(path):
    """metadata/neurotool, which says how the file is to be loaded."""
    with h5py.File(path) as file:
        own = {key: value[()] for key, value in file["node/metadata/neurotool"].items()
               if isinstance(value, h5py.Dataset)}
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in own.items()}


def torch_runner(make, begin=None, batched=True):
    """Runs make(graph, said) step by step; a fresh network for every sample."""
    def run(path, samples, layers):
        import torch
        from nir_recorded import sent
        results = []
        for sample in samples:
            graph = nir.read(str(path))
            model = make(graph, said(path))
            start = (lambda: begin(model, graph)) if begin else (lambda: None)
            results.append(sent(model, start, batched, torch.from_numpy(sample), layers))
        return results
    return run


def norse():
    import norse
    from norse.torch.functional import reset

    def make(graph, own):
        rule = reset.reset_subtract if own["reset"] == "subtract" else reset.reset_value
        return norse.torch.from_nir(graph, dt=float(own["dt"]), reset_method=rule)
    return [("", torch_runner(make, batched=False))]


def snntorch():
    from snntorch.import_nir import import_from_nir
    return [("", torch_runner(lambda graph, own: import_from_nir(graph)))]


def spikingjelly():
    from spikingjelly.activation_based.nir_exchange import import_from_nir
    from spikingjelly_adapter import restore

    def make(graph, own):
        unit = any(isinstance(node, nir.IF) for node in graph.nodes.values())  # r is 1, and not 1/dt
        return import_from_nir(graph, dt=1.0 if unit else float(own["dt"]))
    return [("adapter", torch_runner(make, restore)), ("as is", torch_runner(make))]


def sinabs():
    import sinabs as package
    from sinabs_adapter import restore

    def make(graph, own):
        return package.from_nir(graph, batch_size=1)
    return [("adapter", torch_runner(make, restore)), ("as is", torch_runner(make))]


def rockpool():
    import torch
    from rockpool.nn.modules.torch.nir import from_nir

    def run(path, samples, layers):
        results = []
        for sample in samples:
            model, found = from_nir(nir.read(str(path))), {}
            for name, module in model.named_modules():
                if name in layers:
                    module.register_forward_hook(
                        lambda _, __, output, name=name: found.__setitem__(name, first_of(output)))
            with torch.no_grad():
                output = first_of(model(torch.from_numpy(sample).reshape(1, len(sample), -1)))
            rows = {name: by_step(value, len(sample)) for name, value in found.items()}
            results.append((rows, by_step(output, len(sample)).cumsum(0)))
        return results
    return [("", run)]


def first_of(output):
    return output[0] if isinstance(output, tuple) else output


def by_step(values, steps):
    return np.asarray(values).reshape(steps, -1)


def spyx():
    def run(path, samples, layers):
        from spyx.nir import from_nir  # here, because JAX does not live through a fork
        from spyx.nn import Sequential, run as all_steps
        results = []
        for sample in samples:
            frames = (sample.transpose(0, 2, 3, 1) if sample.ndim == 4 else sample)[:, None]
            model, output = from_nir(nir.read(str(path)), frames, dt=float(said(path)["dt"]))
            spiking = [i for i, layer in enumerate(model.layers) if hasattr(layer, "threshold")]
            found = {}
            for name, index in zip(layers, spiking):  # a chain, in the order of its layers
                rows = np.asarray(all_steps(Sequential(*model.layers[:index + 1]), frames)[0])[:, 0]
                rows = rows.transpose(0, 3, 1, 2) if rows.ndim == 4 else rows
                found[name] = by_step(rows, len(sample))
            results.append((found, by_step(output, len(sample)).cumsum(0)))
        return results
    return [("", run)]


def snn_mlir():
    import snn_mlir as package

    def run(path, samples, layers):
        package.to_mlir(str(path))  # to run it takes a compiler of its own
    return [("", run)]


READERS = {"norse": norse, "snntorch": snntorch, "spikingjelly": spikingjelly, "sinabs": sinabs,
           "rockpool": rockpool, "spyx": spyx, "snn-mlir": snn_mlir}


def compared(results, spikes, readout):
    if results is None:
        return "loads"
    wrong = total = classes = 0
    worst, layers = 0.0, set()
    for sample, (found, sums) in enumerate(results):
        for name in spikes.keys() & found.keys():
            rows = spikes[name][sample]
            own = found[name][:, :rows.shape[-1]]  # behind them may be neurons that carry a shortcut
            layers.add(name)
            wrong += int((own != rows).sum())
            total += int(rows.sum())
        scale = max(1.0, float(np.abs(readout[sample]).max()))
        worst = max(worst, float(np.abs(sums - readout[sample]).max()) / scale)
        classes += int(sums[-1].argmax() != readout[sample][-1].argmax())
    what = f"of {total} spikes of {len(layers)} layers"
    if wrong == 0 and worst < 1e-4 and len(layers) == len(spikes):
        return f"equal: 0 {what}"
    return f"differs: {wrong} {what}, {classes} of {len(results)} classes, readouts by {100 * worst:.1g} %"


def attempt(run, path, pipe):
    sys.stdout = sys.stderr = open("/dev/null", "w")  # snnTorch and torch.fx talk
    try:
        samples, spikes, readout = recorded(path)
        pipe.send(compared(run(path, samples, list(spikes)), spikes, readout))
    except BaseException as problem:  # whatever a reader thinks of
        pipe.send(f"refuses: {type(problem).__name__}: {problem}".split("\n")[0][:160])


def outcome(run, path):
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=attempt, args=(run, path, theirs))
    process.start()
    theirs.close()
    try:
        found = ours.recv() if ours.poll(SECONDS) else "hangs"
    except EOFError:
        found = "refuses: the process ended"
    process.kill()
    process.join()
    return found


def main():
    reader, files = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
    try:
        version = importlib.metadata.version(reader)
        ways = READERS[reader]()
    except Exception as problem:  # a version that does not live with what else is there
        print(f"{reader}\t\tnot here: {type(problem).__name__}: {problem}".split("\n")[0])
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    for path in files:
        for way, run in ways:
            print(f"{reader} {version} {way}".strip(), path.stem, outcome(run, path), sep="\t", flush=True)


if __name__ == "__main__":
    main()
