#!/usr/bin/env python3
"""Runs the commands of a page and compares what they print with what the page says.

usage: walkthrough.py PAGE --tool PATH [--update]

A block marked `console` holds one command behind `$ ` and its output. The commands run one after the other, by bash, in a
copy of the shipped pipelines, with the tool as `neurotool`. With --update the page is written again.
"""
import argparse
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)


def prepare(folder, tool):
    """configs/ as a reader has it; models and data are not copied."""
    configs = folder / "configs"
    configs.mkdir()
    for pipeline in (ROOT / "configs").glob("*.yaml"):
        shutil.copy(pipeline, configs)
    for name in ("models", "data"):
        (configs / name).symlink_to(ROOT / "configs" / name)
    (folder / "bin").mkdir()
    (folder / "bin" / "neurotool").symlink_to(pathlib.Path(tool).resolve())
    return {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}


def run(command, folder, environment):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        sys.exit(f"$ {command}\nexit code {done.returncode}: {done.stderr.strip()}")
    return "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    text = arguments.page.read_text()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        environment = prepare(folder, arguments.tool)

        def replaced(block):
            command = block.group(1).splitlines()[0].removeprefix("$ ")
            return f"$ {command}\n{run(command, folder, environment)}"

        commands = len(BLOCK.findall(text))
        now = BLOCK.sub(replaced, text)
    if commands == 0:
        sys.exit(f"'{arguments.page}' has no console block")
    if arguments.update:
        arguments.page.write_text(now)
    elif now != text:
        sys.stdout.writelines(difflib.unified_diff(text.splitlines(True), now.splitlines(True), "the page says",
                                                   "the commands print"))
        sys.exit(1)
    print(f"{commands} commands print what '{arguments.page.name}' says")


if __name__ == "__main__":
    main()
