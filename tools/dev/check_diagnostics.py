#!/usr/bin/env python3
"""Every diagnostic code in the sources has a page in docs/diagnostics, and every page has a code.

A code is a string literal such as "config.range" that is an argument of error(), warning() or note(),
or the value of a `code` field. Run by CTest (dev.diagnostics).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/diagnostics"
CODE = r'"([a-z0-9_]+\.[a-z0-9-]+)"'
# error("a.b", …), one line or two; also as the first literal of helpers that end in _error or refuse…
CALLS = re.compile(r"\b(?:\w*(?:error|warning|note|refuse|refusal|fail|reject|diagnose|complain|problem|report)\w*)\s*\(\s*" + CODE)
ANY = re.compile(CODE)
# Families that are codes wherever they stand; other dotted strings (metrics, file names) are not.
FAMILIES = {"config", "onnx", "model", "eval", "file", "data", "ir", "verify", "snapshot", "pass", "lowering", "rate", "readout",
            "quantize", "internal", "target", "plugin", "run", "cli", "json", "fold_batch_norm", "fold_constants", "recognise_quantizers", "quantize_activations", "tabulate_activations", "exact", "certify", "cpu", "spikecore",
            "hdf5", "train"}
# Keys of the pipeline file that look like codes, and a domain of ONNX that does.
KEYS = {"data.test", "data.calibration", "data.train", "data.preprocess", "run.mode", "run.steps", "run.batch", "run.seed",
        "model.path", "model.dims", "model.reference", "target.name", "target.version", "target.sha256", "target.options", "report.directory",
        "onnx.brevitas"}
FILE_ENDINGS = {"hpp", "onnx", "json", "yaml", "md", "txt", "npy", "npz", "nir", "so", "h5", "cpp", "svg", "xml"}


def codes():
    found = {}
    for folder in ("core/src", "core/sdk", "tools/neurotool", "plugins"):
        for path in sorted((ROOT / folder).rglob("*.[ch]pp")):
            text = re.sub(r"//[^\n]*", "", path.read_text(errors="replace"))
            for pattern in (CALLS, ANY):
                for match in pattern.finditer(text):
                    code = match.group(1)
                    family, _, slug = code.partition(".")
                    if pattern is ANY and (family not in FAMILIES or code in KEYS) or slug in FILE_ENDINGS:
                        continue
                    found.setdefault(code, f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}")
    # verify.<name> is put together from the table of invariants.
    for path in sorted((ROOT / "core/src/ir").glob("verify*.cpp")):
        for match in re.finditer(r'\{\s*(?:\.name\s*=\s*)?"([a-z-]+)",\s*(?:\.summary\s*=\s*)?"', path.read_text()):
            found.setdefault("verify." + match.group(1), str(path.relative_to(ROOT)))
    return found


def main():
    wanted = codes()
    pages = {path.stem for path in PAGES.glob("*.md")} - {"README"}
    problems = [f"{place}: '{code}' has no page docs/diagnostics/{code}.md"
                for code, place in sorted(wanted.items()) if code not in pages]
    problems += [f"docs/diagnostics/{page}.md: no such code in the sources" for page in sorted(pages - wanted.keys())]
    for page in sorted(pages):
        first = (PAGES / f"{page}.md").read_text().splitlines()[0]
        if first != f"# {page}":
            problems.append(f"docs/diagnostics/{page}.md: the first line is '{first}', not '# {page}'")
    for problem in problems:
        print(problem)
    print(f"{len(wanted)} codes, {len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
