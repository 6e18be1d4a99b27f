"""How participants work together; every pattern is itself a participant, so that they nest.

May import `participants`, `connectors`, `mediation`, `identity`, `resilience`, `kernel`, `journal`
and `model`.
"""
