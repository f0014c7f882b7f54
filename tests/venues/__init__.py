"""A server on this machine that speaks as venues do, with numbers of our own."""
