"""Where the centre meets the machine it runs on: one door per outside thing."""
