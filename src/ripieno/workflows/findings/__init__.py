"""What `ripieno check` finds in a workflow: one kind to a file, all of them in the catalogue.

May import `workflows.workflow`, `workflows.places`, `patterns`, `participants` and everything below.
"""
