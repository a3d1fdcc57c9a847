"""A real S3 server for tests. README.md has the whole."""
