#!/usr/bin/env python3
"""Prints what run_nir_readers found, and where `neurotool nir lint` said something else.

    nir_readers_table.py NEUROTOOL FOLDER

Exit code 1 where a prediction does not hold, or a network differs in the reader that its profile is
for. A prediction is: equal where lint has nothing but notes, refused or another result where it says
that the reader refuses or drops, another result where it misreads.
"""
import json
import pathlib
import subprocess
import sys

NAMES = {"norse", "snntorch", "spikingjelly", "sinabs", "rockpool", "spyx"}
# The caller gives the step, and lint speaks of the default one.
STEP_RULES = {"spikingjelly": {"r", "w-in", "tau"}}
PROMISES = {"norse": {"norse"}, "plain": {"spikingjelly adapter", "sinabs adapter"},
            "hard": {"snntorch", "spikingjelly", "spikingjelly adapter"}, "native": set()}


def findings(tool, path):
    done = subprocess.run([tool, "nir", "lint", path, "--for", ",".join(sorted(NAMES)), "--format", "json"],
                          capture_output=True, text=True)
    return json.loads(done.stdout)["findings"]


def predicted(found, reader):
    effects = {f["effect"] for f in found if f["reader"] == reader
               and f["rule"] not in STEP_RULES.get(reader, set())} - {"notes"}
    words = set() if effects else {"equal"}
    if effects & {"misreads", "drops"}:
        words |= {"differs"}
    if effects & {"refuses", "drops"}:
        words |= {"refuses"}
    return words | ({"hangs"} if "hangs on" in effects else set())


def short(outcome):
    word = outcome.split(":")[0]
    if word not in ("equal", "differs"):
        return word
    return outcome.split(": ")[1].split(" spikes")[0].replace(" of ", "/")


def main():
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    rows, networks, bad = {}, [], []
    lint = {}
    for line in (folder / "results.tsv").read_text().splitlines():
        who, network, outcome = line.split("\t")
        rows.setdefault(who, {})[network] = outcome
        if not network:
            continue
        if network not in networks:
            networks.append(network)
            lint[network] = findings(tool, str(folder / "files" / f"{network}.nir"))
        reader, _, *way = who.split(" ", 2)
        word = outcome.split(":")[0]
        if " ".join([reader, *way]).replace(" as is", "") in PROMISES[network.split("_")[-1]] and word != "equal":
            bad.append(f"{network} in {who} {outcome}, and its profile is for it")
        if reader not in NAMES or way == ["adapter"]:
            continue
        wanted = predicted(lint[network], reader)
        if word not in wanted:
            bad.append(f"{network} in {who} {outcome}, and lint predicts: {' or '.join(sorted(wanted))}")
    width = max(map(len, rows))
    print("spikes that differ, of all: profile and network")
    for part in (1, 0):
        names = [name.rsplit("_", 1)[part] for name in networks]
        print(" " * width + "".join(name.rjust(13) for name in names))
    for who, found in rows.items():
        cells = "".join(short(found.get(name, "-")).rjust(13) for name in networks)
        print(who.ljust(width) + (cells if "" not in found else f"  {found['']}"))
    print()
    refusals = {(who.split()[0], outcome[9:]) for who, found in rows.items()
                for outcome in found.values() if outcome.startswith("refuses")}
    for reader, refusal in sorted(refusals):
        print(f"{reader} refuses: {refusal}")
    print()
    for problem in bad:
        print("WRONG  ", problem)
    print(f"{len(bad)} of {sum(len(found) for found in rows.values())} results are not as said")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
