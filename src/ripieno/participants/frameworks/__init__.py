"""Agents of other frameworks in process: what they ask of models and tools goes through the gate.

The frameworks are loaded by whoever uses them, never by a definition. May import what the room around it may.
"""

from ripieno.participants.frameworks.agent_framework import AgentFrameworkAgent, agent_framework_agent
from ripieno.participants.frameworks.langgraph import LangGraphAgent, langgraph_agent

__all__ = ["AgentFrameworkAgent", "LangGraphAgent", "agent_framework_agent", "langgraph_agent"]
