"""Workflows and approvals as tools of an MCP server, each through the gate as whoever calls it.

May import what `api` may. The `mcp` library is an extra.
"""
