"""Soft reset and v(0) for a `plain` export of neurotool in spikingjelly."""
import torch
from spikingjelly.activation_based import neuron

import metadata


def restore(model, graph):
    """Makes every neuron of `model` start at its v(0), and reset by subtraction where the network
    does, for batches of 1.

    To be called after import_from_nir(graph, dt=1.0) and before each sample, which then begins with
    state None.
    """
    soft = metadata.is_soft(graph)  # a hard reset is what spikingjelly made of it already
    starts = {metadata.module_name(name): torch.from_numpy(value)
              for name, value in metadata.initial_potentials(graph).items()}
    for name, module in model.named_modules():
        if isinstance(module, (neuron.IFNode, neuron.LIFNode)):
            if soft:
                module.v_reset = None
            module.v = starts[name.split(".")[0]].clone().unsqueeze(0)
