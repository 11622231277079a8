#!/usr/bin/env python3
"""Makes the files of corpus/nir with h5py: small NIR files, and some that nobody should trust.

    make_nir_corpus.py FOLDER

The name of a file begins with the code of the error that reading it must give, or with "ok". The
files are committed; this script says what is in them.
"""
import pathlib
import sys

import h5py
import numpy as np

FOLDER = pathlib.Path(sys.argv[1])
STRING = h5py.string_dtype()


def base(f, weight, string):
    f.create_dataset("version", data="1.0.7", dtype=string)
    node = f.create_group("node")
    node.create_dataset("type", data="NIRGraph", dtype=string)
    edges = [["input", "fc"], ["fc", "lif"], ["lif", "output"]]
    node.create_dataset("edges", data=np.array(edges, dtype=object if string == STRING else string), dtype=string)
    nodes = node.create_group("nodes")
    for name, shape in (("input", [3]), ("output", [2])):
        n = nodes.create_group(name)
        n.create_dataset("type", data=name.capitalize(), dtype=string)
        n.create_dataset("shape", data=np.array(shape))
    fc = nodes.create_group("fc")
    fc.create_dataset("type", data="Linear", dtype=string)
    if weight:
        fc.create_dataset("weight", data=np.ones((2, 3), "f4"))
    lif = nodes.create_group("lif")
    lif.create_dataset("type", data="LIF", dtype=string)
    for name in ("tau", "r", "v_leak", "v_threshold"):
        lif.create_dataset(name, data=np.ones(2, "f4"))
    return nodes


def case(name, build, weight=False, string="S12", **options):
    path = FOLDER / (name + ".nir")
    options.setdefault("libver", ("v108", "v110"))  # small files
    with h5py.File(path, "w", **options) as f:
        build(f, base(f, weight, string))


def replaced(name, value):
    def build(f, nodes):
        parent, leaf = name.rsplit("/", 1)
        group = f[parent or "/"]
        if leaf in group:
            del group[leaf]
        value(group, leaf)
    return build


def low_level(parent, leaf, space, dtype, creation):
    h5py.h5d.create(parent.id, leaf.encode(), dtype, space, creation).close()


def properties():
    return h5py.h5p.create(h5py.h5p.DATASET_CREATE)


def unknown_filter(group, leaf):
    creation = properties()
    creation.set_chunk((2, 3))
    creation.set_filter(32004, h5py.h5z.FLAG_OPTIONAL, (1,))
    low_level(group, leaf, h5py.h5s.create_simple((2, 3)), h5py.h5t.IEEE_F32LE, creation)


def external_storage(group, leaf):
    creation = properties()
    creation.set_external(b"/etc/hostname", 0, 24)
    low_level(group, leaf, h5py.h5s.create_simple((2, 3)), h5py.h5t.IEEE_F32LE, creation)


def virtual(group, leaf):
    layout = h5py.VirtualLayout(shape=(2, 3), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", shape=(2, 3))
    group.create_virtual_dataset(leaf, layout)


def huge_chunk(group, leaf):
    creation = properties()
    creation.set_chunk((1 << 28,))
    low_level(group, leaf, h5py.h5s.create_simple((2,), (h5py.h5s.UNLIMITED,)), h5py.h5t.IEEE_F64LE, creation)


def depth(count, graphs):
    def build(f, nodes):
        at = nodes
        for _ in range(count):
            at = at.create_group("deep")
            if graphs:
                at.create_dataset("type", data="NIRGraph", dtype=STRING)
                at.create_dataset("edges", data=np.zeros((0,)))
                at = at.create_group("nodes")
    return build


WEIGHT = "node/nodes/fc/weight"


def weights():
    yield "hdf5.link__soft", lambda g, n: g.__setitem__(n, h5py.SoftLink("/node/nodes/lif/tau"))
    yield "hdf5.link__soft_dangling", lambda g, n: g.__setitem__(n, h5py.SoftLink("/nowhere"))
    yield "hdf5.link__external", lambda g, n: g.__setitem__(n, h5py.ExternalLink("/etc/hostname", "/"))
    yield "hdf5.outside__external_storage", external_storage
    yield "hdf5.outside__virtual", virtual
    yield "hdf5.filter__unknown", unknown_filter
    yield "hdf5.limit__huge_contiguous", lambda g, n: g.create_dataset(n, shape=(1 << 40,), dtype="f4")
    yield "hdf5.limit__huge_rank", lambda g, n: g.create_dataset(n, shape=(1 << 20, 1 << 20, 1 << 20), dtype="f8")
    yield "hdf5.limit__unwritten", lambda g, n: g.create_dataset(n, shape=(1 << 20,), dtype="f8")
    yield "hdf5.limit__huge_chunk", huge_chunk
    yield "hdf5.limit__wide_string", lambda g, n: g.create_dataset(n, shape=(1 << 20,), dtype="S4096")
    yield "nir.parameter__compound", lambda g, n: g.create_dataset(n, data=np.zeros(2, [("a", "i4"), ("b", "f8")]))
    yield "nir.parameter__complex", lambda g, n: g.create_dataset(n, data=np.ones((2, 3), "c8"))
    yield "nir.parameter__lists", lambda g, n: g.create_dataset(n, (2,), dtype=h5py.vlen_dtype("i4"))
    yield "nir.parameter__opaque", lambda g, n: g.create_dataset(n, data=np.void(b"abcd"))
    yield "nir.parameter__reference", lambda g, n: g.create_dataset(n, data=g.ref, dtype=h5py.ref_dtype)
    yield "nir.parameter__null", lambda g, n: g.create_dataset(n, data=h5py.Empty("f4"))
    yield "nir.parameter__text", lambda g, n: g.create_dataset(n, data="many", dtype=STRING)
    yield "nir.parameter__group", lambda g, n: g.create_group(n)
    yield "nir.parameter__named_type", lambda g, n: g.__setitem__(n, np.dtype("f4"))
    yield "ok__enum", lambda g, n: g.create_dataset(
        n, data=np.ones((2, 3), "i1"), dtype=h5py.enum_dtype({"A": 0, "B": 1}, basetype="i1"))
    yield "ok__bool", lambda g, n: g.create_dataset(n, data=np.ones((2, 3), bool))
    yield "ok__longdouble", lambda g, n: g.create_dataset(n, data=np.ones((2, 3), np.longdouble))
    yield "ok__big_half", lambda g, n: g.create_dataset(n, data=np.ones((2, 3), ">f2"))
    yield "ok__empty", lambda g, n: g.create_dataset(n, data=np.ones((0, 3), "f4"))
    yield "ok__rank_8", lambda g, n: g.create_dataset(n, data=np.ones((1, 1, 1, 1, 1, 1, 2, 3), "f4"))


def others():
    yield "nir.type__number", replaced("node/nodes/fc/type", lambda g, n: g.create_dataset(n, data=3))
    yield "nir.type__long", replaced("node/nodes/fc/type", lambda g, n: g.create_dataset(n, data="x" * 5000, dtype=STRING))
    yield "nir.type__not_utf8", replaced("node/nodes/fc/type", lambda g, n: g.create_dataset(n, data=np.bytes_(b"\xff\xfe\x1b[31m")))
    yield "nir.type__two", replaced("node/nodes/fc/type", lambda g, n: g.create_dataset(n, data=["Linear", "LIF"], dtype=STRING))
    yield "nir.type__group", replaced("node/nodes/fc/type", lambda g, n: g.create_group(n))
    yield "nir.no-graph__nodes_are_numbers", replaced("node/nodes", lambda g, n: g.create_dataset(n, data=[1, 2]))
    yield "nir.no-graph__no_node", lambda f, nodes: f.__delitem__("node")
    yield "nir.no-graph__node_is_number", replaced("/node", lambda g, n: g.create_dataset(n, data=1))
    yield "nir.edge__numbers", replaced("node/edges", lambda g, n: g.create_dataset(n, data=np.ones((2, 2))))
    yield "nir.edge__three_columns", replaced("node/edges", lambda g, n: g.create_dataset(n, data=[["a", "b", "c"]], dtype=STRING))
    yield "nir.edge__group", replaced("node/edges", lambda g, n: g.create_group(n))
    yield "hdf5.limit__cycle", lambda f, nodes: nodes["fc"].__setitem__("again", f["node"])
    yield "hdf5.limit__deep_groups", depth(80, graphs=False)
    yield "nir.depth__deep_graphs", depth(26, graphs=True)
    yield "ok__deep_graphs", depth(8, graphs=True)
    yield "ok__metadata", lambda f, nodes: nodes["lif"].create_group("metadata").create_dataset("note", data="\x1b[31m", dtype=STRING)
    yield "ok__metadata_is_number", lambda f, nodes: nodes["lif"].create_dataset("metadata", data=1)
    yield "ok__node_is_number", lambda f, nodes: nodes.create_dataset("odd", data=1)
    yield "ok__odd_name", lambda f, nodes: nodes.move("lif", "a\n\x1b[31mb")
    yield "ok__named_type", lambda f, nodes: nodes.__setitem__("f4", np.dtype("f4"))


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, value in weights():
        case(name, replaced(WEIGHT, value))
    for name, build in others():
        case(name, build, weight=True)
    case("ok__plain", lambda f, nodes: None, weight=True, string=STRING, libver=("earliest", "v108"))
    case("ok__latest", lambda f, nodes: None, weight=True, string=STRING, libver="latest")
    case("ok__userblock", lambda f, nodes: None, weight=True, userblock_size=512, libver=("earliest", "v108"))
    plain = (FOLDER / "ok__plain.nir").read_bytes()
    (FOLDER / "hdf5.format__cut_off.nir").write_bytes(plain[: len(plain) // 2])
    (FOLDER / "hdf5.format__empty.nir").write_bytes(b"")
    (FOLDER / "hdf5.format__signature_only.nir").write_bytes(plain[:8])
    (FOLDER / "hdf5.format__no_hdf5.nir").write_bytes(b"hello" * 100)


main()
