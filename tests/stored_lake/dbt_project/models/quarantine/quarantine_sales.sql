{{ assay.quarantined('bronze_sales') }}
