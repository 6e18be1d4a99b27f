"""Services described by OpenAPI 3.0 and 3.1 as connectors: each operation a tool.

May import what `connectors` may. A document is data of a stranger: it is bounded, and refers to itself alone.
"""
