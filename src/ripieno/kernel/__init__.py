"""Runs: replay, scopes, branches, claims, questions, parking, ownership, dispatch.

May import `journal` and `model`.
"""
