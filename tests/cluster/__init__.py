"""A real Kubernetes control plane for tests, and the node's part of it played by the test. README.md has the whole."""
