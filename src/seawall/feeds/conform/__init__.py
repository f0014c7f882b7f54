"""Published cases of margin models, read in the shape in which their sources keep them."""
