"""Everything that acts: functions and people here; agents and remote agents join them.

May import `mediation`, `identity`, `resilience`, `kernel`, `journal` and `model`.
"""
