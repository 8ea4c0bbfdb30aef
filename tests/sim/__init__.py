"""The simulator: the state machines that ship, with time, network, disks and trouble that a seed decides."""
