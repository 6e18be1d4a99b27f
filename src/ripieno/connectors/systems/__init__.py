"""Connectors of systems: tools as methods, over their HTTP APIs or their databases.

May import what `connectors` may. A system's own module holds its vendor's words; `base.py` what all share.
"""
