"""Events that senders post, taken by `assay serve`."""
