"""AgentDojo through the gate; see README.md."""
