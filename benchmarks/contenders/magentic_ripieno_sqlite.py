"""Ripieno's magentic with its embedded store."""

from harness.contender import Contender, main
from harness.ripieno_chain import steps_on_disk
from harness.ripieno_patterns import directed, opened

if __name__ == "__main__":
    main(
        Contender(
            label="Ripieno + SQLite",
            persistence="SQLite, WAL, synchronous=FULL; chained, encrypted, on disk before the caller hears",
            packages=("ripieno",),
            opened=lambda load: opened(load, directed(load)),
            records=steps_on_disk,
            shape="magentic",
        )
    )
