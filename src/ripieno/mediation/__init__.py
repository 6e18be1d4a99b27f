"""The gate: whether what is proposed may be done, and by whom it has to be approved first.

May import `identity`, `resilience`, `kernel`, `journal` and `model`.
"""
