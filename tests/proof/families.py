"""Every family that there is: register a new one here."""

from __future__ import annotations

from tests.proof import (
    clocks,
    decoder,
    differential,
    fulldisk,
    guided,
    kills,
    lines,
    powercut,
    restored,
    signed,
    sim,
    socket_fuzz,
)
from tests.proof.family import Family

ALL: tuple[Family, ...] = (
    decoder.FAMILY,
    guided.FAMILY,
    signed.FAMILY,
    differential.FAMILY,
    socket_fuzz.FAMILY,
    lines.FLAP,
    lines.ONEWAY,
    sim.FAMILY,
    kills.FAMILY,
    fulldisk.FAMILY,
    powercut.FAMILY,
    clocks.FAMILY,
    restored.FAMILY,
)
BY_NAME = {family.name: family for family in ALL}
ABOUT = {family.name: family.about for family in ALL}
