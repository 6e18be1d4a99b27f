"""Agents that work elsewhere, reached by the Agent2Agent protocol (A2A 1.x): their card, calls, tasks.

What comes back is data from outside. The SDK is loaded at the first call, never by a definition.
May import what the room around it may.
"""

from ripieno.participants.remote.agent import RemoteAgent, remote_agent

__all__ = ["RemoteAgent", "remote_agent"]
