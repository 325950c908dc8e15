"""Help in the product: what a figure means, how completeness is judged, what is new, keys, and the API."""
