"""Who acts: principals, roles, tenants.

May import `resilience`, `kernel`, `journal` and `model`.
"""
