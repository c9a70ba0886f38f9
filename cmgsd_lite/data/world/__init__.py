"""The drawn world behind MiniVTT: what there is, how it looks, how it is described, what is true of it."""
