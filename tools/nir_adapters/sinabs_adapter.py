"""Reset without clamp, single spikes and v(0) for a `plain` export of neurotool in sinabs."""
import torch
import sinabs.activation as activation
import sinabs.layers as layers

import metadata


class ResetToValue:
    """What sinabs' MembraneReset means; that one adds its value to silent neurons too."""

    def __init__(self, value):
        self.value = value

    def __call__(self, spikes, state, spike_threshold):
        v_mem = state["v_mem"]
        return {**state, "v_mem": torch.where(spikes > 0, torch.full_like(v_mem, self.value), v_mem)}


def restore(model, graph):
    """Makes every spiking layer of `model` one of neurotool's neurons, at the start of a sample.

    To be called before each sample: sinabs keeps the state of a layer from call to call.
    """
    soft = metadata.is_soft(graph)
    nodes = {metadata.module_name(name): node for name, node in graph.nodes.items()}
    starts = {metadata.module_name(name): torch.from_numpy(value)
              for name, value in metadata.initial_potentials(graph).items()}
    for name, module in model.named_modules():
        if not isinstance(module, layers.LIF):  # IAFSqueeze and LIFSqueeze are
            continue
        own_name = metadata.module_name(name.split(".")[-1])
        start = starts[own_name]
        module.min_v_mem = None
        module.spike_fn = activation.SingleSpike
        if not soft:
            module.reset_fn = ResetToValue(metadata.reset_value(nodes[own_name]))
        if not module.is_state_initialised():
            module.init_state_with_shape((1, *start.shape))
        module.v_mem = start.clone().unsqueeze(0)
