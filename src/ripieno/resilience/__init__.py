"""Going on when something is short or broken: so far, histories that outgrow what a participant can read.

May import `kernel`, `journal` and `model`; knows nothing of participants but their protocol.
"""
