"""Workflows served as agents by the Agent2Agent protocol (A2A 1.0): a run is a task.

May import everything below but `blueprints`; the SDK is loaded with it, so that only who serves imports it.
"""
