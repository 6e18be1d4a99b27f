"""Retrieval: a tenant's own documents, found by their words, and what a function of one's own finds.

May import what `connectors` may. Each result has its source and score, and is labelled.
"""
