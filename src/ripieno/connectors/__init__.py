"""Tools: typed declarations of what can be done to the world.

May import `mediation`, `identity`, `resilience`, `kernel`, `journal` and `model`.
"""
