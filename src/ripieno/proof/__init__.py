"""What can be shown to somebody who trusts a public key alone: trees, notes, the verification of exports.

May import: the standard library and `cryptography`; nothing of the rest of Ripieno.
"""
