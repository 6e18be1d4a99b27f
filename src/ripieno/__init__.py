"""A governed orchestration platform for AI agents, people and plain automation."""
