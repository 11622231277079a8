"""Small NIR files that a reader may drop, misread, refuse or hang on: one for each rule of lint."""
import nir
import numpy as np


def full(value, *shape):
    return np.full(shape, value, np.float32)


def affine(outputs=3, inputs=3):
    weight = np.random.default_rng(outputs + inputs).normal(0.2, 0.5, (outputs, inputs))
    return nir.Affine(weight.astype(np.float32), full(0.1, outputs))


def linear(outputs=3, inputs=3):
    return nir.Linear(affine(outputs, inputs).weight)


def spiking(*shape, r=1.0, threshold=0.5):
    return nir.IF(r=full(r, *shape), v_threshold=full(threshold, *shape), v_reset=full(0, *shape))


def lif(*shape, tau=4.0, r=1.0, leak=0.0, reset=0.0):
    return nir.LIF(tau=full(tau, *shape), r=full(r, *shape), v_leak=full(leak, *shape),
                   v_threshold=full(0.5, *shape), v_reset=full(reset, *shape))


def cuba(*shape, tau_syn=2e-3, tau_mem=4e-3, r=40.0, w_in=20.0):
    return nir.CubaLIF(tau_syn=full(tau_syn, *shape), tau_mem=full(tau_mem, *shape), r=full(r, *shape),
                       v_leak=full(0, *shape), v_threshold=full(0.5, *shape), w_in=full(w_in, *shape),
                       v_reset=full(0, *shape))


def conv(outputs=2, inputs=2, kernel=(3, 3), stride=1, padding=(1, 1), groups=1, size=(4, 4)):
    return nir.Conv2d(input_shape=size, weight=full(0.1, outputs, inputs // groups, *kernel), stride=stride,
                      padding=padding, dilation=1, groups=groups, bias=full(0, outputs))


def chain(*nodes, shape=(3,), out=(3,), names=None):
    names = names or [f"n{i}" for i in range(len(nodes))]
    graph = {"input": nir.Input(np.array(shape)), **dict(zip(names, nodes)), "output": nir.Output(np.array(out))}
    order = ["input", *names, "output"]
    return graph, list(zip(order, order[1:]))


def ends(inputs, outputs, nodes, edges, size=3):
    graph = {name: nir.Input(np.array([size])) for name in inputs}
    graph.update(nodes)
    graph.update({name: nir.Output(np.array([size])) for name in outputs})
    return graph, edges


def cases():
    image = {"shape": (2, 4, 4), "out": (2, 4, 4)}
    pooled = {"shape": (2, 4, 4), "out": (2, 2, 2)}
    two = np.array([2, 2])
    yield "plain", chain(affine(), spiking(3), affine(), spiking(3))
    yield "spikingjelly_if", chain(affine(), spiking(3, r=1e4))
    yield "unequal_thresholds", chain(affine(), nir.IF(full(1, 3), np.array([1, 2, 3], np.float32), full(0, 3)))
    yield "linear", chain(linear(), spiking(3), linear(), spiking(3))
    yield "linear_once", chain(linear(), spiking(3), affine(), spiking(3))
    yield "scale", chain(nir.Scale(full(2, 3)), spiking(3))
    yield "scale_inside", chain(affine(), nir.Scale(full(2, 3)), spiking(3))
    yield "threshold_at_end", chain(affine(), spiking(3), nir.Threshold(full(0.5, 3)))
    yield "delay", chain(affine(), nir.Delay(full(1e-3, 3)), spiking(3))
    yield "li", chain(affine(), nir.LI(full(4, 3), full(1, 3), full(0, 3)))
    yield "lif", chain(affine(), lif(3))
    yield "lif_leaks_up", chain(affine(), lif(3, leak=0.2))
    yield "lif_odd_r", chain(affine(), lif(3, tau=4e-3, r=7))
    yield "lif_reset", chain(affine(), lif(3, tau=4e-3, reset=-0.5))
    yield "lif_one_step", chain(affine(), lif(3, tau=1e-4))
    yield "cuba", chain(affine(), cuba(3))
    yield "cuba_w_in", chain(affine(), cuba(3, w_in=1))
    yield "cuba_r", chain(affine(), cuba(3, r=1))
    yield "stack", chain(nir.Affine(full(0.1, 2, 3, 3), full(0, 2, 3)), shape=(2, 3), out=(2, 3))
    yield "conv", chain(conv(), spiking(2, 4, 4), **image)
    yield "conv_same", chain(conv(padding="same"), spiking(2, 4, 4), **image)
    yield "depthwise", chain(conv(groups=2), spiking(2, 4, 4), **image)
    yield "oblong", chain(conv(kernel=(3, 1), padding=(1, 0)), spiking(2, 4, 4), **image)
    yield "sum_pool", chain(conv(), nir.SumPool2d(two, two, two * 0), spiking(2, 2, 2), **pooled)
    yield "sum_pool_once", chain(nir.SumPool2d(two, two, two * 0), **pooled)
    yield "average_pool", chain(conv(), nir.AvgPool2d(two, two, two * 0), spiking(2, 2, 2), **pooled)
    yield "average_pool_scalar", chain(conv(), nir.AvgPool2d(2, 2, 0), spiking(2, 2, 2), **pooled)
    yield "sum_pool_scalar", chain(conv(), nir.SumPool2d(2, 2, 0), spiking(2, 2, 2), **pooled)
    yield "flatten", chain(conv(), spiking(2, 4, 4), nir.Flatten({"input": np.array([2, 4, 4])}, 0, -1),
                           affine(3, 32), shape=(2, 4, 4))
    yield "names", chain(affine(), spiking(3), affine(), names=["l.1", "if", "l_1"])
    yield "names_that_differ", chain(affine(), spiking(3), affine(), names=["l.1", "if.2", "class"])
    loop = chain(affine(), spiking(3))
    loop[0]["back"] = affine()
    yield "recurrent", (loop[0], loop[1] + [("n1", "back"), ("back", "n1")])
    lif_loop = chain(affine(), cuba(3))
    lif_loop[0]["back"] = affine()
    yield "recurrent_cuba", (lif_loop[0], lif_loop[1] + [("n1", "back"), ("back", "n1")])
    skip = chain(affine(), spiking(3), affine(), spiking(3))
    yield "residual", (skip[0], skip[1] + [("n1", "n3")])
    side = chain(affine(), spiking(3), affine(), spiking(3), affine(), spiking(3))
    side[0]["side"] = affine()
    yield "branch", (side[0], side[1] + [("n1", "side"), ("side", "n5")])
    yield "two_inputs", ends(["input", "input_2"], ["output"], {"a": affine(), "b": affine(), "c": spiking(3)},
                             [("input", "a"), ("input_2", "b"), ("a", "c"), ("b", "c"), ("c", "output")])
    yield "two_outputs", ends(["input"], ["output", "output_2"], {"a": affine(), "b": spiking(3)},
                              [("input", "a"), ("a", "b"), ("b", "output"), ("a", "output_2")])
    yield "output_sum", ends(["input"], ["output"], {"a": affine(), "b": affine()},
                             [("input", "a"), ("input", "b"), ("a", "output"), ("b", "output")])
    inner = nir.NIRGraph(*chain(affine(), spiking(3)))
    yield "nested", chain(affine(), inner, affine())


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, (nodes, edges) in cases():
        files.append(str(folder / f"{name}.nir"))
        nir.write(files[-1], nir.NIRGraph(nodes, edges, type_check=False))
    return files
