"""One module per format family; each turns bytes into a `ParsedDocument`."""
