"""What neurotool writes beside a NIR graph: metadata/neurotool of the root."""
import numpy as np


def own(graph):
    """The metadata tree; raises where the file is none of ours."""
    tree = (graph.metadata or {}).get("neurotool")
    if tree is None:
        raise ValueError("the graph has no metadata/neurotool: it was not exported by neurotool")
    return tree


def initial_potentials(graph):
    """{node: array of the node's shape}, float32."""
    result = {}
    for name, value in own(graph).get("v_init", {}).items():
        shape = np.shape(graph.nodes[name].v_threshold)
        value = np.asarray(value, dtype=np.float32)
        if value.ndim == 1 and len(shape) > 1:  # one value per channel
            value = value.reshape(value.shape + (1,) * (len(shape) - 1))
        result[name] = np.broadcast_to(value, shape).copy()
    return result


def is_soft(graph):
    """Whether neurons reset by subtraction; all of a graph do, or none."""
    return own(graph).get("reset", "subtract") == "subtract"


def reset_value(node):
    """The one value that all neurons of a node reset to."""
    values = np.unique(np.asarray(0.0 if node.v_reset is None else node.v_reset))
    if values.size != 1:
        raise ValueError(f"neurons of one node reset to {values.size} values")
    return float(values[0])


def module_name(node):
    """nirtorch names a node's module like this."""
    return node.replace(".", "_")
