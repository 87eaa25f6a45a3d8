"""One module per heavy library; imported by `api.wiring` alone."""
