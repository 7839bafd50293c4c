"""Making sense of state: names for storage slots, words for failures, contents of logs. Asks no node."""
