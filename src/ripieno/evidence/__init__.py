"""What the log tells, put for people: the story of a run, and the reports that auditors ask for.

May import `identity`, `resilience`, `kernel`, `journal` and `model`.
"""
