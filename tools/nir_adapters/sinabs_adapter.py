"""Soft reset without clamp, single spikes and v(0) for a `plain` export of neurotool in sinabs."""
import torch
import sinabs.activation as activation
import sinabs.layers as layers

import metadata


def restore(model, graph):
    """Makes every IAFSqueeze of `model` one of neurotool's neurons, at the start of a sample.

    To be called before each sample: sinabs keeps the state of a layer from call to call.
    """
    starts = {metadata.module_name(name): torch.from_numpy(value)
              for name, value in metadata.initial_potentials(graph).items()}
    for name, module in model.named_modules():
        if not isinstance(module, layers.IAFSqueeze):
            continue
        start = starts[metadata.module_name(name.split(".")[-1])]
        module.min_v_mem = None
        module.spike_fn = activation.SingleSpike
        if not module.is_state_initialised():
            module.init_state_with_shape((1, *start.shape))
        module.v_mem = start.clone().unsqueeze(0)
