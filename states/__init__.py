"""What a host can be told to be: one module per state, each of which looks and plans and never acts.

Nothing here does I/O of its own: a state reads through the ``Host`` port and yields steps, which the host's executor
alone applies. So a dry run is the same code without its last line. No state imports another; ``registry`` sees all.
"""
