"""The definition of a workflow, in Python and in YAML: one validated model, one digest.

May import `patterns`, `participants`, `connectors` and everything below.
"""
