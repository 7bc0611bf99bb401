"""Where a row of a published table comes from: rows of its inputs, files with their lines, loads, contract versions."""
