"""Soft reset and v(0) for a `plain` export of neurotool in spikingjelly."""
import torch
from spikingjelly.activation_based import neuron

import metadata


def restore(model, graph):
    """Makes every IFNode of `model` reset by subtraction and start at its v(0), for batches of 1.

    To be called after import_from_nir(graph, dt=1.0) and before each sample, which then begins with
    state None.
    """
    starts = {metadata.module_name(name): torch.from_numpy(value)
              for name, value in metadata.initial_potentials(graph).items()}
    for name, module in model.named_modules():
        if isinstance(module, neuron.IFNode):
            module.v_reset = None
            module.v = starts[name.split(".")[0]].clone().unsqueeze(0)
