"""config.yaml into typed values, and exact words about what is wrong with it."""
