"""From the operator's files to one document per host: read, check, merge, compile.

Every finding knows its file, line and column. Nothing here signs, connects or starts a process.
"""
