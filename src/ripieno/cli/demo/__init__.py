"""`ripieno demo`: the whole in under a minute, on a machine that has nothing but Ripieno."""
