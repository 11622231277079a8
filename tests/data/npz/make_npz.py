#!/usr/bin/env python3
"""Makes the fixtures in this folder; written with numpy 2.4. They are kept because numpy may be absent
where the tests run. Run it here to make them again; the content is the same, time stamps aside."""
import numpy

x = numpy.arange(24, dtype=numpy.uint8).reshape(4, 2, 3)
y = numpy.array([3, 1, 0, 2], dtype=numpy.int64)
numpy.savez("stored.npz", x=x, y=y)
numpy.savez_compressed("deflated.npz", x=x, y=y)

grid = numpy.arange(6).reshape(2, 3)
numpy.savez_compressed(
    "types.npz",
    b1=grid % 2 == 0,
    i1=(grid - 3).astype("<i1"),
    u2_big=(grid * 1000).astype(">u2"),
    i4_big=(grid - 3).astype(">i4"),
    u8=(grid + 2**40).astype("<u8"),
    f2=(grid / 4).astype("<f2"),
    f4_fortran=numpy.asfortranarray((grid / 8).astype("<f4")),
    f8_big_fortran=numpy.asfortranarray((grid / 3).astype(">f8")),
    scalar=numpy.float32(2.5),
    nothing=numpy.zeros((0, 3), dtype=numpy.float32),
)
