"""With what its assets work: the open lake, and resources of its own."""
