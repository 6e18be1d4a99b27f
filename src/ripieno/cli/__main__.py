"""`python -m ripieno.cli`: how the command line starts itself again as another process."""

from ripieno.cli.front import main

main()
