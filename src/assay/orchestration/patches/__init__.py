"""Changes to parts of Dagster that it does not offer for change, each with why and the version it was tried on."""
