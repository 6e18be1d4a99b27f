"""MCP: the tools of a server by the Model Context Protocol, over stdio and streamable HTTP.

A server is not trusted: its tools are pinned by their whole definition, what they give is bounded, checked
and untrusted, and whatever it asks for goes to people and to the gate.

May import what `connectors` may. The `mcp` library is imported when a server is first reached.
"""
