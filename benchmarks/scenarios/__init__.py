"""One file per scenario that has no peer to stand beside: the harness runs every module it finds here."""
