"""Ripieno with its embedded store."""

from harness.contender import Contender, main
from harness.ripieno_chain import in_sqlite, steps_on_disk

if __name__ == "__main__":
    main(
        Contender(
            label="Ripieno + SQLite",
            persistence="SQLite, WAL, synchronous=FULL; chained, encrypted, on disk before the caller hears",
            packages=("ripieno",),
            opened=in_sqlite,
            records=steps_on_disk,
        )
    )
