#!/usr/bin/env python3
"""Compares what `neurotool nir lint` predicts with what the readers do.

    nir_lint.py NEUROTOOL FOLDER FILE...

Every file, and those of nir_lint_cases.py, which are written into FOLDER, is loaded by norse, sinabs, snnTorch and spikingjelly, each in a process of its own, and
run for some steps. A prediction is "refuses" or "hangs on" where lint says so, and "runs" otherwise:
what is misread still runs, and what is dropped may, or leaves a network that does not. Exit code 1
where one of them is wrong.
"""
import json
import logging
import multiprocessing
import pathlib
import subprocess
import sys
import warnings

import nir
import numpy as np
import torch

import nir_lint_cases

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
STEPS = 3
SECONDS = 20


def frames_of(graph):
    ends = [node for node in graph.nodes.values() if isinstance(node, nir.Input)]
    shape = [int(n) for n in np.ravel(list(ends[0].input_type.values())[0])]
    return torch.ones(STEPS, *shape)


def norse(graph, frames):
    from norse.torch import from_nir
    model, state = from_nir(graph), None
    for frame in frames:
        _, state = model(frame, state)


def sinabs(graph, frames):
    from sinabs import from_nir
    model = from_nir(graph, batch_size=1)
    for frame in frames:
        model(frame.unsqueeze(0))


def snntorch(graph, frames):
    from snntorch.import_nir import import_from_nir
    model, state = import_from_nir(graph), None
    for frame in frames:
        _, state = model(frame.unsqueeze(0), state)


def spikingjelly(graph, frames):
    from spikingjelly.activation_based.nir_exchange import import_from_nir
    model, state = import_from_nir(graph), None
    for frame in frames:
        _, state = model(frame.unsqueeze(0), state)


READERS = [norse, sinabs, snntorch, spikingjelly]


def attempt(reader, path, pipe):
    sys.stdout = sys.stderr = None  # snnTorch and torch.fx talk
    try:
        graph = nir.read(path)
        with torch.no_grad():
            reader(graph, frames_of(graph))
        pipe.send(("runs", ""))
    except BaseException as problem:  # whatever a reader thinks of
        pipe.send(("refuses", f"{type(problem).__name__}: {problem}".split("\n")[0][:110]))


def outcome(reader, path):
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=attempt, args=(reader, path, theirs))
    process.start()
    theirs.close()
    try:
        found = ours.recv() if ours.poll(SECONDS) else ("hangs on", "")
    except EOFError:
        found = ("refuses", "the process ended")
    process.kill()
    process.join()
    return found


def predicted(tool, path):
    """By reader, and the rules that say so."""
    names = ",".join(reader.__name__ for reader in READERS)
    done = subprocess.run([tool, "nir", "lint", path, "--for", names, "--format", "json"],
                          capture_output=True, text=True)
    if done.returncode not in (0, 1):
        return {reader.__name__: ("refuses", "unreadable") for reader in READERS}
    findings = json.loads(done.stdout)["findings"]
    verdicts = {}
    for reader in READERS:
        own = [f for f in findings if f["reader"] == reader.__name__]
        rules = " ".join(sorted({f["rule"] for f in own if f["effect"] != "notes"}))
        effects = {f["effect"] for f in own}
        word = next((w for w in ("refuses", "hangs on", "drops") if w in effects), "runs")
        verdicts[reader.__name__] = (word, rules)
    return verdicts


def main():
    tool, folder, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    files = nir_lint_cases.write(pathlib.Path(folder)) + files
    torch.set_num_threads(1)
    for package in ("norse.torch", "sinabs", "snntorch.import_nir",
                    "spikingjelly.activation_based.nir_exchange"):
        __import__(package)  # once, before the forks
    wrong = right = 0
    for path in files:
        verdicts = predicted(tool, path)
        for reader in READERS:
            word, rules = verdicts[reader.__name__]
            found, problem = outcome(reader, path)
            if found == word or (word == "drops" and found in ("runs", "refuses")):
                right += 1
                continue
            wrong += 1
            print(f"WRONG   {pathlib.Path(path).stem} in {reader.__name__}: lint says it {word} it "
                  f"[{rules}], and it {found} it {problem}")
    print(f"{right} of {right + wrong} predictions hold")
    return 1 if wrong or not right else 0


if __name__ == "__main__":
    sys.exit(main())
