"""Long runs of generated cases: `make proof`, and their samples in `make test`. CONTRIBUTING.md says how to add one."""
