"""The one log: events, chain, payloads, keys and the stores that keep them.

May import `model` only.
"""
