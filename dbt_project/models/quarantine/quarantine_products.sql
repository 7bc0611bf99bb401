{{ quarantined('bronze_products') }}
