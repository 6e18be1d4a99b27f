"""LLM agents: Pydantic AI's loop, with each model request and each tool call a step through the gate.

May import what participants may. Pydantic AI itself is loaded at the first turn, so that declaring an agent
costs nothing.
"""
