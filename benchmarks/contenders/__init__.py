"""One file per contender, and nothing else: the harness runs every module it finds here."""
