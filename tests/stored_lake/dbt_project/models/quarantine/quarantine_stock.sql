{{ quarantined('bronze_stock') }}
