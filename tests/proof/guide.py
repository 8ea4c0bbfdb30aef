"""A process that feeds one decoder as libFuzzer leads it: `python -m tests.proof.guide TARGET SEED RUNS FOLDER`.

libFuzzer ends the process that it runs in, so each case of the family `guided` has one. FOLDER gets what it keeps
(`corpus/`), and the input on which it stopped (`crash-...`, `timeout-...`, `oom-...`).

Half of the mutants are libFuzzer's own. The other half are those of mutate.py, which know msgpack's form: libFuzzer
alone hardly gets past a length that must fit.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import atheris

LARGEST = 8192
SLOWEST = 20
"""Seconds that one input may take, of real time, on a machine that has other things to do."""
MEMORY = 512
"""MiB."""


def main() -> None:
    """Fuzz; does not return."""
    name, seed, runs, folder = sys.argv[1:]
    with atheris.instrument_imports(include=["orch", "debian", "msgpack", "tomllib", "yaml"]):
        from tests.proof import targets
    from orch.common.errors import OrchError
    from tests.proof.mutate import bent, changed

    at = [target.name for target in targets.TARGETS].index(name)
    target, valid = targets.TARGETS[at], targets.corpus()[at]
    corpus = Path(folder) / "corpus"
    corpus.mkdir()
    for number, data in enumerate(valid):
        (corpus / f"valid-{number:02}").write_bytes(data)

    def one(data: bytes) -> None:
        try:
            target.read(data)
        except OrchError:
            return

    def mutated(data: bytes, largest: int, seed: int) -> bytes:
        fall = Random(seed)
        if fall.random() < 0.5:
            return atheris.Mutate(data, largest)
        if target.packed and fall.random() < 0.5:
            try:
                return bent(data, fall)[:largest]
            except ValueError:  # no msgpack any more
                pass
        return changed(data, valid, fall)[:largest]

    options = {"runs": runs, "seed": seed, "max_len": LARGEST, "timeout": SLOWEST, "rss_limit_mb": MEMORY}
    words = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([sys.argv[0], *words, f"-artifact_prefix={folder}/", str(corpus)], one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
