"""What an LLM agent costs beside the bare one of Pydantic AI, and how many turns go side by side."""
