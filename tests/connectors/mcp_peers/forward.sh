#!/bin/bash
# Tells the test at a port which scenario is at what address, and ends as it says: a client costs no process.
exec 3<>"/dev/tcp/127.0.0.1/$1"
printf '%s\n%s\n%s\n' "$MCP_CONFORMANCE_SCENARIO" "$2" "${MCP_CONFORMANCE_CONTEXT:-null}" >&3
IFS= read -r said <&3
[ "$said" = done ] || { echo "$said" >&2; exit 1; }
