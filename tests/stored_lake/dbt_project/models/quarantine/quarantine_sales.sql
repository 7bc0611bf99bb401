{{ quarantined('bronze_sales') }}
