"""The operator's command line: one file per command, which only parses, asks and prints."""
