"""What this repository shows Assay with: a year of receipts of a grocery chain, replayed as the files that arrived."""
