"""Where a host's software meets the machine it runs on: one door per outside thing."""
