"""From a draft to a receipt: who signs, what is filled in, sending and waiting."""
