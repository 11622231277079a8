#!/usr/bin/env python3
"""Writes the seed corpus: small ONNX files, one habit of exporters each.

ONNX files are protobuf messages; the few fields that are needed are written by hand here, so that
the corpus can be made again without any package.
"""
import pathlib
import struct
import sys


def varint(value):
    value &= (1 << 64) - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def text(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def real(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def tensor(name, dims, values, kind="f"):
    types = {"f": 1, "q": 7, "?": 9, "b": 3, "e": 10, "d": 11}
    raw = struct.pack(f"<{len(values)}{kind}", *values)
    body = b"".join(number(1, d) for d in dims) + number(2, types[kind])
    return body + text(8, name) + text(9, raw)


def attribute(name, value):
    head = text(1, name)
    if isinstance(value, float):
        return head + real(2, value) + number(20, 1)
    if isinstance(value, int):
        return head + number(3, value) + number(20, 2)
    if isinstance(value, str):
        return head + text(4, value) + number(20, 3)
    if isinstance(value, list):
        return head + b"".join(number(8, v) for v in value) + number(20, 7)
    kind, data = value
    return head + (text(5, data) + number(20, 4) if kind == "tensor" else text(6, data) + number(20, 5))


def node(op, inputs, outputs, domain="", **attributes):
    body = b"".join(text(1, i) for i in inputs) + b"".join(text(2, o) for o in outputs)
    body += text(4, op) + (text(7, domain) if domain else b"")
    return body + b"".join(text(5, attribute(k, v)) for k, v in attributes.items())


def value(name, dims, kind=1):
    shape = b"".join(text(1, text(2, d) if isinstance(d, str) else number(1, d)) for d in dims)
    return text(1, name) + text(2, text(1, number(1, kind) + text(2, shape)))


def graph(nodes, inputs=(), outputs=("y",), tensors=(), name="g"):
    body = b"".join(text(1, n) for n in nodes) + text(2, name)
    body += b"".join(text(5, t) for t in tensors) + b"".join(text(11, i) for i in inputs)
    return body + b"".join(text(12, text(1, o)) for o in outputs)


def model(body, opset=17, ir=8, functions=(), extra_domain=None):
    out = number(1, ir) + text(2, "corpus") + text(7, body) + text(8, text(1, "") + number(2, opset))
    if extra_domain:
        out += text(8, text(1, extra_domain) + number(2, 1))
    return out + b"".join(text(25, f) for f in functions)


def function(name, inputs, outputs, nodes, attributes=()):
    body = text(1, name) + b"".join(text(4, i) for i in inputs) + b"".join(text(5, o) for o in outputs)
    body += b"".join(text(6, a) for a in attributes) + b"".join(text(7, n) for n in nodes)
    return body + text(9, text(1, "") + number(2, 17)) + text(10, "local")


def cases():
    x = value("x", ["N", 1, 6, 6])
    ones = lambda *dims: [0.5] * (1 if not dims else __import__("math").prod(dims))
    conv = [tensor("w", [2, 1, 3, 3], ones(2, 1, 3, 3)), tensor("b", [2], [0.0, 1.0])]
    yield "conv_bn_relu_pool", model(graph(
        [node("Conv", ["x", "w", "b"], ["c"], strides=[1, 1], pads=[1, 1, 1, 1]),
         node("BatchNormalization", ["c", "s", "b", "b", "s"], ["n"]),
         node("Relu", ["n"], ["r"]),
         node("AveragePool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
         node("Flatten", ["p"], ["f"], axis=1),
         node("Gemm", ["f", "v"], ["y"], transB=1)],
        [x], tensors=conv + [tensor("s", [2], [1.0, 2.0]), tensor("v", [3, 18], ones(3, 18))]))
    yield "shapes", model(graph(
        [node("Shape", ["x"], ["s"]), node("Gather", ["s", "i"], ["n"], axis=0),
         node("Concat", ["n", "m"], ["t"], axis=0), node("Reshape", ["x", "t"], ["y"])],
        [x], tensors=[tensor("i", [1], [0], "q"), tensor("m", [1], [-1], "q")]))
    yield "constants", model(graph(
        [node("Constant", [], ["a"], value=("tensor", tensor("", [2], [1.0, 2.0]))),
         node("Constant", [], ["b"], value_float=2.0),
         node("Mul", ["a", "b"], ["c"]), node("Add", ["x", "c"], ["y"])], [value("x", [1, 2])]))
    then, other = (graph([node(op, ["x", "one"], [op])], outputs=[op]) for op in ("Add", "Sub"))
    for name, known in (("if_known", True), ("if_unknown", False)):
        inputs = [value("x", ["N", 2])] + ([] if known else [value("c", [1], 9)])
        tensors = [tensor("one", [], [1.0])] + ([tensor("c", [], [True], "?")] if known else [])
        yield name, model(graph(
            [node("If", ["c"], ["y"], then_branch=("graph", then), else_branch=("graph", other))],
            inputs, tensors=tensors))
    inner = function("Inner", ["a"], ["r"], [node("Relu", ["a"], ["r"])])
    outer = function("Outer", ["a"], ["r"], [node("Inner", ["a"], ["t"], "local"),
                                             node("Inner", ["t"], ["r"], "local")])
    yield "functions", model(graph([node("Outer", ["x"], ["y"], "local")], [value("x", ["N", 4])]),
                             functions=[inner, outer], extra_domain="local")
    loop = function("Loop", ["a"], ["r"], [node("Loop", ["a"], ["r"], "local")])
    yield "function_recursive", model(
        graph([node("Loop", ["x"], ["y"], "local")], [value("x", [1])]), functions=[loop],
        extra_domain="local")
    yield "quantised", model(graph(
        [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])],
        [value("x", ["N", 4])], tensors=[tensor("s", [], [0.1]), tensor("z", [], [3], "b")]))
    yield "half_and_double", model(graph(
        [node("Add", ["x", "h"], ["a"]), node("Mul", ["a", "d"], ["y"])], [value("x", [2])],
        tensors=[tensor("h", [2], [1.0, 2.0], "e"), tensor("d", [2], [0.5, 0.25], "d")]))
    yield "slices", model(graph(
        [node("Slice", ["x", "a", "b", "c", "d"], ["s"]), node("Pad", ["s", "p"], ["y"])],
        [value("x", ["N", 8])],
        tensors=[tensor("a", [1], [1], "q"), tensor("b", [1], [7], "q"), tensor("c", [1], [1], "q"),
                 tensor("d", [1], [2], "q"), tensor("p", [4], [0, 1, 0, 1], "q")]))
    yield "old_opset", model(graph(
        [node("Clip", ["x"], ["c"], min=0.0, max=6.0), node("Upsample", ["c"], ["y"], mode="nearest")],
        [value("x", [1, 1, 2, 2]), value("w", [1])], tensors=[tensor("w", [1], [1.0])]), 7, 3)
    yield "attention", model(graph(
        [node("MatMul", ["x", "w"], ["q"]), node("Transpose", ["q"], ["k"], perm=[0, 2, 1]),
         node("MatMul", ["q", "k"], ["a"]), node("Softmax", ["a"], ["p"], axis=-1),
         node("MatMul", ["p", "q"], ["o"]), node("LayerNormalization", ["o", "g"], ["y"], axis=-1)],
        [value("x", ["N", 3, 4])],
        tensors=[tensor("w", [4, 4], ones(4, 4)), tensor("g", [4], ones(4))]))
    sparse = text(1, tensor("w", [2], [5.0, 7.0])) + text(2, tensor("i", [2], [1, 3], "q")) + number(3, 4)
    yield "sparse", model(graph([node("Add", ["x", "w"], ["y"])], [value("x", [4])]) + text(15, sparse))
    external = number(1, 2) + number(2, 1) + text(8, "w") + number(14, 1)
    external += text(13, text(1, "location") + text(2, "weights.bin"))
    yield "external", model(graph([node("Mul", ["x", "w"], ["y"])], [value("x", [2])]) + text(5, external))


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus/onnx"
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in cases():
        (folder / f"{name}.onnx").write_bytes(data)


if __name__ == "__main__":
    main()
