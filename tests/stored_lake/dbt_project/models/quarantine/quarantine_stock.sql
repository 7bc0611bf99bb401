{{ assay.quarantined('bronze_stock') }}
