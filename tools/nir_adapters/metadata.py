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


def module_name(node):
    """nirtorch names a node's module like this."""
    return node.replace(".", "_")
