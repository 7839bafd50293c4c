"""What a transaction or a call did, frame by frame: asked of a node, named by what is known, placed in the sources."""
