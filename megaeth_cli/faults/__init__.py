"""`megaeth devnet inject`: the faults that there are, having one happen, and waiting for who should notice."""
