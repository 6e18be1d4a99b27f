"""Ripieno's chat with its embedded store."""

from harness.contender import Contender, main
from harness.ripieno_chain import steps_on_disk
from harness.ripieno_patterns import opened, talk

if __name__ == "__main__":
    main(
        Contender(
            label="Ripieno + SQLite",
            persistence="SQLite, WAL, synchronous=FULL; chained, encrypted, on disk before the caller hears",
            packages=("ripieno",),
            opened=lambda load: opened(load, talk(load)),
            records=steps_on_disk,
            shape="chat",
        )
    )
