"""Where the values of an act come from: what a run has taken in, matched in what it is about to give out.

May import what `mediation` may: `kernel`, `journal`, `model`. Read only where a policy asks for it.
"""
