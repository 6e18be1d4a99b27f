"""The gate: whether what is proposed may be done, who has to approve it first, and what it never tells.

May import `identity`, `resilience`, `kernel`, `journal` and `model`.
"""
