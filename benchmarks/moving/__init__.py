"""What moving a log into a database takes, by how long the log is."""
