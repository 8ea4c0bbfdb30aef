"""How fast the two ends talk; in seconds where nothing else is said."""

from __future__ import annotations

BEAT = 20.0
"""Seconds between two Asks of a host; the centre calls a host silent after SILENT."""
SILENT = 2.5 * BEAT
"""Seconds after which the centre calls a host silent: two beats missed, with their jitter."""
GONE = 6 * BEAT
"""Seconds after which the centre ends the connection of a host that says nothing: a line that died before the first
ping is noticed by nothing else."""
WINDOW = 16
"""Reports under way without acknowledgement."""
REPEAT = 30.0
"""Seconds after which unacknowledged reports are sent again on a living connection."""
REDELIVER = 600.0
"""Seconds after which the same release is sent again on a living connection."""
UNHEARD = 3
"""Releases that are sent to a host from which nothing is heard meanwhile. When it is heard again it gets the newest;
so what waits for a host that is slow or stopped is bounded, and what it would have outlived is never sent."""
