"""Memory: what is remembered beyond a run, per subject and per participant, written only through the gate.

May import what `connectors` may. What is remembered stands in the log; this finds it, and says whose it is.
"""
