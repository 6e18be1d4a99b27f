"""What measures, and what reports. Knows no contender by name."""
