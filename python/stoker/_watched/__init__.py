"""What code asks of its surroundings while somebody watches: environment variables, paths, modules, and who asks."""
