"""What is published, for assistants that ask over the Model Context Protocol: read-only, masked, within limits."""
