"""Which systems are asked where none is named. The command line reads this first, so nothing else is in here."""

DEFAULT = ("instructsam-tiny", "sam3-agent-tiny")
