"""Soft reset and v(0) for a `plain` export of neurotool in spikingjelly."""
import torch
from spikingjelly.activation_based import neuron

import metadata


def restore(model, graph):
    """Makes every IFNode of `model` reset by subtraction and start at its v(0).

    Called once after import_from_nir(graph, dt=1.0). Gives the state of a new sample, for releases
    whose models take one; older ones keep it inside, and take it back by calling restore() again.
    """
    starts = {metadata.module_name(name): torch.from_numpy(value)
              for name, value in metadata.initial_potentials(graph).items()}
    state = {}
    for name, module in model.named_modules():
        if not isinstance(module, neuron.IFNode):
            continue
        node = name.split(".")[0]
        start = starts[node]
        module.v_reset = None
        module.set_reset_value("v", start)
        module.v = start.clone()
        state[node] = (start.clone(),)
    return state
