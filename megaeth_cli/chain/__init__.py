"""What a node says of its chain: asked, checked for its form, and read. Knows no contracts and signs nothing."""
