"""Signs what the log is at a moment, publishes it outside the store, and hands the log out with its proofs.

May import `kernel`, `journal`, `model` and `proof`.
"""
