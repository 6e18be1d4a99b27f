"""`ripieno runs`: one file per thing that is done with runs; `story` reads a run's log as people tell it."""
