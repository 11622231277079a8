#!/usr/bin/env python3
"""Runs a NIR file in a simulator and compares every layer with the NIRData that lie beside it.

    nir_recorded.py norse|snntorch|spikingjelly|sinabs FILE.nir

FILE.data.nir is what `export: { nir: { with_data: true } }` writes. Exit code 1 when a spike differs.
"""
import pathlib
import sys
import warnings

import nir
import numpy as np
import torch

warnings.filterwarnings("ignore")


def norse_model(graph):
    import norse
    from norse.torch.functional import reset
    model = norse.torch.from_nir(graph, dt=2 ** -13, reset_method=reset.reset_subtract)
    return model, lambda: None, False


def snntorch_model(graph):
    from snntorch.import_nir import import_from_nir
    return import_from_nir(graph), lambda: None, True


def spikingjelly_model(graph):
    from spikingjelly.activation_based.nir_exchange import import_from_nir
    from spikingjelly_adapter import restore
    model = import_from_nir(graph, dt=1.0)
    return model, lambda: restore(model, graph), True


def sinabs_model(graph):
    import sinabs
    from sinabs_adapter import restore
    model = sinabs.from_nir(graph, batch_size=1)
    return model, lambda: restore(model, graph), True


MODELS = {"norse": norse_model, "snntorch": snntorch_model, "spikingjelly": spikingjelly_model,
          "sinabs": sinabs_model}


def first_of(output):
    return output[0] if isinstance(output, tuple) else output


def sent(model, begin, batched, frames, layers):
    """{layer: [steps, neurons]} and the sum of the outputs after each step."""
    spikes = {name: [] for name in layers}
    for name, module in model.named_modules():
        *outer, layer = name.split(".")
        # snnTorch makes a graph of a recurrent layer, with a node of the same name inside.
        if layer in spikes and layer not in outer and not isinstance(module, torch.nn.Sequential):
            module.register_forward_hook(
                lambda _, __, output, layer=layer: spikes[layer].append(first_of(output).reshape(-1)))
    begin()
    state, outputs = None, []
    takes_state = not model.__class__.__module__.startswith("sinabs")
    with torch.no_grad():
        for frame in frames:
            frame = frame.unsqueeze(0) if batched else frame
            output = model(frame, state) if takes_state else model(frame)
            if takes_state and isinstance(output, tuple):
                state = output[1]
            outputs.append(first_of(output).reshape(-1))
    return ({name: torch.stack(rows).numpy() for name, rows in spikes.items() if rows},
            torch.stack(outputs).cumsum(0).numpy())


def main():
    reader, path = sys.argv[1], pathlib.Path(sys.argv[2])
    data = nir.read_data(str(path.with_suffix(".data.nir")))
    shape = tuple(int(n) for n in nir.read(str(path)).nodes["input"].input_type["input"])
    frames = torch.from_numpy(np.asarray(data.nodes["input"].observables["input"].data, np.float32))
    wanted = {name: np.asarray(node.observables["spikes"].data)
              for name, node in data.nodes.items() if "spikes" in node.observables}
    readout = np.asarray(data.nodes["output"].observables["readout"].data)
    wrong = total = 0
    worst = 0.0
    for sample in range(frames.shape[0]):
        model, begin, batched = MODELS[reader](nir.read(str(path)))
        found, sums = sent(model, begin, batched, frames[sample].reshape(-1, *shape), wanted)
        if set(found) != set(wanted):
            raise SystemExit(f"{reader} has no modules for {set(wanted) - set(found)}")
        for name, rows in wanted.items():
            own = found[name][:, :rows.shape[-1]]  # behind them may be neurons that carry a shortcut
            wrong += int((own != rows[sample]).sum())
            total += int(rows[sample].sum())
        worst = max(worst, float(np.abs(sums - readout[sample]).max()))
        if sums[-1].argmax() != readout[sample][-1].argmax():
            raise SystemExit(f"sample {sample} gets another class in {reader}")
    print(f"{'FAILED' if wrong else 'ok    '}  {path.name} in {reader}: {wrong} of {total} spikes of "
          f"{len(wanted)} layers differ, {frames.shape[0]} samples, readouts within {worst:.2g}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
