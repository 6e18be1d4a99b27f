"""What others reach from outside: workflows and approvals served over protocols.

May import everything below but `blueprints`. Whoever comes is known by a key or token, or by the machine.
"""
