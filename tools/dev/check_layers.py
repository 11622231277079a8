#!/usr/bin/env python3
"""Fails when a layer includes what it must not know: the table of core/README.md, enforced.

Reads every #include under core/, tools/neurotool and plugins/. Run by CTest (dev.layers).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# layer -> layers of core/src it may include (itself is implied)
MAY_USE = {
    "base": [],
    "config": ["base"],
    "ir": ["base"],
    "io": ["base", "ir"],
    "eval": ["base", "ir"],
    "frontend": ["base", "ir", "io", "eval"],
    "train": ["base"],
    "passes": ["base", "ir", "eval", "config", "train"],
    "target": ["base", "ir", "io", "eval", "config"],
    "session": ["base", "config", "ir", "io", "eval", "frontend", "train", "passes", "target"],
}
SDK_USERS = {"target"}

# third-party header prefix -> the only files (or folders, ending in /) that may include it
CONFINED = {
    "tbb/": ["core/src/base/parallel.cpp", "plugins/cpu/"],
    "oneapi/tbb": ["core/src/base/parallel.cpp", "plugins/cpu/"],
    "spdlog/": ["core/src/base/log.cpp"],
    "nlohmann/": ["core/src/base/json.cpp"],
    "zlib.h": ["core/src/base/files.cpp", "core/src/io/"],
    "yaml-cpp/": ["core/src/config/yaml.cpp", "core/src/config/yaml_syntax.cpp"],
    "hdf5.h": ["core/src/io/"],
    "onnx/": ["core/src/frontend/onnx/"],
    "google/protobuf": ["core/src/frontend/onnx/"],
    "oneapi/dnnl": ["core/src/eval/", "plugins/cpu/"],
    "dnnl": ["core/src/eval/", "plugins/cpu/"],
    "dlfcn.h": ["core/src/target/", "core/src/train/library.cpp"],
    "torch/": ["core/src/train/torch/"],
    "ATen/": ["core/src/train/torch/"],
    "c10/": ["core/src/train/torch/"],
    "CLI/": ["tools/neurotool/"],
}
PRINTS = re.compile(r"\bstd::(cout|cerr|clog)\b|\b(printf|puts|fputs|fprintf)\s*\(|\bfmt::print\b")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def layer_of(path):
    parts = path.parts
    return parts[2] if parts[:2] == ("core", "src") else None


def problems_of(path, text):
    layer = layer_of(path)
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        header = match.group(2)
        for prefix, allowed in CONFINED.items():
            if header.startswith(prefix) and not any(
                    str(path) == a or (a.endswith("/") and str(path).startswith(a)) for a in allowed):
                # A folder of ours may share its name with a library's.
                if (ROOT / "core/src" / header).exists() or (path.parent / header).exists() or (
                        ROOT / path.parent / header).exists():
                    continue
                yield line, f"<{header}> belongs only in {', '.join(allowed)}"
        first = header.split("/")[0]
        if layer and first in MAY_USE and first != layer and first not in MAY_USE[layer] \
                and (ROOT / "core/src" / header).exists():
            yield line, f"layer '{layer}' must not include '{header}': it may use {MAY_USE[layer] or 'nothing of ours'}"
        if layer and header.startswith("neurotool/plugin/") and layer not in SDK_USERS:
            yield line, f"layer '{layer}' must not include the plugin ABI"
        if path.parts[0] == "plugins" and first in MAY_USE and (ROOT / "core/src" / header).exists() \
                and not (ROOT / path.parent / header).exists():
            yield line, f"a plugin sees the sdk and no other header of ours, not '{header}'"
    if layer:
        for match in PRINTS.finditer(re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", lambda m: " " * len(m.group()), text, flags=re.S)):
            line = text.count("\n", 0, match.start()) + 1
            yield line, f"nothing under core/ prints: {match.group().strip()}"


def main():
    found = 0
    for folder in ("core", "tools/neurotool", "plugins"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {".hpp", ".cpp", ".h", ".c", ".in"} or not path.is_file():
                continue
            relative = path.relative_to(ROOT)
            for line, problem in problems_of(relative, path.read_text(errors="replace")):
                print(f"{relative}:{line}: {problem}")
                found += 1
    if found:
        print(f"{found} include(s) against the layer rule; the table is in core/README.md", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
